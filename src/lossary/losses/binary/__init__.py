"""Losses over independent yes-or-no labels."""
