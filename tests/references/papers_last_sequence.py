"""The token-and-duration transducer: all paths, one by one."""

import torch
from mpmath import exp, fsum, inf, log, mpf, workdps


def _log_softmax(row):
    total = log(fsum(exp(mpf(v)) for v in row))
    return [mpf(v) - total for v in row]


def _paths(x, d, labels, frames, durations, blank, sigma, t=0, u=0):
    """The probability of all that may follow: Xu et al. 2023, section 3, read forwards."""
    if t >= frames:
        return mpf(0)
    tokens, lasts = _log_softmax(x[t][u]), _log_softmax(d[t][u])
    found = mpf(0)
    for k, step in enumerate(durations):
        if step:
            if t + step == frames and u == len(labels):
                found += exp(tokens[blank] - sigma + lasts[k])
            elif t + step < frames:
                rest = _paths(x, d, labels, frames, durations, blank, sigma, t + step, u)
                found += exp(tokens[blank] - sigma + lasts[k]) * rest
        if u < len(labels):
            rest = _paths(x, d, labels, frames, durations, blank, sigma, t + step, u + 1)
            found += exp(tokens[labels[u]] - sigma + lasts[k]) * rest
    return found


def _tdt(x, d, y, t, u, *, durations=(0, 1, 2, 3, 4), blank=0, sigma=0.0):
    out = []
    with workdps(60):
        for row in zip(*(v.tolist() for v in (x, d, y, t, u)), strict=True):
            scores, lasts, labels, frames, size = row
            p = _paths(scores, lasts, labels[:size], frames, durations, blank, sigma)
            p = p if frames else mpf(size == 0)
            out.append(float(-log(p) if p else inf))
    return torch.tensor(out, dtype=torch.float64)


REFERENCES = {"tdt_loss": _tdt}
