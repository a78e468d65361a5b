"""The Kullback-Leibler divergence of logarithms, exact where the distributions nearly agree."""

from __future__ import annotations

import torch
from torch import Tensor

NEAR = 0.01  # below, four terms of the series have all digits


def kl_of_logs(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the divergence of q from p along dimension 1, both given as logarithms that sum to 1.

    As the sum of ``p (e^d - 1 - d)`` with ``d = log q - log p``: what it adds to the definition is
    the sum of ``q - p``, which is zero, and no term is below zero, so nothing cancels.
    """
    p, d = log_p.exp(), log_q - log_p
    small, middle = d.clamp(-NEAR, NEAR), d.clamp(max=1)
    series = small.square() * (1 / 2 + small * (1 / 6 + small * (1 / 24 + small / 120)))
    # far above, e^d may overflow, but p e^d is q
    far = log_q.exp() - p - p * d.clamp(min=1)
    term = torch.where(d.abs() < NEAR, p * series, p * (middle.expm1() - middle))
    return torch.where(d > 1, far, term).sum(1)
