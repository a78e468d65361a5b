"""Agreement of predictions for views of the same sample."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, real N C *, real N C * -> N *")
def jensen_shannon_consistency_loss(
    input: Tensor,
    second: Tensor,
    third: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Jensen-Shannon consistency, :math:`\tfrac13 \sum_i \mathrm{KL}(p_i \,\|\, \bar p)` with
    :math:`p_i = \mathrm{softmax}(x_i)` and their mean :math:`\bar p`.

    AugMix: a clean image and two augmented ones are to get the same prediction. It says nothing on
    which one: add it, with a factor of 12 in the paper, to the cross-entropy of the clean image. It
    is at most :math:`\log 3`. All three get a gradient.

    Args:
        input: logits of the clean samples, of shape (N, C, ...).
        second: logits of the same samples augmented, of the shape of ``input``.
        third: logits of the same samples augmented once more, of the shape of ``input``.

    References:
        Hendrycks et al., *AugMix: A Simple Data Processing Method to Improve Robustness and
        Uncertainty*, ICLR 2020, the second part of the loss.

    >>> x, z = torch.tensor([[50.0, 0.0]]), torch.tensor([[0.0, 50.0]])
    >>> jensen_shannon_consistency_loss(x, x, z)
    tensor(0.6365)
    """
    views = torch.stack([input, second, third])
    log_p = views.log_softmax(2)
    log_mean = log_p.logsumexp(0) - math.log(3)
    return reduce((log_p.exp() * (log_p - log_mean)).sum(2).mean(0), weight, reduction)


class JensenShannonConsistencyLoss(FunctionLoss):
    """Module form of :func:`jensen_shannon_consistency_loss`."""

    function = staticmethod(jensen_shannon_consistency_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=jensen_shannon_consistency_loss,
    module=JensenShannonConsistencyLoss,
    traits=Trait.NONNEGATIVE | Trait.SYMMETRIC | Trait.SHIFT_INVARIANT,
    paper="arXiv:1912.02781",
)
