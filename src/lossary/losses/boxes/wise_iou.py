"""Intersection over union, more of it where the centres are apart."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import example, overlap, ratio


@signature("real * 4, real * 4 -> *")
def wise_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Wise-IoU loss, :math:`\exp(\rho^2(b, b^*) / d^2) \, (1 - \mathrm{IoU})`: the squared
    distance of the centres over the squared diagonal of the smallest box around both, which gets
    no gradient.

    Version 1 of the paper. Without the gradient of the diagonal, boxes are not drawn apart to make
    their distance a smaller share. A box with the right centre costs its
    :func:`~lossary.iou_loss`, a distant one up to e times that.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.

    References:
        Tong et al., *Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism*,
        2023, its version 1.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> wise_iou_loss(box, truth)
    tensor(1.0531)
    """
    lie = overlap("wise_iou_loss", input, target)
    diagonal = (lie.hull[0].square() + lie.hull[1].square()).detach()
    apart = ratio(lie.offset[0].square() + lie.offset[1].square(), diagonal)
    return reduce(apart.exp() * (1 - lie.iou), weight, reduction)


class WiseIoULoss(FunctionLoss):
    """Module form of :func:`wise_iou_loss`."""

    function = staticmethod(wise_iou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=wise_iou_loss,
    module=WiseIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    paper="arXiv:2301.10051",
    example=example,
    exempt={
        "gradient": "the diagonal of the hull gets no gradient, by definition",
        "second_gradient": "the diagonal of the hull gets no gradient, by definition",
    },
)
