"""Intersection over union with the angle between the centres."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap, ratio, side_errors


@signature("real * 4, real * 4 -> *", theta="[1, inf)")
def siou_loss(
    input: Tensor,
    target: Tensor,
    *,
    theta: float = 4.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SIoU loss, :math:`1 - \mathrm{IoU} + \tfrac12 (\Delta + \Omega)` with the distance cost
    :math:`\Delta = \sum_{t \in \{x, y\}} (1 - e^{-(2 - \Lambda) \rho_t})` and the shape cost
    :math:`\Omega = \sum_{t \in \{w, h\}} (1 - e^{-\omega_t})^\theta`.

    :math:`\rho_x, \rho_y` are the squared distances of the centres along each axis over the
    squared side of the smallest box around both, :math:`\omega_w, \omega_h` the differences of the
    sides over the longer one. The angle cost :math:`\Lambda = 1 - 2 \sin^2(\arcsin
    \tfrac{|\delta_y|}{|\delta|} - \tfrac{\pi}{4}) = 2 |\delta_x \delta_y| / |\delta|^2`, of the
    line :math:`\delta` between the centres, is 0 along an axis: boxes are led to the nearest axis
    first.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        theta: how much the shape counts, about 2 to 6; a larger one lets small errors pass.

    References:
        Gevorgyan, *SIoU Loss: More Powerful Learning for Bounding Box Regression*, 2022. In its
        distance cost the sides are read as those of the smallest box around both.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> siou_loss(box, truth)
    tensor(1.0708)
    """
    lie = overlap("siou_loss", input, target)
    dx, dy = lie.offset
    angle = 2 * ratio((dx * dy).abs(), dx.square() + dy.square())
    rho_x, rho_y = (ratio(d, c).square() for d, c in zip(lie.offset, lie.hull, strict=True))
    distance = -torch.expm1((angle - 2) * rho_x) - torch.expm1((angle - 2) * rho_y)
    of_width, of_height = side_errors(lie)
    shape = (-torch.expm1(-of_width)) ** theta + (-torch.expm1(-of_height)) ** theta
    return reduce(1 - lie.iou + (distance + shape) / 2, weight, reduction)


class SIoULoss(FunctionLoss):
    """Module form of :func:`siou_loss`."""

    function = staticmethod(siou_loss)

    def __init__(self, *, theta: float = 4.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, theta=theta)


SPEC = LossSpec(
    function=siou_loss,
    module=SIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"theta": 2.0}),
    paper="arXiv:2205.12740",
    example=example,
)
