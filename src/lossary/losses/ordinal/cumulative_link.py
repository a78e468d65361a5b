"""Proportional odds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N *, real K, count:K N * -> N *")
def cumulative_link_loss(
    input: Tensor,
    thresholds: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cumulative link loss of proportional odds, :math:`-\ln \bigl(\sigma(\theta_y - f) -
    \sigma(\theta_{y-1} - f)\bigr)` with :math:`\theta_{-1} = -\infty` and
    :math:`\theta_K = \infty`.

    The classes are intervals of a line, on which the network places each sample with logistic
    noise: one score says all, and errors by several classes cost accordingly. For classes whose
    odds do not shift together, see :func:`~lossary.corn_loss`.

    Computed from logarithms: a sample far from its interval costs in proportion to the distance,
    and intervals that shrink to nothing push their ends apart.

    Args:
        input: scores, of shape (N, ...).
        thresholds: the K ends between neighbouring classes, one less than there are classes;
            taken in rising order.
        target: class indices from 0 to K, of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        McCullagh, *Regression Models for Ordinal Data*, Journal of the Royal Statistical Society B
        1980, section 2.

    >>> thresholds = torch.tensor([-1.0, 1.0])  # sigma(1) - sigma(-1) = 0.4621
    >>> cumulative_link_loss(torch.tensor([0.0]), thresholds, torch.tensor([1]))
    tensor(0.7719)
    """
    count = len(thresholds)
    label = target.clamp(0, count)
    ends = F.pad(thresholds.sort().values, (1, 1))
    low, high = ends[label], ends[label + 1]
    above, below = label > 0, label < count
    # sigma(b) - sigma(a) = sigma(b) sigma(-a) (1 - exp(a - b)), in which no numbers near 1 cancel
    gap = torch.where(above & below, high - low, 1.0).clamp(min=torch.finfo(input.dtype).tiny)
    units = (
        torch.where(below, F.softplus(input - high), 0.0)
        + torch.where(above, F.softplus(low - input), 0.0)
        - torch.where(above & below, torch.log(-torch.expm1(-gap)), 0.0)
    )
    return reduce(units, weight, reduction)


class CumulativeLinkLoss(FunctionLoss):
    """Module form of :func:`cumulative_link_loss`.

    It owns the thresholds, which learn, and is called with ``(input, target)``. They begin one
    apart, around 0.

    Args:
        num_thresholds: their number K, one less than there are classes.
    """

    function = staticmethod(cumulative_link_loss)

    def __init__(
        self, num_thresholds: int, *, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, ignore_index=ignore_index)
        self.thresholds = nn.Parameter(torch.arange(num_thresholds) - (num_thresholds - 1) / 2)

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.thresholds, target


SPEC = LossSpec(
    function=cumulative_link_loss,
    module=CumulativeLinkLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="doi:10.1111/j.2517-6161.1980.tb01109.x",
    owned={"thresholds": "thresholds"},
    sizes={"num_thresholds": "K"},
)
