"""Intersection over union with the distances of centres and of sides."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._overlap import centre_distance, example, overlap, ratio


@signature("real * 4, real * 4 -> *")
def eiou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""EIoU loss, :math:`1 - \mathrm{IoU} + \rho^2(b, b^*) / (w_c^2 + h_c^2)
    + (w - w^*)^2 / w_c^2 + (h - h^*)^2 / h_c^2`, where :math:`w_c, h_c` are the sides of the
    smallest box around both.

    Prices wrong sides one by one, where :func:`~lossary.ciou_loss` sees only their ratio. The
    paper's focal form multiplies each box by :math:`\mathrm{IoU}^\gamma`: give that as ``weight``,
    detached.

    Args:
        input: predicted boxes (x1, y1, x2, y2), of shape (..., 4); corners in the wrong order are
            swapped.
        target: of the shape of ``input``.

    References:
        Zhang et al., *Focal and Efficient IOU Loss for Accurate Bounding Box Regression*,
        Neurocomputing 2022, section 4.

    >>> box, truth = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 5.0, 3.0]])
    >>> eiou_loss(box, truth)
    tensor(1.2161)
    """
    lie = overlap("eiou_loss", input, target)
    errors = [
        ratio((a - b).square(), c.square())
        for a, b, c in zip(lie.sides, lie.target_sides, lie.hull, strict=True)
    ]
    return reduce(1 - lie.iou + centre_distance(lie) + errors[0] + errors[1], weight, reduction)


class EIoULoss(FunctionLoss):
    """Module form of :func:`eiou_loss`."""

    function = staticmethod(eiou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=eiou_loss,
    module=EIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    paper="arXiv:2101.08158",
    example=example,
)
