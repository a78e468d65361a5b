"""Losses of errors that outliers do not rule."""
