"""Normalised discounted cumulative gain with smooth ranks."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._lists import differences, discount, gains, items


@signature("real N L, real N L -> N", alpha="(0, inf)")
def approx_ndcg_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""ApproxNDCG loss, :math:`1 - \tfrac1Z \sum_i \frac{2^{r_i} - 1}{\log_2(1 + \hat\pi_i)}` with
    the smooth rank :math:`\hat\pi_i = 1 + \sum_{j \neq i} \sigma(\alpha (s_j - s_i))` and
    :math:`Z` the best value of the sum with true ranks.

    What search is judged by, made smooth. Nearly the measure itself for a large ``alpha``, but
    then flat almost everywhere: the scale of the scores matters. It is not convex; start from the
    weights that :func:`~lossary.ranking_softmax_loss` found if it gets stuck. A list without
    relevant items has no NDCG and weighs nothing.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.
        alpha: steepness of the smooth ranks.

    References:
        Qin, Liu and Li, *A General Approximation Framework for Direct Optimization of Information
        Retrieval Measures*, Information Retrieval 2010, section 4, ApproxNDCG.

    >>> approx_ndcg_loss(torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[0, 1, -1]]), alpha=1.0)
    tensor(0.3101)
    """
    real, scores, relevance = items(input, target)
    ahead = torch.sigmoid(-alpha * differences(scores))  # of i, by j
    others = ~torch.eye(real.shape[1], dtype=torch.bool, device=real.device)
    rank = 1 + torch.where(real.unsqueeze(1) & others, ahead, 0.0).sum(2)
    gain, some = gains(relevance)
    return reduce(1 - (gain * discount(rank)).sum(1), weigh(some, weight), reduction)


class ApproxNDCGLoss(FunctionLoss):
    """Module form of :func:`approx_ndcg_loss`."""

    function = staticmethod(approx_ndcg_loss)

    def __init__(self, *, alpha: float = 10.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


SPEC = LossSpec(
    function=approx_ndcg_loss,
    module=ApproxNDCGLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 1.0}),
    paper="doi:10.1007/s10791-009-9124-x",
)
