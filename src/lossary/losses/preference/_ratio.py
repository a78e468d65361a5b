"""Ratios of probabilities from their logarithms, finite however far apart the two are."""

from __future__ import annotations

import torch
from torch import Tensor


def ratio(log_ratio: Tensor, bound: float) -> Tensor:
    """Return the exponential, which goes on along its tangent from ``bound`` on."""
    near = log_ratio.clamp(max=bound)
    return near.exp() * (1 + (log_ratio - near))


def ratio_minus_one(log_ratio: Tensor, bound: float) -> Tensor:
    """Return the same less 1, exact where the ratio is near 1."""
    near = log_ratio.clamp(max=bound)
    return near.expm1() + near.exp() * (log_ratio - near)


def deformed_log(log_p: Tensor, alpha: float, bound: float) -> Tensor:
    r"""Return :math:`(1 - p^{-\alpha}) / \alpha`, which is :math:`\log p` for ``alpha`` 0."""
    if alpha == 0:
        return log_p
    return -ratio_minus_one(-alpha * log_p, bound) / alpha


def log_odds(log_p: Tensor) -> Tensor:
    r"""Return :math:`\log \frac{p}{1 - p}`; of a p that is 1, the largest that can be told."""
    below = log_p.clamp(max=-torch.finfo(log_p.dtype).tiny)
    return log_p - (-torch.expm1(below)).log()


def clipped_gain(
    log_ratio: Tensor, advantage: Tensor, low: float, high: float, bound: float
) -> Tensor:
    """Return the gain of a policy, held where its ratio has moved far enough."""
    moved = ratio(log_ratio, bound)
    return torch.minimum(moved * advantage, moved.clamp(1 - low, 1 + high) * advantage)
