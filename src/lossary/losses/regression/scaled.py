"""Errors of a forecast in the measure of a naive forecast's."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N *, real N *, nonneg N -> N *", eps="(0, inf)")
def mase_loss(
    input: Tensor,
    target: Tensor,
    scale: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Absolute scaled error, :math:`|x - y| / s`, whose mean is the MASE.

    For forecasts of many series of different size: 1 is as good as the naive forecast that
    repeats the last value, or the last season, on the past of the series. That error is
    ``scale``; of a ``past`` of shape (N, T) it is ``(past[:, m:] - past[:, :-m]).abs().mean(1)``
    with the season's length ``m``, 1 without seasons. Unlike percentages it stands zeros. A series
    that was constant has a scale of 0, and counts as if it were ``eps``: mask it, or raise ``eps``.

    Args:
        input: forecasts, of shape (N, ...).
        target: of the shape of ``input``; integers are converted.
        scale: the mean absolute error of the naive forecast on each series, of shape (N,).
        eps: the least scale, in the unit of the target.

    References:
        Hyndman and Koehler, *Another Look at Measures of Forecast Accuracy*, International Journal
        of Forecasting 2006, section 3.

    >>> forecast, truth = torch.tensor([[3.0, 5.0]]), torch.tensor([[1.0, 4.0]])
    >>> mase_loss(forecast, truth, torch.tensor([0.5]))
    tensor(3.)
    """
    scale = scale.clamp(min=eps).reshape(-1, *(1,) * (input.ndim - 1))
    return reduce((input - target).abs() / scale, weight, reduction)


class MASELoss(FunctionLoss):
    """Module form of :func:`mase_loss`."""

    function = staticmethod(mase_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPEC = LossSpec(
    function=mase_loss,
    module=MASELoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
    variants=({}, {"eps": 1.0}),
    paper="doi:10.1016/j.ijforecast.2006.03.001",
)
