"""Distances between all points of two sets, with finite gradients where points meet."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances (N, P, Q) of points (N, P, D) and (N, Q, D).

    From differences: products of vectors would leave nothing of a small distance far from 0.
    """
    return (x.unsqueeze(2) - y.unsqueeze(1)).square().sum(3)


def root(squares: Tensor) -> Tensor:
    """Return the square root; that of zero has gradient 0."""
    nothing = squares == 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, squares).sqrt())


def mean_of_pairs(pairs: Tensor) -> Tensor:
    """Return the mean over the pairs (N, P, Q); that of nothing is 0."""
    return pairs.sum((1, 2)) / max(1, pairs.shape[1] * pairs.shape[2])
