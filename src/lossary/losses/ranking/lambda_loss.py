"""Pairs weighted by what they change in NDCG."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._lists import beaten_by, differences, discount, gains, items, ordered


@signature("real N L, real N L -> N", sigma="(0, inf)", mu="[0, inf)")
def lambda_loss(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float = 1.0,
    mu: float = 10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""LambdaLoss of NDCG, :math:`\sum_{r_i > r_j} (\rho_{ij} + \mu \delta_{ij}) |G_i - G_j|
    \log_2(1 + e^{-\sigma (s_i - s_j)})` over the pairs of a list, NDCG-Loss2++ in the paper.

    :math:`G_i = (2^{r_i} - 1) / Z` are gains as shares of the best DCG, :math:`\rho_{ij} =
    |1/D(\pi_i) - 1/D(\pi_j)|` with :math:`D(\pi) = \log_2(1 + \pi)` is what swapping the two
    changes at their present ranks, and :math:`\delta_{ij} = |1/D(|\pi_i - \pi_j|) -
    1/D(|\pi_i - \pi_j| + 1)|` bounds NDCG more tightly. With ``mu=0`` it is LambdaRank, the loss
    of LambdaMART. Ranks get no gradient; of equal scores the first in the list ranks first. A
    list without relevant items has no NDCG and weighs nothing.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.
        sigma: steepness.
        mu: the weight of :math:`\delta`; 0 gives LambdaRank.

    References:
        Wang et al., *The LambdaLoss Framework for Ranking Metric Optimization*, CIKM 2018, section
        4; LambdaRank: Burges, Ragno and Le, *Learning to Rank with Nonsmooth Cost Functions*, NIPS
        2006.

    >>> x, r = torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[1, 0, -1]])
    >>> lambda_loss(x, r, mu=0.0)  # (1 - 1 / log2(3)) * log2(1 + exp(-1))
    tensor(0.1668)
    """
    real, scores, relevance = items(input, target)
    rank = 1 + beaten_by(scores, real).sum(2)
    apart = (rank.unsqueeze(2) - rank.unsqueeze(1)).abs().clamp(min=1).to(scores.dtype)
    worth = discount(rank.to(scores.dtype))
    gain, some = gains(relevance)
    change = differences(worth).abs() + mu * (discount(apart) - discount(apart + 1))
    losses = change * differences(gain) * F.softplus(-sigma * differences(scores)) / math.log(2)
    units = torch.where(ordered(real, relevance), losses, 0.0).sum((1, 2))
    return reduce(units, weigh(some, weight), reduction)


class LambdaLoss(FunctionLoss):
    """Module form of :func:`lambda_loss`."""

    function = staticmethod(lambda_loss)

    def __init__(
        self, *, sigma: float = 1.0, mu: float = 10.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, sigma=sigma, mu=mu)


SPEC = LossSpec(
    function=lambda_loss,
    module=LambdaLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"sigma": 2.0, "mu": 0.0}),
    paper="doi:10.1145/3269206.3271784",
)
