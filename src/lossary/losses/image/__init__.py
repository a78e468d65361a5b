"""Losses between images, over the features of a network."""
