"""Losses that shape embeddings: margins between angles, centres, similarities."""
