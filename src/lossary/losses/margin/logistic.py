"""Logistic loss."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, sign * -> *")
def logistic_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Logistic loss, :math:`\log(1 + e^{-y f})`.

    Binary cross-entropy for labels -1 and 1: :math:`\sigma(f)` estimates the probability of label
    1. PyTorch calls it soft margin loss. Divided by log 2 it is an upper bound of the zero-one
    loss.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        Cox, *The Regression Analysis of Binary Sequences*, Journal of the Royal Statistical
        Society B 1958.

    >>> logistic_loss(torch.tensor([2.0, -100.0]), torch.tensor([1, 1]))
    tensor(50.0635)
    """
    return reduce(-F.logsigmoid(target * input), weight, reduction)


class LogisticLoss(FunctionLoss):
    """Module form of :func:`logistic_loss`."""

    function = staticmethod(logistic_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=logistic_loss,
    module=LogisticLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="doi:10.1111/j.2517-6161.1958.tb00292.x",
)
