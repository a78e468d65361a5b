"""A Fenchel-Young loss from the definition of the conjugate: half the squares on [-1, 1]."""

import torch


def _fenchel_young(conjugate, theta, y, *, regularizer=None):
    """Blondel 2020: the largest <theta, p> - |p|^2 / 2 is at theta, or the nearest that may be."""

    def value(scores, p):
        return sum(s * q - q * q / 2 for s, q in zip(scores, p, strict=True))

    units = []
    for scores, truth in zip(theta.tolist(), y.tolist(), strict=True):
        best = value(scores, [min(1.0, max(-1.0, s)) for s in scores])
        loss = best - value(scores, truth)  # Omega* + Omega(y) - <theta, y>
        if regularizer is None:
            loss -= sum(t * t / 2 for t in truth)
        units.append(loss)
    return torch.tensor(units, dtype=torch.float64)


REFERENCES = {"fenchel_young_loss": _fenchel_young}
