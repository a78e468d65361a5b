"""Cross-entropy of a list."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._lists import items


@signature("real N L, real N L -> N")
def listnet_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""ListNet loss, :math:`-\sum_i q_i \ln p_i` with :math:`q = \mathrm{softmax}(r)` and
    :math:`p = \mathrm{softmax}(s)` over the items of a list.

    The cross-entropy between the chances of each item to come first under relevances and under
    scores. Relevances work as logits: 0 to 4 differ a lot, 0 and 1 hardly, and an irrelevant item
    is a wanted one too, only less. For clicks see :func:`~lossary.ranking_softmax_loss`.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.

    References:
        Cao et al., *Learning to Rank: From Pairwise Approach to Listwise Approach*, ICML 2007,
        with top-one probabilities.

    >>> listnet_loss(torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[1, 0, -1]]))
    tensor(0.5822)
    """
    real, scores, relevance = items(input, target)
    wanted = _log_softmax(relevance, real).exp()
    return reduce(_cross_entropy(scores, wanted, real), weigh(real.any(1), weight), reduction)


@signature("real N L, real N L -> N")
def ranking_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Softmax loss of rankings, :math:`-\sum_i r_i \ln p_i` with :math:`p = \mathrm{softmax}(s)`
    over the items of a list.

    With one click per list, cross-entropy with the clicked item as the class; with graded
    relevances, which are not made to add up to 1, a bound of the reciprocal rank and of NDCG. A
    list without relevant items costs nothing.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.

    References:
        Bruch et al., *An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with
        Binary Relevance*, ICTIR 2019.

    >>> ranking_softmax_loss(torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[1, 0, -1]]))
    tensor(0.3133)
    """
    real, scores, relevance = items(input, target)
    return reduce(_cross_entropy(scores, relevance, real), weigh(real.any(1), weight), reduction)


def _log_softmax(scores: Tensor, real: Tensor) -> Tensor:
    """Return the log-softmax over the items that are no padding."""
    # a list of nothing but padding is left as it is: a softmax of nothing is nan
    padding = ~real & real.any(1, keepdim=True)
    return scores.masked_fill(padding, -torch.inf).log_softmax(1)


def _cross_entropy(scores: Tensor, wanted: Tensor, real: Tensor) -> Tensor:
    # zeros in place of the infinite logarithms before they are multiplied
    logarithms = torch.where(real, _log_softmax(scores, real), 0.0)
    return -(wanted * logarithms).sum(1)


class ListNetLoss(FunctionLoss):
    """Module form of :func:`listnet_loss`."""

    function = staticmethod(listnet_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RankingSoftmaxLoss(FunctionLoss):
    """Module form of :func:`ranking_softmax_loss`."""

    function = staticmethod(ranking_softmax_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=listnet_loss,
        module=ListNetLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        paper="doi:10.1145/1273496.1273513",
    ),
    LossSpec(
        function=ranking_softmax_loss,
        module=RankingSoftmaxLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        paper="doi:10.1145/3341981.3344221",
    ),
)
