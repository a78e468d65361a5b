"""Scores against the average score of the other kind."""

from __future__ import annotations

from torch import Tensor


def beyond_the_others(
    first: Tensor, second: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the scores of each kind less the mean of the other, over the units that take part."""
    return first - _mean(second, weight), second - _mean(first, weight)


def _mean(scores: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return scores.mean()
    there = weight != 0
    share = there.to(scores.dtype).mean()
    return scores.masked_fill(~there, 0.0).mean() / share.masked_fill(share == 0, 1.0)
