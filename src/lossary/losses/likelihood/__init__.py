"""Negative log-likelihoods, deviances and scores of predicted distributions."""
