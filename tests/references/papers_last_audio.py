"""Further papers on losses of waveforms, sample by sample."""

import cmath
import math

import torch


def _waves(function):
    def units(x, y, **hyper):
        found = [function(a, b, **hyper) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _esr(x, y, *, pre_emphasis=0.85, eps=1e-8):
    """Wright and Välimäki 2020: each waveform is filtered for itself."""

    def filtered(v):
        return [u - pre_emphasis * (v[t - 1] if t else 0.0) for t, u in enumerate(v)]

    ours, theirs = filtered(x), filtered(y)
    noise = math.fsum((a - b) ** 2 for a, b in zip(theirs, ours, strict=True))
    return noise / (math.fsum(b * b for b in theirs) + eps)


def _sd_sdr(x, y, *, zero_mean=True, eps=1e-8):
    """Le Roux et al. 2019."""
    if zero_mean:
        x, y = ([u - math.fsum(v) / len(v) for u in v] for v in (x, y))
    pairs = list(zip(x, y, strict=True))
    a = math.fsum(p * q for p, q in pairs) / (math.fsum(q * q for q in y) + eps)
    scaled = math.fsum((a * q) ** 2 for q in y)
    return -10 * math.log10((scaled + eps) / (math.fsum((q - p) ** 2 for p, q in pairs) + eps))


def _powers(x, fft_size, hop_size, window_size, eps):
    """Of each frame of the mirrored waveform, the squared sizes of the sums of the transform."""
    half, before = fft_size // 2, (fft_size - window_size) // 2
    mirrored = x[half:0:-1] + x + x[-2 : -2 - half : -1]
    for start in range(0, len(mirrored) - fft_size + 1, hop_size):
        row = []
        for f in range(half + 1):
            total = 0.0
            for k in range(window_size):
                hann = 0.5 - 0.5 * math.cos(2 * math.pi * k / window_size)
                turn = cmath.exp(-2j * math.pi * f * (before + k) / fft_size)
                total += hann * mirrored[start + before + k] * turn
            row.append(max(abs(total) ** 2, eps))
        yield row


def _log_spectral(x, y, *, fft_size, hop_size, window_size, eps=1e-8):
    """Gray and Markel 1976: root mean square in each frame."""
    sizes = fft_size, hop_size, window_size, eps
    frames = [
        math.sqrt(sum((10 * math.log10(p / q)) ** 2 for p, q in zip(a, b, strict=True)) / len(a))
        for a, b in zip(_powers(x, *sizes), _powers(y, *sizes), strict=True)
    ]
    return sum(frames) / len(frames)


REFERENCES = {
    "error_to_signal_ratio_loss": _waves(_esr),
    "sd_sdr_loss": _waves(_sd_sdr),
    "log_spectral_distance_loss": _waves(_log_spectral),
}
