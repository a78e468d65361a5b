"""Losses between real numbers."""
