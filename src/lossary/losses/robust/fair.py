"""Absolute error with a smooth start."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", scale="(0, inf)")
def fair_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Fair's loss, :math:`c^2 (|d| / c - \log(1 + |d| / c))` with :math:`d = x - y`.

    Squared error near the target and nearly absolute error far from it, convex and with no seam;
    the pull grows more slowly than that of the Huber loss.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: the error :math:`c`, in the unit of the target, around which it changes.

    References:
        Fair, *On the Robust Estimation of Econometric Models*, Annals of Economic and Social
        Measurement 1974.

    >>> fair_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    tensor(0.1534)
    """
    size = (input - target).abs() / scale
    return reduce(scale**2 * (size - size.log1p()), weight, reduction)


class FairLoss(FunctionLoss):
    """Module form of :func:`fair_loss`."""

    function = staticmethod(fair_loss)

    def __init__(self, *, scale: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


SPEC = LossSpec(
    function=fair_loss,
    module=FairLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    variants=({}, {"scale": 0.3}),
    paper="Fair, Annals of Economic and Social Measurement, 1974",
)
