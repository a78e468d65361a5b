"""Kullback-Leibler divergence."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.by_hand import ByHand
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("logprob N C *, prob N C * -> N *")
def kl_divergence(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Kullback-Leibler divergence, :math:`\sum_c q_c (\log q_c - \log p_c)`, of the target q from
    the prediction p.

    A unit is a whole distribution: the mean is PyTorch's ``batchmean`` for inputs of two
    dimensions, not its ``mean``, which divides by the number of classes too. It is not symmetric;
    exchange what you call prediction and target for the reverse divergence.

    Args:
        input: log-probabilities of the prediction, of shape (N, C, ...).
        target: probabilities, of the shape of ``input``. Where one is zero its term is zero, and
            so is its gradient, even where ``input`` is -inf.

    References:
        Kullback and Leibler, *On Information and Sufficiency*, Annals of Mathematical Statistics
        1951, eq. 2.4.

    >>> kl_divergence(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    return _KL.reduce(input, target, weight, reduction)


def _units(input: Tensor, target: Tensor) -> Tensor:
    nothing = target == 0
    log_q = target.masked_fill(nothing, 1.0).log()
    log_p = input.masked_fill(nothing, 0.0)
    return (target * (log_q - log_p)).sum(1)


def _value(
    input: Tensor, target: Tensor, reduction: Reduction
) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    value = torch.xlogy(target, target).addcmul_(target, input, value=-1).sum()
    if math.isnan(value.item()):
        return None  # a probability of 0 may have met a logarithm of 0
    return value * _share(input) if reduction == "mean" else value, ()


def _gradient(incoming: Tensor, reduction: Reduction, input: Tensor, target: Tensor) -> Tensor:
    return target * (incoming * (-_share(input) if reduction == "mean" else -1))


def _share(input: Tensor) -> float:
    """Return the share of a unit in the mean."""
    return input.shape[1] / input.numel()


_KL = ByHand(_units, _value, _gradient)


class KLDivergenceLoss(FunctionLoss):
    """Module form of :func:`kl_divergence`."""

    function = staticmethod(kl_divergence)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=kl_divergence,
    module=KLDivergenceLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="doi:10.1214/aoms/1177729694",
)
