"""Two samples matched by rank, which is optimal transport on the line."""

from __future__ import annotations

import math

from torch import Tensor


def matched_gap(first: Tensor, second: Tensor, weight: Tensor | None) -> Tensor:
    """Return by how much each of ``first`` exceeds the one of ``second`` that has its rank.

    Units of zero weight are beyond all others in both, and so matched with each other.
    """
    if weight is None:
        return first - second.sort().values.gather(0, first.argsort().argsort())
    absent = weight == 0
    ranks = first.masked_fill(absent, math.inf).argsort().argsort()
    matches = second.masked_fill(absent, math.inf).sort().values.gather(0, ranks)
    return first - matches.masked_fill(absent, 0.0)
