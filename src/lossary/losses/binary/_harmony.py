"""How rare the sizes of gradients are."""

from __future__ import annotations

import torch
from torch import Tensor


def harmony(size: Tensor, bins: int, weight: Tensor | None) -> Tensor:
    """Return for sizes from 0 to 1 the inverse of their density, over those that take part."""
    there = torch.ones_like(size) if weight is None else (weight != 0).to(size.dtype)
    place = (size * bins).long().clamp(0, int(bins) - 1).reshape(-1)
    count = there.new_zeros(int(bins)).scatter_add(0, place, there.reshape(-1))
    return there.sum() / (bins * count.clamp(min=1)[place].reshape(size.shape))
