"""The classes as places on a line."""

from __future__ import annotations

import torch
from torch import Tensor


def places(input: Tensor) -> Tensor:
    """Return 0, 1, 2, ... along the second dimension of ``input``, shaped to broadcast."""
    count = torch.arange(input.shape[1], device=input.device)
    return count.reshape(-1, *(1,) * (input.ndim - 2))


def distances(input: Tensor, target: Tensor) -> Tensor:
    """Return how many classes each class is away from the true one, in the shape of ``input``."""
    return (places(input) - target.unsqueeze(1)).abs().to(input.dtype)
