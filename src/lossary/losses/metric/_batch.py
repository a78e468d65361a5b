"""What losses that compare the samples of a batch share."""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = -1e30  # a logit that no softmax sees


def partners(weight: Tensor | None, x: Tensor) -> Tensor | None:
    """Return what is added to the logits of each candidate: those that weigh nothing are none."""
    if weight is None:
        return None
    return torch.where(weight == 0, NEVER, torch.zeros_like(weight, dtype=x.dtype))


def taking_part(weight: Tensor | None, x: Tensor) -> Tensor:
    """Return which samples of the batch are there, as booleans of shape (N,)."""
    if weight is None:
        return torch.ones(len(x), dtype=torch.bool, device=x.device)
    return weight != 0


def same_class(target: Tensor, there: Tensor, rows: slice = slice(None)) -> tuple[Tensor, Tensor]:
    """Return which pairs are of one class, and which of two, as masks of shape (N, N).

    Or of shape (n, N), the pairs of n ``rows`` with all samples.
    """
    equal = target[rows].unsqueeze(1) == target.unsqueeze(0)
    pairs = there[rows].unsqueeze(1) & there.unsqueeze(0)
    itself = same_sample(target, rows)
    return equal & pairs & ~itself, ~equal & pairs


def same_sample(samples: Tensor, rows: slice = slice(None)) -> Tensor:
    """Return which pairs are a sample and itself, as a mask like that of :func:`same_class`."""
    place = torch.arange(len(samples), device=samples.device)
    return place[rows].unsqueeze(1) == place


def log_sum(exponents: Tensor, mask: Tensor) -> Tensor:
    """Return log(1 + the sum of the exponentials of the masked entries) of each row."""
    chosen = torch.where(mask, exponents, -torch.inf)
    zero = torch.zeros_like(exponents[:, :1]) if exponents.shape[1] else exponents.new_zeros(0, 1)
    return torch.cat([zero, chosen], 1).logsumexp(1)
