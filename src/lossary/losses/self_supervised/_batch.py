"""Statistics of the samples of a batch that take part."""

from __future__ import annotations

from torch import Tensor


def centred(x: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the samples less their mean, and their number; those that weigh nothing are zero."""
    there = x.new_ones(len(x)) if weight is None else (weight != 0).to(x.dtype)
    count = there.sum()
    there = there.unsqueeze(1)
    return (x - (x * there).sum(0) / count.clamp(min=1)) * there, count
