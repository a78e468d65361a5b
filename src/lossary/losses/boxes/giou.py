"""Generalised intersection over union."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap, ratio


@signature("real * 4, real * 4 -> *")
def giou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""GIoU loss, :math:`1 - \mathrm{IoU} + |c \setminus (b \cup b^*)| / |c|`, where :math:`c` is
    the smallest box around both.

    Between 0 and 2, with a gradient for boxes that do not touch, which it draws together by
    growing them first. :func:`~lossary.diou_loss` moves them, and is faster where one box lies
    within the other.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.

    References:
        Rezatofighi et al., *Generalized Intersection over Union: A Metric and A Loss for Bounding
        Box Regression*, CVPR 2019, algorithm 2.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> giou_loss(box, truth)
    tensor(1.1758)
    """
    lie = overlap("giou_loss", input, target)
    hull = lie.hull[0] * lie.hull[1]
    return reduce(1 - lie.iou + ratio(hull - lie.union, hull), weight, reduction)


class GIoULoss(FunctionLoss):
    """Module form of :func:`giou_loss`."""

    function = staticmethod(giou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=giou_loss,
    module=GIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    paper="arXiv:1902.09630",
    example=example,
)
