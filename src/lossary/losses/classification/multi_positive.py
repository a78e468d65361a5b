"""Softmax-like loss of several right answers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, prob N C -> N")
def multi_positive_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-positive cross-entropy, :math:`\log(1 + \sum_i \sum_j y_i (1 - y_j) e^{x_j - x_i})`.

    For several right answers per sample, as in tracking by similarity: every present label is to
    score above every absent one. With one present label it is the cross-entropy. Scores mean
    nothing by themselves, only their order does; where each label is to be decided alone, see
    :func:`~lossary.zlpr_loss`.

    A row without any present, or without any absent label costs nothing.

    Args:
        input: scores, of shape (N, C).
        target: labels 0 and 1, of shape (N, C); numbers between count in part.

    References:
        Pang et al., *Quasi-Dense Similarity Learning for Multiple Object Tracking*, CVPR 2021.

    >>> x, y = torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    >>> multi_positive_cross_entropy_loss(x, y)
    tensor(1.0986)
    """
    some_present, low = _log_sum(-input, target)
    some_absent, high = _log_sum(input, 1 - target)
    pairs = some_present & some_absent
    units = torch.where(pairs, F.softplus(torch.where(pairs, low + high, 0.0)), 0.0)
    return reduce(units, weight, reduction)


def _log_sum(exponent: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Return where there is any share, and the logarithm of the sum of ``share * exp(exponent)``.

    Where there is none, the second is some finite number.
    """
    there = share > 0
    any_there = there.any(1)
    logs = exponent + torch.where(there, share, 1.0).log()
    taken = there | ~any_there.unsqueeze(1)
    return any_there, torch.where(taken, logs, -torch.inf).logsumexp(1)


class MultiPositiveCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`multi_positive_cross_entropy_loss`."""

    function = staticmethod(multi_positive_cross_entropy_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=multi_positive_cross_entropy_loss,
    module=MultiPositiveCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    paper="arXiv:2006.06664",
)
