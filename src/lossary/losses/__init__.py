"""The losses: a folder per family, a file per idea."""
