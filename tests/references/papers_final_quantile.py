"""Quantile losses with a price for wrong order, one by one."""

import torch


def _noncrossing(x, y, *, quantiles, penalty=1.0, margin=0.0):
    """Koenker and Bassett 1978, and the constraint of Bondell 2010 where it is violated."""
    levels = [float(q) for q in quantiles]
    units = []
    for row, truth in zip(x.tolist(), y.tolist(), strict=True):
        total = 0.0
        for q, value in zip(levels, row, strict=True):
            short = truth - value
            total += (q * short if short > 0 else (q - 1) * short) / len(levels)
        ordered = [value for _, value in sorted(zip(levels, row, strict=True))]
        for k in range(len(ordered) - 1):
            gap = ordered[k + 1] - ordered[k]
            if gap < margin:
                total += penalty * (margin - gap) / (len(ordered) - 1)
        units.append(total)
    return torch.tensor(units, dtype=torch.float64)


REFERENCES = {"noncrossing_quantile_loss": _noncrossing}
