"""The overlap of two distributions of similarities."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec
from ._angles import normalize
from ._batch import same_class, taking_part


@signature("real N D, label N -> N", bins="int [1, inf)")
def histogram_loss(
    input: Tensor,
    target: Tensor,
    *,
    bins: int = 100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Histogram loss, :math:`\sum_r h_r^- \sum_{q \le r} h_q^+` with soft histograms :math:`h` of
    the cosines of pairs of one class, :math:`^+`, and of two, :math:`^-`.

    For embeddings without a margin or a boundary to choose: an estimate of the probability that a
    pair of two classes is more alike than a pair of one. It needs batches with many pairs of both
    kinds; without either it is 0. Each sample bears its share of the pairs of two classes, so the
    mean over the batch is the paper's loss.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        bins: how many steps the cosines, from -1 to 1, are divided into.

    References:
        Ustinova and Lempitsky, *Learning Deep Embeddings with Histogram Loss*, NeurIPS 2016.

    >>> x = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])  # 0.6 against 0 and 0.8
    >>> histogram_loss(x, torch.tensor([0, 0, 1]), bins=2)
    tensor(0.6400)
    """
    x = normalize(input)
    there = taking_part(weight, input)
    alike, unlike = same_class(target, there)
    place = ((x @ x.T).clamp(-1, 1) + 1) * (bins / 2)
    below = place.detach().long().clamp(0, bins - 1)  # of nan too, which shows in the share
    share = place - below
    near, far = torch.where(alike, 1 - share, 0.0), torch.where(alike, share, 0.0)
    density = place.new_zeros(bins + 1).scatter_add(0, below.flatten(), near.flatten())
    density = density.scatter_add(0, below.flatten() + 1, far.flatten())
    up_to = density.cumsum(0) / alike.sum().clamp(min=1)
    overtaken = torch.lerp(up_to[below], up_to[below + 1], share)
    count = unlike.sum().clamp(min=1)
    units = torch.where(unlike, overtaken, 0.0).sum(1) * (there.sum().to(x.dtype) / count)
    return reduce(units, weight, reduction)


class HistogramLoss(FunctionLoss):
    """Module form of :func:`histogram_loss`."""

    function = staticmethod(histogram_loss)

    def __init__(self, *, bins: int = 100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, bins=bins)


SPEC = LossSpec(
    function=histogram_loss,
    module=HistogramLoss,
    variants=({}, {"bins": 4}),
    paper="arXiv:1611.00822",
    exempt={"parts_add": "the histograms are those of the whole batch"},
)
