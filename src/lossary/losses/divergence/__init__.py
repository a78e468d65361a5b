"""Divergences between probability distributions, and their entropy."""
