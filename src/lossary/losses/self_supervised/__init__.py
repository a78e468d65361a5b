"""Losses of representations that learn without labels."""
