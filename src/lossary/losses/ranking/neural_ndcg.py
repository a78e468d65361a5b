"""Normalised discounted cumulative gain of a smooth sort."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._lists import differences, discount, gains, items


@signature("real N L, real N L -> N", temperature="(0, inf)", sinkhorn_steps="int [0, inf)")
def neural_ndcg_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    sinkhorn_steps: int = 30,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""NeuralNDCG loss, :math:`1 - \sum_k \frac{(\hat P G)_k}{\log_2(1 + k)}` with gains
    :math:`G_i = (2^{r_i} - 1) / Z` as shares of the best DCG, sorted by the smooth permutation
    :math:`\hat P_{kj} \propto \exp\bigl(((n + 1 - 2k) s_j - \sum_i |s_i - s_j|) / \tau\bigr)`.

    Where :func:`~lossary.approx_ndcg_loss` smooths the ranks, it smooths the sort. The rows of
    :math:`\hat P` add up to 1; steps of Sinkhorn's algorithm make its columns do so too, so that
    no item counts twice. A list without relevant items has no NDCG and weighs nothing.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.
        temperature: :math:`\tau`; the smaller, the nearer to a sort, and the flatter.
        sinkhorn_steps: how often columns and rows are scaled; always so often, while the paper
            stops when both add up.

    References:
        Pobrotyn and Białobrzeski, *NeuralNDCG: Direct Optimisation of a Ranking Metric via
        Differentiable Relaxation of Sorting*, 2021; Grover et al., *Stochastic
        Optimization of Sorting Networks via Continuous Relaxations*, ICLR 2019, eq. 5.

    >>> x, r = torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[0, 1, -1]])
    >>> neural_ndcg_loss(x, r)  # the item is first by 1 / (1 + e)
    tensor(0.2698)
    """
    real, scores, relevance = items(input, target)
    count = real.sum(1, keepdim=True)
    place = torch.arange(1, real.shape[1] + 1, device=real.device)
    pair = real.unsqueeze(1) & real.unsqueeze(2)
    spread = torch.where(pair, differences(scores).abs(), 0.0).sum(2)
    slope = (count + 1 - 2 * place).to(scores.dtype)
    logits = (slope.unsqueeze(2) * scores.unsqueeze(1) - spread.unsqueeze(1)) / temperature
    # places beyond the items are for padding, and padding for them
    taken = place <= count
    logits = torch.where(taken.unsqueeze(2), logits, 0.0)
    logits = logits.masked_fill(taken.unsqueeze(2) != real.unsqueeze(1), -torch.inf)
    share = logits.log_softmax(2)
    for _ in range(sinkhorn_steps):
        share = share.log_softmax(1).log_softmax(2)
    gain, some = gains(relevance)
    sort = torch.where(taken.unsqueeze(2), share.exp(), 0.0)
    worth = discount(place.to(scores.dtype))
    found = (sort * gain.unsqueeze(1)).sum(2) * worth
    return reduce(1 - found.sum(1), weigh(some, weight), reduction)


class NeuralNDCGLoss(FunctionLoss):
    """Module form of :func:`neural_ndcg_loss`."""

    function = staticmethod(neural_ndcg_loss)

    def __init__(
        self, *, temperature: float = 1.0, sinkhorn_steps: int = 30, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, temperature=temperature, sinkhorn_steps=sinkhorn_steps)


SPEC = LossSpec(
    function=neural_ndcg_loss,
    module=NeuralNDCGLoss,
    traits=Trait.SHIFT_INVARIANT,
    variants=({}, {"temperature": 0.5, "sinkhorn_steps": 3}),
    paper="arXiv:2102.07831",
)
