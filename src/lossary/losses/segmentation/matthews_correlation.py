"""Matthews correlation of a region and its prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec
from ._regions import average, reduce_samples, region_maps


@signature("real N *, prob N * -> N", mask="weight N *")
def matthews_correlation_loss(
    input: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Matthews correlation loss of one region in each sample, :math:`1 - (\overline{pq} -
    \bar{p}\bar{q}) / \sqrt{\bar{p} (1 - \bar{p}) \bar{q} (1 - \bar{q})}` with :math:`p =
    \sigma(x)` and means over the pixels; with the counts of hits, false alarms, misses and correct
    rejections it is :math:`1 - (TP \cdot TN - FP \cdot FN) / \sqrt{(TP + FP)(TP + FN)(TN + FP)(TN
    + FN)}`.

    For foreground against background where the background has to be right too, which overlap does
    not see. A sample whose target is empty or full has nothing to correlate with: it costs 1 and
    teaches nothing, so combine it with :func:`~lossary.binary_cross_entropy_with_logits` if there
    are many. Channels have losses of their own with ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Abhishek and Hamarneh, *Matthews Correlation Coefficient Loss for Deep Convolutional
        Networks: Application to Skin Lesion Segmentation*, ISBI 2021.

    >>> matthews_correlation_loss(torch.tensor([[30.0, 30.0, -30.0]]), torch.tensor([[1, 0, 0]]))
    tensor(0.5000)
    """
    maps = region_maps(input, target, mask)
    p, q = average(maps.p, maps.mask), average(maps.q, maps.mask)
    rest = average(maps.rest, maps.mask)
    # sum of (p - mean p) q instead of a difference of products, which cancels
    shared = average((maps.p - p.unsqueeze(-1)) * maps.q, maps.mask)
    spread = p * rest * q * (1 - q)
    # below, the slope of the root would be beyond the largest number
    nothing = spread < torch.finfo(spread.dtype).tiny ** (2 / 3)
    correlation = torch.where(nothing, 0.0, shared * torch.where(nothing, 1.0, spread).rsqrt())
    return reduce_samples(1 - correlation, maps, weight, reduction)


class MatthewsCorrelationLoss(FunctionLoss):
    """Module form of :func:`matthews_correlation_loss`."""

    function = staticmethod(matthews_correlation_loss)

    def __init__(
        self,
        *,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            mask=mask,
        )


SPEC = LossSpec(
    function=matthews_correlation_loss,
    module=MatthewsCorrelationLoss,
    paper="arXiv:2010.13454",
)
