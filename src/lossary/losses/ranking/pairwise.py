"""Losses of all pairs of a list."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._lists import differences, items, ordered


@signature("real N L, real N L -> N", sigma="(0, inf)")
def ranknet_loss(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""RankNet loss, the mean of :math:`\ln(1 + e^{-\sigma (s_i - s_j)})` over the pairs of a list
    with :math:`r_i > r_j`.

    Learns the order of a list, of all its places alike; where the first places matter most, see
    :func:`~lossary.lambda_loss`. The mean over pairs keeps long lists from outweighing short
    ones by the square of their length. A list whose items are all equally relevant costs nothing.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.
        sigma: steepness.

    References:
        Burges et al., *Learning to Rank using Gradient Descent*, ICML 2005, eq. 3, with certain
        labels.

    >>> ranknet_loss(torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[1, 0, -1]]))
    tensor(0.3133)
    """
    real, scores, relevance = items(input, target)
    units = _mean_of_pairs(F.softplus(-sigma * differences(scores)), ordered(real, relevance))
    return reduce(units, weigh(real.any(1), weight), reduction)


@signature("real N L, real N L -> N", margin="[0, inf)")
def pairwise_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pairwise hinge loss, the mean of :math:`\max(0, m - (s_i - s_j))` over the pairs of a list
    with :math:`r_i > r_j`.

    That of the ranking support vector machine. Pairs that are right by the margin are let alone,
    where :func:`~lossary.ranknet_loss` goes on pulling.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.
        margin: the lead :math:`m` that the more relevant item has to have.

    References:
        Joachims, *Optimizing Search Engines using Clickthrough Data*, KDD 2002, eq. 12 to 14.

    >>> pairwise_hinge_loss(torch.tensor([[2.0, 1.5, 5.0]]), torch.tensor([[1, 0, -1]]))
    tensor(0.5000)
    """
    real, scores, relevance = items(input, target)
    losses = (margin - differences(scores)).clamp(min=0)
    units = _mean_of_pairs(losses, ordered(real, relevance))
    return reduce(units, weigh(real.any(1), weight), reduction)


def _mean_of_pairs(losses: Tensor, pairs: Tensor) -> Tensor:
    """Return for each list the mean over its pairs, 0 where it has none."""
    total = torch.where(pairs, losses, 0.0).sum((1, 2))
    return total / pairs.sum((1, 2)).clamp(min=1)


class RankNetLoss(FunctionLoss):
    """Module form of :func:`ranknet_loss`."""

    function = staticmethod(ranknet_loss)

    def __init__(self, *, sigma: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, sigma=sigma)


class PairwiseHingeLoss(FunctionLoss):
    """Module form of :func:`pairwise_hinge_loss`."""

    function = staticmethod(pairwise_hinge_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPECS = (
    LossSpec(
        function=ranknet_loss,
        module=RankNetLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"sigma": 2.0}),
        paper="doi:10.1145/1102351.1102363",
    ),
    LossSpec(
        function=pairwise_hinge_loss,
        module=PairwiseHingeLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"margin": 0.3}),
        paper="doi:10.1145/775047.775067",
    ),
)
