"""Expected number of errors among the best hypotheses."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N K, nonneg N K -> N")
def minimum_word_error_rate_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Minimum word error rate (MWER) over a list of hypotheses, :math:`\sum_k p_k (w_k - \bar w)`
    with :math:`p = \mathrm{softmax}(x)` over the list and the mean :math:`\bar w` of its errors.

    For the last stage of training speech recognition and translation, with what counts in the
    end: hypotheses with fewer errors than the mean of their list become likelier. The mean takes
    the variance out of the gradient's estimate, not a part of the gradient. Start from a trained
    network, and add the loss it was trained with, times a small number such as 0.01: a list
    without the right answer cannot teach it.

    Args:
        input: the logarithm of the probability of each hypothesis, of shape (N, K); -inf where a
            list has fewer than K.
        target: the number of errors of each hypothesis, of shape (N, K).

    References:
        Prabhavalkar et al., *Minimum Word Error Rate Training for Attention-Based
        Sequence-to-Sequence Models*, ICASSP 2018, section 3.

    >>> x = torch.tensor([[0.75, 0.25]]).log()
    >>> minimum_word_error_rate_loss(x, torch.tensor([[0.0, 2.0]]))  # 0.5 expected, 1 in the mean
    tensor(-0.5000)
    """
    there = input > -torch.inf
    count = there.sum(1, keepdim=True).clamp(min=1)
    errors = torch.where(there, target, 0.0)
    above = torch.where(there, errors - errors.sum(1, keepdim=True) / count, 0.0)
    # far below all others stands for nothing, without the nan of a list that is empty
    scores = torch.where(there, input, torch.finfo(input.dtype).min)
    return reduce((scores.softmax(1) * above).sum(1), weight, reduction)


class MinimumWordErrorRateLoss(FunctionLoss):
    """Module form of :func:`minimum_word_error_rate_loss`."""

    function = staticmethod(minimum_word_error_rate_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=minimum_word_error_rate_loss,
    module=MinimumWordErrorRateLoss,
    traits=Trait.SHIFT_INVARIANT,
    paper="arXiv:1712.01818",
)
