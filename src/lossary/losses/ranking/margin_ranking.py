"""Hinge loss of a pair of scores."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, sign * -> *", margin="[0, inf)")
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Margin ranking loss, :math:`\max(0, m - y (x_1 - x_2))`.

    One of two items has to come first, by a lead of ``margin``; with a margin of 0 equal scores
    cost nothing, and a network that scores everything alike is content. Whole lists:
    :func:`~lossary.pairwise_hinge_loss`.

    Args:
        input1: scores of the first items, of any shape.
        input2: scores of the second items, of the shape of ``input1``.
        target: 1 where the first item has to score higher, -1 where the second has to.
        margin: the lead :math:`m` that it has to have.

    References:
        Joachims, *Optimizing Search Engines using Clickthrough Data*, KDD 2002, eq. 12 to 14.

    >>> a, b = torch.tensor([2.0, 2.0]), torch.tensor([1.5, 1.5])
    >>> margin_ranking_loss(a, b, torch.tensor([1.0, -1.0]), margin=1.0)
    tensor(1.)
    """
    # scores first: a margin added to a large score would be rounded away
    return reduce((margin - target * (input1 - input2)).clamp(min=0), weight, reduction)


class MarginRankingLoss(FunctionLoss):
    """Module form of :func:`margin_ranking_loss`."""

    function = staticmethod(margin_ranking_loss)

    def __init__(self, *, margin: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPEC = LossSpec(
    function=margin_ranking_loss,
    module=MarginRankingLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"margin": 0.5}),
    paper="doi:10.1145/775047.775067",
)
