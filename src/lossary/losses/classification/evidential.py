"""Evidence for each class instead of probabilities."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("nonneg N C, label N -> N", divergence_weight="[0, inf)")
def evidential_loss(
    input: Tensor,
    target: Tensor,
    *,
    divergence_weight: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Evidential classification loss, :math:`\sum_c (y_c - p_c)^2 + \tfrac{p_c (1 - p_c)}{S + 1}`
    plus :math:`\lambda` times the divergence of the evidence for other classes from none.

    With evidence :math:`e`, :math:`\alpha = e + 1`, :math:`S = \sum_c \alpha_c` and :math:`p =
    \alpha / S`. For networks that should say "I do not know": no evidence means every class alike.
    Raise :math:`\lambda` from 0 to 1 over the first epochs, or evidence dies out.

    Args:
        input: evidence, none below 0, such as a softplus of logits, of shape (N, C).
        target: class indices in [0, C), of shape (N,).
        divergence_weight: :math:`\lambda`.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Sensoy et al., *Evidential Deep Learning to Quantify Classification Uncertainty*, NeurIPS
        2018, eq. 5 and section 4.

    >>> evidential_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.6667)
    """
    truth = F.one_hot(target, input.shape[1])
    alpha = input + 1
    total = alpha.sum(1, keepdim=True)
    p = alpha / total
    cost = ((truth - p).square() + p * (1 - p) / (total + 1)).sum(1)
    wrong = torch.where(truth == 1, 1.0, alpha)  # the evidence but for the label's
    sums = wrong.sum(1, keepdim=True)
    divergence = (
        torch.lgamma(sums).squeeze(1) - math.lgamma(input.shape[1]) - torch.lgamma(wrong).sum(1)
    )
    divergence = divergence + ((wrong - 1) * (torch.digamma(wrong) - torch.digamma(sums))).sum(1)
    return reduce(cost + divergence_weight * divergence, weight, reduction)


class EvidentialLoss(FunctionLoss):
    """Module form of :func:`evidential_loss`."""

    function = staticmethod(evidential_loss)

    def __init__(
        self,
        *,
        divergence_weight: float = 1.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, divergence_weight=divergence_weight, ignore_index=ignore_index)


SPEC = LossSpec(
    function=evidential_loss,
    module=EvidentialLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"divergence_weight": 0.1}),
    paper="arXiv:1806.01768",
)
