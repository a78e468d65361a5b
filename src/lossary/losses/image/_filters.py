"""What losses between images share: windows, differences, and roots with finite gradients."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def root(x: Tensor) -> Tensor:
    """Return the square root; that of zero, and of rounding below it, is 0 with gradient 0."""
    nothing = x <= 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, x).sqrt())


def gaussian(size: int, sigma: float, like: Tensor) -> Tensor:
    """Return a window of the sum 1."""
    at = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    return (-at.square() / (2 * sigma**2)).softmax(0)


def blur(images: Tensor, window: Tensor) -> Tensor:
    """Weigh the surroundings of each pixel of (N, H, W) along both dimensions."""
    images = F.conv2d(images.unsqueeze(1), window.view(1, 1, -1, 1))
    return F.conv2d(images, window.view(1, 1, 1, -1)).squeeze(1)


def steps(x: Tensor, dim: int) -> Tensor:
    """Return the differences of neighbours along a dimension, one fewer than its size."""
    size = x.shape[dim]
    return x.narrow(dim, min(1, size), max(0, size - 1)) - x.narrow(dim, 0, max(0, size - 1))


def repeated_edges(x: Tensor, dim: int) -> Tensor:
    """Repeat the first and the last slice of a dimension."""
    last = max(0, x.shape[dim] - 1)
    ends = min(1, x.shape[dim])
    return torch.cat([x.narrow(dim, 0, ends), x, x.narrow(dim, last, ends)], dim)


def mean_of_all(x: Tensor) -> Tensor:
    """Return the mean of each sample; that of nothing is 0."""
    flat = x.unsqueeze(-1).flatten(1)
    return flat.sum(1) / max(1, flat.shape[1])
