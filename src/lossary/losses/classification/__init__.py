"""Losses over mutually exclusive classes, from logits or log-probabilities."""
