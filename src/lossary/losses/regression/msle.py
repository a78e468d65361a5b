"""Squared error of logarithms."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("nonneg *, nonneg * -> *")
def msle_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared logarithmic error, :math:`(\log(1 + x) - \log(1 + y))^2`.

    For amounts and counts that span orders of magnitude: what matters is the ratio. Too low costs
    more than too high by the same difference.

    Args:
        input: predictions, none below 0, of any shape.
        target: of the shape of ``input``, none below 0; integers are converted.

    References:
        Pedregosa et al., *Scikit-learn*, JMLR 2011 (mean_squared_log_error).

    >>> msle_loss(torch.tensor([0.0]), torch.tensor([1.7182818]))
    tensor(1.0000)
    """
    return reduce((input.log1p() - target.log1p()).square(), weight, reduction)


class MSLELoss(FunctionLoss):
    """Module form of :func:`msle_loss`."""

    function = staticmethod(msle_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=msle_loss,
    module=MSLELoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    paper="Pedregosa et al., Scikit-learn, JMLR 12, 2011",
)
