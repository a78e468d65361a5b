"""Logarithmic growth far from the target."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", scale="(0, inf)")
def cauchy_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cauchy loss, :math:`\tfrac{c^2}{2} \log(1 + (d / c)^2)` with :math:`d = x - y`.

    Grows like the logarithm of the error: an outlier pulls less the farther it is, and never lets
    go altogether. Not convex, so start from a sensible prediction; where outliers are rare the
    Huber loss is easier to fit.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: the error :math:`c`, in the unit of the target, at which the pull is strongest.

    References:
        Black and Anandan, *The Robust Estimation of Multiple Motions*, CVIU 1996 (the Lorentzian).

    >>> cauchy_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    tensor(0.1733)
    """
    error = (input - target) / scale
    return reduce(scale**2 / 2 * error.square().log1p(), weight, reduction)


class CauchyLoss(FunctionLoss):
    """Module form of :func:`cauchy_loss`."""

    function = staticmethod(cauchy_loss)

    def __init__(self, *, scale: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


SPEC = LossSpec(
    function=cauchy_loss,
    module=CauchyLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"scale": 0.3}),
    paper="doi:10.1006/cviu.1996.0006",
)
