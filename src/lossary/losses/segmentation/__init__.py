"""Losses of segmentation: overlap, boundaries and shapes of regions."""
