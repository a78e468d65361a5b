"""EIoU in which good boxes count for more."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap
from .eiou import eiou_loss


@signature("real * 4, real * 4 -> *", gamma="[0, inf)")
def focal_eiou_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal EIoU loss, :math:`\mathrm{IoU}^\gamma L` with the loss L of
    :func:`~lossary.eiou_loss`.

    The many boxes that are far off count for less, the good ones for more: the focus is the other
    way round than in :func:`~lossary.focal_loss`. The factor gets no gradient; its slope would be
    infinite where boxes begin to overlap. Boxes that do not touch cost nothing and learn nothing:
    for pairs that an assignment has made overlap.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.
        gamma: how much poor boxes are held back; 0 gives EIoU.

    References:
        Zhang et al., *Focal and Efficient IOU Loss for Accurate Bounding Box Regression*,
        Neurocomputing 2022, section 5.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 1.0, 2.0]])
    >>> focal_eiou_loss(box, truth, gamma=1.0)  # 1/2 * (1/2 + 0.25 / 8 + 1 / 4)
    tensor(0.3906)
    """
    factor = overlap("focal_eiou_loss", input, target).iou.detach() ** gamma
    return reduce(factor * eiou_loss(input, target, reduction="none"), weight, reduction)


class FocalEIoULoss(FunctionLoss):
    """Module form of :func:`focal_eiou_loss`."""

    function = staticmethod(focal_eiou_loss)

    def __init__(self, *, gamma: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, gamma=gamma)


SPEC = LossSpec(
    function=focal_eiou_loss,
    module=FocalEIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"gamma": 2.0}, {"gamma": 0.0}),
    paper="arXiv:2101.08158",
    example=example,
    exempt={
        "gradient": "the focal factor gets no gradient, by definition",
        "second_gradient": "the focal factor gets no gradient, by definition",
    },
)
