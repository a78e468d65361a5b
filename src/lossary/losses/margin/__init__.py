"""Losses of the margin by which a score is right."""
