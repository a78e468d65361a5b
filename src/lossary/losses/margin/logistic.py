"""Logistic loss."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.by_hand import ByHand
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait

LINEAR = 40.0  # from here on the loss is a line in double precision too


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
    return _LOGISTIC.reduce(input, target, weight, reduction)


def _units(input: Tensor, target: Tensor) -> Tensor:
    return -F.logsigmoid(target * input)


def _value(
    input: Tensor, target: Tensor, reduction: Reduction
) -> tuple[Tensor, tuple[Tensor, ...]]:
    exponent = target.neg().mul_(input)
    units = F.softplus(exponent, threshold=LINEAR)
    return units.mean() if reduction == "mean" else units.sum(), (exponent,)


def _gradient(
    incoming: Tensor, reduction: Reduction, input: Tensor, target: Tensor, exponent: Tensor
) -> Tensor:
    factor = incoming / -input.numel() if reduction == "mean" else -incoming
    return exponent.sigmoid().mul_(target) * factor


_LOGISTIC = ByHand(_units, _value, _gradient)


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
