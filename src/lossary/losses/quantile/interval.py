"""The score of a predicted interval."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real * -> *", alpha="(0, 1)")
def interval_score_loss(
    lower: Tensor,
    upper: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Interval score, :math:`(u - l) + \tfrac2\alpha \max(0, l - y) + \tfrac2\alpha \max(0, y -
    u)`.

    Also Winkler's score: its minimum is the central interval that holds the target with
    probability :math:`1 - \alpha`. Bounds in the wrong order are not refused; they cost.

    Args:
        lower: lower bounds :math:`l`, of any shape.
        upper: upper bounds :math:`u`, of the shape of ``lower``.
        target: of the shape of ``lower``; integers are converted.
        alpha: the probability :math:`\alpha` that the target lies outside.

    References:
        Gneiting and Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, JASA
        2007, equation 43.

    >>> lower, upper, y = torch.tensor([0.0]), torch.tensor([1.0]), torch.tensor([2.0])
    >>> interval_score_loss(lower, upper, y, alpha=0.5)
    tensor(5.)
    """
    outside = (lower - target).clamp(min=0) + (target - upper).clamp(min=0)
    return reduce(upper - lower + 2 / alpha * outside, weight, reduction)


class IntervalScoreLoss(FunctionLoss):
    """Module form of :func:`interval_score_loss`."""

    function = staticmethod(interval_score_loss)

    def __init__(self, *, alpha: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


SPEC = LossSpec(
    function=interval_score_loss,
    module=IntervalScoreLoss,
    traits=Trait.CONVEX,
    variants=({}, {"alpha": 0.5}),
    paper="doi:10.1198/016214506000001437",
)
