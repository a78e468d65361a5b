"""A cost that saturates like a fraction."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", scale="(0, inf)")
def geman_mcclure_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Geman-McClure loss, :math:`\tfrac12 d^2 / (1 + (d / c)^2)` with :math:`d = x - y`.

    Squared error near the target, bounded by :math:`c^2 / 2` far from it: gross outliers have next
    to no gradient. For fits that start near the answer; far from it nothing is learnt.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: the error :math:`c`, in the unit of the target, around which it saturates.

    References:
        Geman and McClure, *Statistical Methods for Tomographic Image Reconstruction*, Bulletin of
        the International Statistical Institute 1987.

    >>> geman_mcclure_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    tensor(0.1250)
    """
    squares = ((input - target) / scale).square()
    return reduce(scale**2 / 2 * squares / (1 + squares), weight, reduction)


class GemanMcClureLoss(FunctionLoss):
    """Module form of :func:`geman_mcclure_loss`."""

    function = staticmethod(geman_mcclure_loss)

    def __init__(self, *, scale: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


SPEC = LossSpec(
    function=geman_mcclure_loss,
    module=GemanMcClureLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"scale": 0.3}),
    paper="Geman and McClure, Bulletin of the International Statistical Institute, 1987",
)
