"""The equations of the papers on losses of waveforms, transcribed sample by sample."""

import cmath
import itertools
import math

import torch


def _waves(function):
    def units(x, y, **hyper):
        found = [function(a, b, **hyper) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return units


def _centred(x):
    mean = math.fsum(x) / len(x)
    return [v - mean for v in x]


def _energy(x):
    return math.fsum(v * v for v in x)


def _snr(x, y, *, zero_mean=False, eps=1e-8):
    if zero_mean:
        x, y = _centred(x), _centred(y)
    noise = _energy([a - b for a, b in zip(x, y, strict=True)])
    return -10 * math.log10((_energy(y) + eps) / (noise + eps))


def _si_sdr(x, y, *, zero_mean=True, eps=1e-8):
    """Le Roux et al. 2019, eq. 3."""
    if zero_mean:
        x, y = _centred(x), _centred(y)
    a = math.fsum(p * q for p, q in zip(x, y, strict=True)) / (_energy(y) + eps)
    return _snr(x, [a * q for q in y], eps=eps)


def _pit(x, y, **hyper):
    orders = itertools.permutations(range(len(x)))
    return min(
        math.fsum(_si_sdr(x[p], y[s], **hyper) for s, p in enumerate(order)) / len(x)
        for order in orders
    )


def _magnitudes(x, fft_size, hop_size, window_size, eps):
    """The transform of each frame as a sum; a mirror at both ends."""
    half, before = fft_size // 2, (fft_size - window_size) // 2
    mirrored = x[half:0:-1] + x + x[-2 : -2 - half : -1]
    found = []
    for start in range(0, len(mirrored) - fft_size + 1, hop_size):
        frame = [0.0] * fft_size
        for k in range(window_size):
            hann = 0.5 - 0.5 * math.cos(2 * math.pi * k / window_size)
            frame[before + k] = hann * mirrored[start + before + k]
        for f in range(fft_size // 2 + 1):
            turns = (cmath.exp(-2j * math.pi * f * k / fft_size) for k in range(fft_size))
            value = abs(sum(v * t for v, t in zip(frame, turns, strict=True)))
            found.append(max(value, math.sqrt(eps)))
    return found


def _stft(x, y, *, fft_size=1024, hop_size=120, window_size=600, eps=1e-7):
    """Yamamoto et al. 2020, eq. 3 to 5."""
    a, b = (_magnitudes(t, fft_size, hop_size, window_size, eps) for t in (x, y))
    pairs = list(zip(a, b, strict=True))
    convergence = math.sqrt(_energy([q - p for p, q in pairs]) / _energy(b))
    return convergence + math.fsum(abs(math.log(q / p)) for p, q in pairs) / len(pairs)


def _multi_resolution(x, y, *, fft_sizes, hop_sizes, window_sizes, eps=1e-7):
    sizes = list(zip(fft_sizes, hop_sizes, window_sizes, strict=True))
    return math.fsum(
        _stft(x, y, fft_size=f, hop_size=h, window_size=w, eps=eps) for f, h, w in sizes
    ) / len(sizes)


REFERENCES = {
    "snr_loss": _waves(_snr),
    "si_sdr_loss": _waves(_si_sdr),
    "pit_si_sdr_loss": _waves(_pit),
    "stft_loss": _waves(_stft),
    "multi_resolution_stft_loss": _waves(_multi_resolution),
}
