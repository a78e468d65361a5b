"""Losses that align a language model with preferences and rewards."""
