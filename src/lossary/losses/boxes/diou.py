"""Intersection over union with the distance of the centres, and with the aspect ratio."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import Overlap, centre_distance, example, overlap, ratio


@signature("real * 4, real * 4 -> *")
def diou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""DIoU loss, :math:`1 - \mathrm{IoU} + \rho^2(b, b^*) / d^2`: the squared distance of the
    centres over the squared diagonal of the smallest box around both.

    Moves boxes together where they do not touch, and to the centre where one contains the other.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.

    References:
        Zheng et al., *Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression*,
        AAAI 2020, eq. 7.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> diou_loss(box, truth)
    tensor(1.0561)
    """
    lie = overlap("diou_loss", input, target)
    return reduce(1 - lie.iou + centre_distance(lie), weight, reduction)


@signature("real * 4, real * 4 -> *")
def ciou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CIoU loss, :math:`1 - \mathrm{IoU} + \rho^2(b, b^*) / d^2 + \alpha v` with
    :math:`v = \tfrac{4}{\pi^2} (\arctan\tfrac{w^*}{h^*} - \arctan\tfrac{w}{h})^2` and
    :math:`\alpha = v / (1 - \mathrm{IoU} + v)`.

    :func:`~lossary.diou_loss` with a price on another aspect ratio. It is blind to sides that are
    wrong by the same factor; :func:`~lossary.eiou_loss` is not.

    As in the paper, :math:`\alpha` is a weight and gets no gradient. The gradient of :math:`v` is
    its own, without the paper's replacement of :math:`w^2 + h^2` by 1. A box without extent has
    no aspect ratio: its :math:`v` is 0.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.

    References:
        Zheng et al., *Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression*,
        AAAI 2020, eq. 8 to 11.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> ciou_loss(box, truth)
    tensor(1.0580)
    """
    lie = overlap("ciou_loss", input, target)
    v = _aspect_error(lie)
    alpha = ratio(v, 1 - lie.iou + v).detach()
    return reduce(1 - lie.iou + centre_distance(lie) + alpha * v, weight, reduction)


def _aspect_error(lie: Overlap) -> Tensor:
    """Return the squared difference of the angles of the diagonals, between 0 and 1."""
    (width, height), (target_width, target_height) = lie.sides, lie.target_sides
    tiny = torch.finfo(width.dtype).tiny
    known = (width.square() + height.square() >= tiny) & (
        target_width.square() + target_height.square() >= tiny
    )
    angle = torch.atan2(width, torch.where(known, height, 1.0))
    target_angle = torch.atan2(target_width, torch.where(known, target_height, 1.0))
    return torch.where(known, (2 / math.pi * (target_angle - angle)).square(), 0.0)


class DIoULoss(FunctionLoss):
    """Module form of :func:`diou_loss`."""

    function = staticmethod(diou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class CIoULoss(FunctionLoss):
    """Module form of :func:`ciou_loss`."""

    function = staticmethod(ciou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=diou_loss,
        module=DIoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        paper="arXiv:1911.08287",
        example=example,
    ),
    LossSpec(
        function=ciou_loss,
        module=CIoULoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        paper="arXiv:1911.08287",
        example=example,
        exempt={
            "gradient": "the weight alpha gets no gradient, by definition",
            "second_gradient": "the weight alpha gets no gradient, by definition",
        },
    ),
)
