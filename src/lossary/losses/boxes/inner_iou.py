"""Intersection over union of scaled boxes, and on a part of its range."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap


@signature("real * 4, real * 4 -> *", ratio="(0, inf)")
def inner_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    ratio: float = 0.75,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Inner IoU loss, :math:`1 - \mathrm{IoU}(b', b^{*\prime})` of the boxes whose sides are
    scaled by a ratio about their centres.

    Smaller boxes overlap less, so boxes that are nearly right pull harder; larger ones reach
    farther, and teach boxes that are far off. Boxes that do not touch after scaling get no
    gradient. The paper also adds the other parts of GIoU, DIoU and others: those are their losses
    less :func:`~lossary.iou_loss`.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        ratio: what the sides are multiplied by, in the paper from 0.5 to 1.5; 1 gives the IoU
            loss.

    References:
        Zhang, Xu and Zhang, *Inner-IoU: More Effective Intersection over Union Loss with Auxiliary
        Bounding Box*, 2023.

    >>> box, truth = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[1.0, 0.0, 5.0, 4.0]])
    >>> inner_iou_loss(box, truth, ratio=0.5)  # sides 2, moved by 1
    tensor(0.6667)
    """
    lie = overlap("inner_iou_loss", _scaled(input, ratio), _scaled(target, ratio))
    return reduce(1 - lie.iou, weight, reduction)


def _scaled(box: Tensor, ratio: float) -> Tensor:
    if box.shape[-1] != 4:
        return box  # whose shape overlap tells of
    inset = (box[..., 2:] - box[..., :2]) * ((1 - ratio) / 2)
    return torch.cat([box[..., :2] + inset, box[..., 2:] - inset], -1)


@signature("real * 4, real * 4 -> *", low="[0, 1)", high="(0, 1]")
def focaler_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    low: float = 0.0,
    high: float = 0.95,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focaler IoU loss, :math:`1 - \min\left(1, \max\left(0, \frac{\mathrm{IoU}(b, b^*) - d}{u -
    d}\right)\right)`.

    The IoU loss of the boxes within a part of the range: with a high ``low`` only good boxes learn,
    with a low ``high`` only poor ones. Boxes outside, those that do not touch among them, get no
    gradient.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        low: the IoU d up to which the loss is 1.
        high: the IoU u from which on the loss is 0; above ``low``.

    Raises:
        ValueError: if ``high`` is not above ``low``.

    References:
        Zhang and Zhang, *Focaler-IoU: More Focused Intersection over Union Loss*, 2024.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 1.0, 2.0]])
    >>> focaler_iou_loss(box, truth, low=0.25, high=0.75)  # half the range
    tensor(0.5000)
    """
    if not low < high:
        raise ValueError(f"focaler_iou_loss: high must be above low, got {high!r} and {low!r}")
    iou = overlap("focaler_iou_loss", input, target).iou
    return reduce((high - iou.clamp(low, high)) / (high - low), weight, reduction)


class InnerIoULoss(FunctionLoss):
    """Module form of :func:`inner_iou_loss`."""

    function = staticmethod(inner_iou_loss)

    def __init__(self, *, ratio: float = 0.75, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ratio=ratio)


class FocalerIoULoss(FunctionLoss):
    """Module form of :func:`focaler_iou_loss`."""

    function = staticmethod(focaler_iou_loss)

    def __init__(
        self, *, low: float = 0.0, high: float = 0.95, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, low=low, high=high)


SPECS = (
    LossSpec(
        function=inner_iou_loss,
        module=InnerIoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"ratio": 1.3}),
        paper="arXiv:2311.02877",
        example=example,
    ),
    LossSpec(
        function=focaler_iou_loss,
        module=FocalerIoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"low": 0.2, "high": 0.7}),
        paper="arXiv:2401.10525",
        example=example,
    ),
)
