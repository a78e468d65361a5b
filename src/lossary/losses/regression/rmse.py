"""Root of the mean squared error of each sample."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import length


@signature("real N D, real N D -> N")
def rmse_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Root mean squared error of each sample, :math:`\sqrt{\tfrac1D \sum_i (x_i - y_i)^2}`.

    For vectors whose error is a distance: samples count in the unit of the target instead of
    squared, so gross errors rule less than with :func:`~lossary.mse_loss`. The mean over samples
    is the mean of the roots, not the root of the mean, which could not be added up over batches.
    The gradient of a perfect sample is 0.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.

    References:
        Chai and Draxler, *Root Mean Square Error (RMSE) or Mean Absolute Error (MAE)?*,
        Geoscientific Model Development 2014, eq. 2.

    >>> rmse_loss(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 0.0]]))
    tensor(3.5355)
    """
    return reduce(
        length(input - target).squeeze(-1) / math.sqrt(max(1, input.shape[1])), weight, reduction
    )


class RMSELoss(FunctionLoss):
    """Module form of :func:`rmse_loss`."""

    function = staticmethod(rmse_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=rmse_loss,
    module=RMSELoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    paper="doi:10.5194/gmd-7-1247-2014",
)
