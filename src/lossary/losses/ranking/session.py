"""A chosen item against several others."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N, real N K -> N")
def top1_loss(
    positive: Tensor,
    negative: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""TOP1 loss, the mean of :math:`\sigma(x_j - x^+) + \sigma(x_j^2)` over the negatives.

    For recommendation within a session: the share of items that come before the chosen one, made
    smooth, and a term that keeps the scores of the others near 0. It is bounded, so that a sure
    error has no gradient; with many negatives :func:`~lossary.bpr_max_loss` learns more.

    Args:
        positive: scores of the chosen items, of shape (N,).
        negative: scores of K others for each, of shape (N, K).

    References:
        Hidasi et al., *Session-based Recommendations with Recurrent Neural Networks*, ICLR 2016,
        section 3.2.2.

    >>> top1_loss(torch.tensor([1.0]), torch.tensor([[0.0, 2.0]]))
    tensor(1.2410)
    """
    lead = negative - positive.unsqueeze(1)
    losses = lead.sigmoid() + negative.square().sigmoid()
    return reduce(losses.sum(1) / max(negative.shape[1], 1), weight, reduction)


@signature("real N, real N K -> N", regularization="[0, inf)")
def bpr_max_loss(
    positive: Tensor,
    negative: Tensor,
    *,
    regularization: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""BPR-max loss, :math:`-\ln \sum_j p_j \sigma(x^+ - x_j) + \lambda \sum_j p_j x_j^2` with
    :math:`p = \mathrm{softmax}(x)` over the negatives.

    :func:`~lossary.bpr_loss` against the negative that scores highest, chosen smoothly, so that
    more negatives teach more instead of less: the easy ones drop out.

    Args:
        positive: scores of the chosen items, of shape (N,).
        negative: scores of K others for each, of shape (N, K).
        regularization: the weight :math:`\lambda` of the negatives' squared scores.

    References:
        Hidasi and Karatzoglou, *Recurrent Neural Networks with Top-k Gains for Session-based
        Recommendations*, CIKM 2018, section 3.3.

    >>> bpr_max_loss(torch.tensor([1.0]), torch.tensor([[0.0, 0.0]]))
    tensor(0.3133)
    """
    if not negative.shape[1]:  # a softmax of nothing
        return reduce(0 * positive, weight, reduction)
    shares = negative.log_softmax(1)
    ahead = shares + F.logsigmoid(positive.unsqueeze(1) - negative)
    penalty = regularization * (shares.exp() * negative.square()).sum(1)
    return reduce(penalty - torch.logsumexp(ahead, 1), weight, reduction)


class TOP1Loss(FunctionLoss):
    """Module form of :func:`top1_loss`."""

    function = staticmethod(top1_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class BPRMaxLoss(FunctionLoss):
    """Module form of :func:`bpr_max_loss`."""

    function = staticmethod(bpr_max_loss)

    def __init__(self, *, regularization: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, regularization=regularization)


SPECS = (
    LossSpec(
        function=top1_loss,
        module=TOP1Loss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1511.06939",
    ),
    LossSpec(
        function=bpr_max_loss,
        module=BPRMaxLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"regularization": 0.0}),
        paper="arXiv:1706.03847",
    ),
)
