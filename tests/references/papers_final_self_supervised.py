"""The contrastive loss of SimCTG, pair by pair."""

import math

import torch


def _cosine(a, b):
    inner = sum(x * y for x, y in zip(a, b, strict=True))
    return inner / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def _simctg(h, lengths, *, margin=0.5):
    """Su et al. 2022: the similarity of a token with itself, and with every other."""
    units = []
    for rows, size in zip(h.tolist(), lengths.tolist(), strict=True):
        total = 0.0
        for i in range(size):
            for j in range(size):
                if i != j:
                    same = _cosine(rows[i], rows[i])
                    total += max(0.0, margin - same + _cosine(rows[i], rows[j]))
        units.append(total / (size * (size - 1)) if size > 1 else 0.0)
    return torch.tensor(units, dtype=torch.float64)


REFERENCES = {"simctg_loss": _simctg}
