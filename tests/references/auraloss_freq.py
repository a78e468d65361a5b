"""Auraloss' losses of spectrograms, one waveform at a time, with windows of double precision."""

import torch
from auraloss.freq import STFTLoss


def _stft(x, y, *, fft_size, hop_size, window_size, eps=1e-7):
    loss = STFTLoss(fft_size, hop_size, window_size, eps=eps)
    loss.window = torch.hann_window(window_size, dtype=torch.float64)
    return torch.stack([loss(a[None, None], b[None, None]) for a, b in zip(x, y, strict=True)])


def _multi_resolution(x, y, *, fft_sizes, hop_sizes, window_sizes, eps=1e-7):
    sizes = zip(fft_sizes, hop_sizes, window_sizes, strict=True)
    losses = [_stft(x, y, fft_size=f, hop_size=h, window_size=w, eps=eps) for f, h, w in sizes]
    return torch.stack(losses).mean(0)


REFERENCES = {"stft_loss": _stft, "multi_resolution_stft_loss": _multi_resolution}
