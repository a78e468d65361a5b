"""The soft rank correlation, by pooling neighbours one after the other."""

from fractions import Fraction

import torch


def _projection(z):
    """The nearest point of the hull of the orders of n, ..., 1, by pool adjacent violators.

    Blondel et al. 2020, section 5: sort, regress, unsort; exact in rational numbers.
    """
    n = len(z)
    order = sorted(range(n), key=lambda i: -z[i])
    blocks = []  # each a sum and a number, with falling means
    for k, i in enumerate(order):
        blocks.append((z[i] - (n - k), 1))
        while len(blocks) > 1 and blocks[-1][0] * blocks[-2][1] > blocks[-2][0] * blocks[-1][1]:
            (a, m), (b, k_b) = blocks.pop(), blocks.pop()
            blocks.append((a + b, m + k_b))
    levels = [total / count for total, count in blocks for _ in range(count)]
    out = [Fraction(0)] * n
    for level, i in zip(levels, order, strict=True):
        out[i] = z[i] - level
    return out


def _spearman(x, y, *, temperature=1.0):
    found = []
    for scores, values in zip(x.tolist(), y.tolist(), strict=True):
        n = len(scores)
        soft = _projection([Fraction(v) / Fraction(temperature) for v in scores])
        ranks = []
        for v in values:
            places = [k for k, other in enumerate(sorted(values), 1) if other == v]
            ranks.append(Fraction(sum(places), len(places)))
        squares = sum((a - b) ** 2 for a, b in zip(soft, ranks, strict=True))
        found.append(float(squares * 6 / (n * (n * n - 1))))
    return torch.tensor(found, dtype=torch.float64)


REFERENCES = {"soft_spearman_loss": _spearman}
