"""Divergences from a mean of both distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("prob N C, prob N C -> N", beta="(0, 1)")
def jensen_shannon_divergence(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Jensen-Shannon divergence, :math:`\beta \, \mathrm{KL}(q \| m) + (1 - \beta) \mathrm{KL}(p
    \| m)` with :math:`m = \beta q + (1 - \beta) p`.

    Bounded by :math:`\log 2` at one half, also where one distribution has a zero; symmetric there.
    For logits of large vocabularies see :func:`~lossary.linear_distillation_loss`.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        beta: the weight :math:`\beta` of the target.

    References:
        Lin, *Divergence Measures Based on the Shannon Entropy*, IEEE Transactions on Information
        Theory 1991, eq. 4.1.

    >>> jensen_shannon_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.2158)
    """
    mean = beta * target + (1 - beta) * input
    return reduce(beta * _kl(target, mean) + (1 - beta) * _kl(input, mean), weight, reduction)


@signature("prob N C, prob N C -> N", eps="(0, 1)")
def jeffreys_divergence(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-12,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Jeffreys divergence, :math:`\mathrm{KL}(q \| p) + \mathrm{KL}(p \| q) = \sum_c (q_c - p_c)
    \log(q_c / p_c)`.

    Both directions of the divergence: it neither spreads over nor drops what the target holds.
    Probabilities below ``eps`` count as ``eps`` in the logarithm, because it is infinite where one
    of them is zero.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        eps: the least probability in a logarithm.

    References:
        Jeffreys, *An Invariant Form for the Prior Probability in Estimation Problems*, Proceedings
        of the Royal Society A 1946.

    >>> jeffreys_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.75, 0.25]]))
    tensor(0.2747)
    """
    ratio = target.clamp(min=eps).log() - input.clamp(min=eps).log()
    return reduce(((target - input) * ratio).sum(1), weight, reduction)


@signature("prob N C, prob N C -> N", eps="(0, 1)")
def reverse_kl_divergence(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-12,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Reverse divergence, :math:`\mathrm{KL}(p \| q) = \sum_c p_c \log(p_c / q_c)`.

    Seeks one of the target's modes instead of covering all: for distillation into a smaller
    network, and for variational inference. Target probabilities below ``eps`` count as ``eps``;
    the prediction is not to use those classes.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        eps: the least target probability.

    References:
        Kullback and Leibler, *On Information and Sufficiency*, Annals of Mathematical Statistics
        1951; Gu et al., *MiniLLM*, ICLR 2024 (the direction).

    >>> reverse_kl_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]]))
    tensor(0.1438)
    """
    return reduce(_kl(input, target.clamp(min=eps)), weight, reduction)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Return the divergence of ``q`` from ``p``, where q is zero only if p is."""
    nothing = p == 0
    ratio = torch.where(nothing, 1.0, p).log() - torch.where(nothing, 1.0, q).log()
    return torch.where(nothing, 0.0, p * ratio).sum(1)


class JensenShannonDivergence(FunctionLoss):
    """Module form of :func:`jensen_shannon_divergence`."""

    function = staticmethod(jensen_shannon_divergence)

    def __init__(self, *, beta: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


class JeffreysDivergence(FunctionLoss):
    """Module form of :func:`jeffreys_divergence`."""

    function = staticmethod(jeffreys_divergence)

    def __init__(self, *, eps: float = 1e-12, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class ReverseKLDivergence(FunctionLoss):
    """Module form of :func:`reverse_kl_divergence`."""

    function = staticmethod(reverse_kl_divergence)

    def __init__(self, *, eps: float = 1e-12, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPECS = (
    LossSpec(
        function=jensen_shannon_divergence,
        module=JensenShannonDivergence,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
        variants=({}, {"beta": 0.2}),
        paper="doi:10.1109/18.61115",
    ),
    LossSpec(
        function=jeffreys_divergence,
        module=JeffreysDivergence,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"eps": 0.05}),
        paper="doi:10.1098/rspa.1946.0056",
    ),
    LossSpec(
        function=reverse_kl_divergence,
        module=ReverseKLDivergence,
        variants=({}, {"eps": 0.05}),
        paper="doi:10.1214/aoms/1177729694",
    ),
)
