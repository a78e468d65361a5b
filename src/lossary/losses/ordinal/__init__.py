"""Losses of ordered classes."""
