"""Overlap of rotated boxes as the product of Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._gaussians import check, example, shape
from ._overlap import ratio
from .kullback_leibler_box import _in_frame


@signature("real * 5, real * 5 -> *")
def kfiou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""KFIoU loss of rotated boxes, :math:`\ln(1 + \delta^\top \Sigma_*^{-1} \delta) +
    e^{1 - \mathrm{KFIoU}} - 1` with :math:`\mathrm{KFIoU} = \frac{v(S)}{v(\Sigma) + v(\Sigma_*) -
    v(S)}`, where :math:`S = \Sigma (\Sigma + \Sigma_*)^{-1} \Sigma_*` is the covariance of the
    product of the boxes' Gaussians, :math:`v = 4 |\cdot|^{1/2}` the area of the box of a
    covariance, and :math:`\delta` the distance of the centres.

    The first part brings the centres together, the second one compares sides and angles, as the
    IoU of boxes with one centre would: without a hyperparameter and without regard to scale. The
    KFIoU of equal boxes is 1/3, so it costs :math:`e^{2/3} - 1` to be right. A side shorter than a
    millionth of the longest length of its pair counts as that long in the first part; two boxes of
    which one has no area have the KFIoU 0.

    Args:
        input: predicted boxes (centre x, centre y, width, height, angle in radians), of shape
            (..., 5); the signs of the sides do not matter.
        target: of the shape of ``input``.

    References:
        Yang et al., *The KFIoU Loss for Rotated Object Detection*, ICLR 2023, section 3, with the
        exponential, and with the covariance of the true box in the first part.

    >>> box = torch.tensor([[1.0, 0.0, 2.0, 2.0, 0.0]])
    >>> truth = torch.tensor([[0.0, 0.0, 2.0, 2.0, 0.0]])  # log 2 + exp(2 / 3) - 1
    >>> kfiou_loss(box, truth)
    tensor(1.6409)
    """
    check("kfiou_loss", input, target)
    (across, along), _, (true_width, true_height) = _in_frame(input, target)
    moved = (across / true_width).square() + (along / true_height).square()
    sides = torch.cat([input[..., 2:4], target[..., 2:4]], -1).abs()
    longest = sides.amax(-1, keepdim=True).detach()
    unit = torch.where(longest >= torch.finfo(longest.dtype).tiny, longest, 1.0)
    m, d, g = shape(input / unit, 1 / 4)
    n, e, h = shape(target / unit, 1 / 4)
    turn = (input[..., 4] - target[..., 4]).sin().square()
    # |Sigma + Sigma*| without the difference of large numbers
    excess = (
        (g - h).square()
        + 2 * ratio((d * h - e * g).square(), m * n + g * h + d * e)
        + 4 * d * e * turn
    )
    square = (excess + 4 * g * h).clamp(min=0)
    some = square >= torch.finfo(square.dtype).tiny
    whole = torch.where(some, torch.where(some, square, 1.0).sqrt(), 0.0)
    shared = ratio(g * h, whole)
    units = (4 * moved).log1p() + torch.expm1(1 - ratio(shared, g + h - shared))
    return reduce(units, weight, reduction)


class KFIoULoss(FunctionLoss):
    """Module form of :func:`kfiou_loss`."""

    function = staticmethod(kfiou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=kfiou_loss,
    module=KFIoULoss,
    traits=Trait.NONNEGATIVE,
    paper="arXiv:2201.12558",
    example=example,
)
