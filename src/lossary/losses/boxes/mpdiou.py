"""Intersection over union with the distances of the corners."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import corners, example, overlap


@signature("real * 4, real * 4 -> *")
def mpdiou_loss(
    input: Tensor,
    target: Tensor,
    *,
    image_size: tuple[float, float] = (1.0, 1.0),
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""MPDIoU loss, :math:`1 - \mathrm{IoU} + (d_1^2 + d_2^2) / (W^2 + H^2)`: the squared
    distances of the upper left and of the lower right corners over the squared diagonal of the
    image.

    Corners say all of a box, so that centre, width and height need no terms of their own. Unlike
    those of its siblings, its value depends on the size of a box within the image.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        image_size: height :math:`H` and width :math:`W` of the image, in the unit of the boxes; 1
            by 1 where coordinates are shares of the image.

    References:
        Ma and Xu, *MPDIoU: A Loss for Efficient and Accurate Bounding Box Regression*, 2023.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> mpdiou_loss(box, truth, image_size=(10.0, 10.0))
    tensor(0.9691)
    """
    iou = overlap("mpdiou_loss", input, target).iou
    ends = corners("mpdiou_loss", "input", input)
    target_ends = corners("mpdiou_loss", "target", target)
    diagonal = math.hypot(*image_size)
    shifts = [((a - b) / diagonal).square() for a, b in zip(ends, target_ends, strict=True)]
    return reduce(1 - iou + torch.stack(shifts).sum(0), weight, reduction)


class MPDIoULoss(FunctionLoss):
    """Module form of :func:`mpdiou_loss`."""

    function = staticmethod(mpdiou_loss)

    def __init__(
        self, *, image_size: tuple[float, float] = (1.0, 1.0), reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, image_size=image_size)


SPEC = LossSpec(
    function=mpdiou_loss,
    module=MPDIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"image_size": (3.0, 2.0)}),
    paper="arXiv:2307.07662",
    example=example,
)
