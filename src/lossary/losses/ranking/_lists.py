"""Lists of scored items: padding, ranks and gains."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def items(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return which items are no padding, and scores and relevances with padding set to 0.

    Padding is an item of negative relevance, or of none (nan); its score may be anything.
    """
    real = target >= 0
    return real, torch.where(real, input, 0.0), torch.where(real, target, 0.0)


def differences(scores: Tensor) -> Tensor:
    """Return how much the first item of each pair is ahead of the second, of shape (N, L, L)."""
    return scores.unsqueeze(2) - scores.unsqueeze(1)


def ordered(real: Tensor, relevance: Tensor) -> Tensor:
    """Return of which pairs (i, j) the item i is the more relevant one, of shape (N, L, L)."""
    return (relevance.unsqueeze(2) > relevance.unsqueeze(1)) & real.unsqueeze(2) & real.unsqueeze(1)


def beaten_by(scores: Tensor, real: Tensor) -> Tensor:
    """Return by which j each i is beaten, of shape (N, L, L); of equals by those before it."""
    ahead, own = scores.unsqueeze(1), scores.unsqueeze(2)
    place = torch.arange(scores.shape[1], device=scores.device)
    return ((ahead > own) | ((ahead == own) & (place < place[:, None]))) & real.unsqueeze(1)


def discount(rank: Tensor) -> Tensor:
    """Return what a gain at ``rank``, counted from 1, is worth."""
    return math.log(2) / torch.log1p(rank)


def gains(relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Return gains 2^r - 1 as shares of the best DCG, and of which lists there is any.

    Powers of relevances overflow, their shares do not: all are counted in units of the largest.
    """
    nothing = torch.zeros_like(relevance[:, :1].sum(1, keepdim=True))
    largest = torch.cat([relevance, nothing], 1).amax(1, keepdim=True).detach()
    gain = torch.exp2(relevance - largest) * -torch.expm1(-math.log(2) * relevance)
    rank = torch.arange(1, relevance.shape[1] + 1, device=gain.device, dtype=gain.dtype)
    best = (gain.sort(1, descending=True).values * discount(rank)).sum(1, keepdim=True)
    some = best >= torch.finfo(best.dtype).tiny
    return torch.where(some, gain, 0.0) / torch.where(some, best, 1.0), some.squeeze(1)
