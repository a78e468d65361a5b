"""Losses of rankings and of recommendation."""
