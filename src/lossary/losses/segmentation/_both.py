"""Probabilities and what they leave to 1, both with all digits, and so their gradients.

The difference 1 - p has few digits where p is near 1, and torch's derivatives of softmax and
sigmoid contain it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ...validation import is_plain

Both = tuple[Tensor, Tensor]


def both_of_classes(logits: Tensor) -> Both:
    """Return the softmax p over dimension 1, and 1 - p."""
    if not _is_eager(logits):
        return _of_classes(logits)
    return cast(Both, _OfClasses.apply(logits))  # type: ignore[no-untyped-call]  # torch's own


def _of_classes(logits: Tensor) -> Both:
    # at most one class has more than one half: what it leaves is the sum of the others
    p = logits.softmax(1)
    most = p > 0.5
    others = p.masked_fill(most, 0.0).sum(1, keepdim=True)
    return torch.where(most, 1 - others, p), torch.where(most, others, 1 - p)


class _OfClasses(torch.autograd.Function):
    """Needs half of what autograd would record of the formula."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Both:
        p, rest = _of_classes(logits)
        ctx.save_for_backward(p)
        return p, rest

    @staticmethod
    def backward(ctx: Any, of_p: Tensor, of_rest: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        slope = of_p - of_rest
        # relative to that of the class with more than one half, whose own then is no difference
        slope = slope - (slope * (p > 0.5)).sum(1, keepdim=True)
        return cast(Tensor, p * (slope - (p * slope).sum(1, keepdim=True)))


def both_of_region(logits: Tensor) -> Both:
    """Return the sigmoid p, and 1 - p."""
    if not _is_eager(logits):
        return _of_region(logits)
    return cast(Both, _OfRegion.apply(logits))  # type: ignore[no-untyped-call]  # torch's own


def _of_region(logits: Tensor) -> Both:
    yes = logits > 0
    less = torch.where(yes, -logits, logits).sigmoid()
    return torch.where(yes, 1 - less, less), torch.where(yes, less, 1 - less)


class _OfRegion(torch.autograd.Function):
    """Needs a quarter of what autograd would record of the formula."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Both:
        p, rest = logits.sigmoid(), (-logits).sigmoid()
        ctx.save_for_backward(p, rest)
        return p, rest

    @staticmethod
    def backward(ctx: Any, of_p: Tensor, of_rest: Tensor) -> Tensor:
        p, rest = ctx.saved_tensors
        return cast(Tensor, (of_p - of_rest) * (p * rest))


def _is_eager(logits: Tensor) -> bool:
    """Whether no transform, such as forward-mode differentiation, asks for the formula."""
    return is_plain((logits,)) and forward_ad._current_level < 0
