"""Distances between distributions: of samples, of histograms, and of sets of points."""
