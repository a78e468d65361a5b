"""Losses between waveforms."""
