"""Intersection over union that heeds the shape of the true box."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap, ratio, side_errors

THIN = 1e-6  # the least true side, as a share of the hull's longer one


@signature("real * 4, real * 4 -> *", scale="[0, inf)", theta="[1, inf)")
def shape_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 0.0,
    theta: float = 4.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Shape-IoU loss, :math:`1 - \mathrm{IoU} + \frac{v_h d_x^2 + v_w d_y^2}{w_c^2 + h_c^2} +
    \tfrac12 \sum_{k} (1 - e^{-\omega_k})^\theta` with :math:`v_w = \frac{2 w_*^s}{w_*^s + h_*^s}`,
    :math:`v_h = 2 - v_w`, :math:`\omega_w = v_h |w - w_*| / \max(w, w_*)` and :math:`\omega_h = v_w
    |h - h_*| / \max(h, h_*)`.

    Of a long box an error along the short side costs more of the IoU than one along the long side,
    and here of the other parts too. With a scale of 0 both sides count alike; the paper takes
    larger ones for data sets of small objects. A true side shorter than a millionth of the hull
    counts as that long in the shares v.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        scale: the exponent s of the true sides in their shares.
        theta: how little small errors of the sides matter.

    References:
        Zhang and Zhang, *Shape-IoU: More Accurate Metric considering Bounding Box Shape and Scale*,
        2023.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([[1.0, 0.0, 3.0, 1.0]])
    >>> shape_iou_loss(box, truth, scale=1.0)  # 1 - 1/3 + (2/3 * 1) / 10
    tensor(0.7333)
    """
    lie = overlap("shape_iou_loss", input, target)
    log_width, log_height = (side.clamp(min=THIN).log() for side in lie.target_sides)
    of_width = 2 * (scale * (log_width - log_height)).sigmoid()
    of_height = 2 * (scale * (log_height - log_width)).sigmoid()
    dx, dy = lie.offset
    diagonal = lie.hull[0].square() + lie.hull[1].square()
    distance = ratio(of_height * dx.square() + of_width * dy.square(), diagonal)
    wrong_width, wrong_height = side_errors(lie)
    shape = (-torch.expm1(-of_height * wrong_width)) ** theta
    shape = shape + (-torch.expm1(-of_width * wrong_height)) ** theta
    return reduce(1 - lie.iou + distance + shape / 2, weight, reduction)


class ShapeIoULoss(FunctionLoss):
    """Module form of :func:`shape_iou_loss`."""

    function = staticmethod(shape_iou_loss)

    def __init__(
        self, *, scale: float = 0.0, theta: float = 4.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, scale=scale, theta=theta)


SPEC = LossSpec(
    function=shape_iou_loss,
    module=ShapeIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
    variants=({}, {"scale": 1.5, "theta": 2.0}),
    paper="arXiv:2312.17663",
    example=example,
)
