"""A cost that saturates like a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", scale="(0, inf)")
def welsch_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Welsch loss, :math:`\tfrac{c^2}{2} (1 - e^{-(d / c)^2})` with :math:`d = x - y`.

    Squared error near the target; outliers beyond a few :math:`c` have no gradient at all. Also
    known as Leclerc's loss and as the correntropy loss. Start near the answer, or anneal the
    scale.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: the error :math:`c`, in the unit of the target, around which it saturates.

    References:
        Dennis and Welsch, *Techniques for Nonlinear Least Squares and Robust Regression*,
        Communications in Statistics 1978.

    >>> welsch_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    tensor(0.1580)
    """
    error = (input - target) / scale
    return reduce(-(scale**2) / 2 * torch.expm1(-error.square()), weight, reduction)


class WelschLoss(FunctionLoss):
    """Module form of :func:`welsch_loss`."""

    function = staticmethod(welsch_loss)

    def __init__(self, *, scale: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


SPEC = LossSpec(
    function=welsch_loss,
    module=WelschLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"scale": 0.3}),
    paper="doi:10.1080/03610917808812083",
)
