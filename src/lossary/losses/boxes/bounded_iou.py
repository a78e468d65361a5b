"""Bounds of the intersection over union, coordinate by coordinate."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap, ratio, side_errors


@signature("real * 4, real * 4 -> *", beta="[0, inf)")
def bounded_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Bounded IoU loss, :math:`\sum_{t \in \{x, y, w, h\}} \mathrm{smooth}_\beta(1 - B_t)`, where
    :math:`B_t` is the largest IoU that the coordinate :math:`t` of the box leaves possible:
    :math:`B_x = \max(0, (w^* - 2 |\delta_x|) / (w^* + 2 |\delta_x|))` of a centre off by
    :math:`\delta_x`, and :math:`B_w = \min(w / w^*, w^* / w)` of a width.

    Every coordinate gets a gradient of its own, in the manner of :func:`~lossary.smooth_l1_loss`
    but measured in IoU. A centre further off than half the side of the target gets none.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        beta: the error from which on the loss grows linearly, see
            :func:`~lossary.smooth_l1_loss`; 0 gives the sum of the errors.

    References:
        Tychsen-Smith and Petersson, *Improving Object Localization with Fitness NMS and Bounded
        IoU Loss*, CVPR 2018, section 4.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> bounded_iou_loss(box, truth)
    tensor(2.2000)
    """
    lie = overlap("bounded_iou_loss", input, target)
    of_centre = [
        # 1 - (s - 2d) / (s + 2d) without the difference of numbers near 1
        ratio(4 * d.abs(), side + 2 * d.abs()).clamp(max=1)
        for d, side in zip(lie.offset, lie.target_sides, strict=True)
    ]
    errors = torch.stack([*of_centre, *side_errors(lie)])
    units = F.smooth_l1_loss(errors, torch.zeros_like(errors), beta=beta, reduction="none").sum(0)
    return reduce(units, weight, reduction)


class BoundedIoULoss(FunctionLoss):
    """Module form of :func:`bounded_iou_loss`."""

    function = staticmethod(bounded_iou_loss)

    def __init__(self, *, beta: float = 0.2, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=bounded_iou_loss,
    module=BoundedIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
    variants=({}, {"beta": 0.0}, {"beta": 1.0}),
    paper="arXiv:1711.00164",
    example=example,
)
