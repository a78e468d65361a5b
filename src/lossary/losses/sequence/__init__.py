"""Losses of sequences: alignments without given times, paths of labels, lists of hypotheses."""
