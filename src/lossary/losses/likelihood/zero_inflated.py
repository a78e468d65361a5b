"""Likelihoods of amounts with more zeros than a distribution has."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec
from .poisson import log_choices


@signature("real *, nonneg *, real * -> *", clip="[0, 64]")
def zero_inflated_poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    zero: Tensor,
    *,
    clip: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of a count that is 0 with probability :math:`\pi = \sigma(z)`, and
    otherwise of Poisson's distribution with rate :math:`\lambda = e^x`.

    For a 0 it is :math:`-\log(\pi + (1 - \pi) e^{-\lambda})`, for a count above :math:`-\log(1 -
    \pi) + \lambda - y x + \log y!`. For counts where many could not happen at all: purchases of
    people of whom some never buy. Where only the spread is too large, and not the number of zeros,
    :func:`~lossary.negative_binomial_nll_loss` is the simpler model.

    Args:
        input: logarithms of the rates, of any shape.
        target: counts, none below 0, of the shape of ``input``.
        zero: logits :math:`z` of a certain 0, of the shape of ``input``.
        clip: the log-rate from which on the exponential is a line.

    References:
        Lambert, *Zero-Inflated Poisson Regression, with an Application to Defects in
        Manufacturing*, Technometrics 1992.

    >>> logits = torch.zeros(2)
    >>> zero_inflated_poisson_nll_loss(logits, torch.tensor([0.0, 1.0]), logits)
    tensor(1.0365)
    """
    near = input.clamp(max=clip)
    rate = near.exp() * (1 + input - near)
    counted = rate - target * input + torch.lgamma(target + 1)
    return reduce(_inflated(zero, target, -rate, counted), weight, reduction)


@signature("real *, nonneg *, real * -> *", dispersion="(0, inf)")
def zero_inflated_negative_binomial_nll_loss(
    input: Tensor,
    target: Tensor,
    zero: Tensor,
    *,
    dispersion: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of a count that is 0 with probability :math:`\pi = \sigma(z)`, and
    otherwise negative binomial with mean :math:`\mu = e^x` and variance :math:`\mu + a \mu^2`.

    For a 0 it is :math:`-\log(\pi + (1 - \pi) (1 + a \mu)^{-1/a})`, for a count above
    :math:`-\log(1 - \pi)` more than :func:`~lossary.negative_binomial_nll_loss`. For counts that
    spread more than :func:`~lossary.zero_inflated_poisson_nll_loss` allows, such as those of
    molecules in single cells. The more dispersed, the more zeros come without inflation, and the
    less the two are told apart.

    Args:
        input: logarithms of the means, of any shape.
        target: counts, none below 0, of the shape of ``input``.
        zero: logits :math:`z` of a certain 0, of the shape of ``input``.
        dispersion: :math:`a`; towards 0 it becomes Poisson's.

    References:
        Greene, *Accounting for Excess Zeros and Sample Selection in Poisson and Negative Binomial
        Regression Models*, New York University 1994.

    >>> zero_inflated_negative_binomial_nll_loss(torch.zeros(1), torch.zeros(1), torch.zeros(1))
    tensor(0.2877)
    """
    r, z = 1 / dispersion, input + math.log(dispersion)
    counted = (target + r) * F.softplus(z) - target * z - log_choices(target, r)
    return reduce(_inflated(zero, target, -r * F.softplus(z), counted), weight, reduction)


@signature("real *, real *, nonneg *, nonneg * -> *", eps="(0, inf)")
def zero_inflated_lognormal_loss(
    input: Tensor,
    mean: Tensor,
    scale: Tensor,
    target: Tensor,
    *,
    full: bool = False,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Loss of an amount that is above 0 with probability :math:`p = \sigma(x)` and then lognormal
    (ZILN): :math:`-\log(1 - p)` for a 0, :math:`-\log p + \log s + (\log y - m)^2 / 2 s^2` else.

    For the value of customers, most of whom never buy and few of whom buy much. One network learns
    both; the expected amount is :math:`p \, e^{m + s^2 / 2}`, which wants :math:`s` kept small.

    Args:
        input: logits :math:`x` of an amount above 0, of any shape.
        mean: predicted means :math:`m` of the logarithm of such an amount, of the shape of
            ``input``.
        scale: predicted standard deviations :math:`s` of the logarithm, of the shape of ``input``.
        target: amounts, none below 0, of the shape of ``input``.
        full: whether what no prediction changes is added, :math:`\log y + \tfrac12 \log 2 \pi`
            for amounts above 0.
        eps: the least deviation, and the least amount that is not 0; what is below counts as this.

    References:
        Wang et al., *A Deep Probabilistic Model for Customer Lifetime Value Prediction*, 2019.

    >>> one, zero = torch.ones(1), torch.zeros(1)
    >>> zero_inflated_lognormal_loss(zero, zero, one, one.exp())  # log 2 + 1 / 2
    tensor(1.1931)
    """
    scale, log_target = scale.clamp(min=eps), target.clamp(min=eps).log()
    amount = scale.log() + ((log_target - mean) / scale).square() / 2
    if full:
        amount = amount + log_target + math.log(2 * math.pi) / 2
    bought = target > 0
    units = F.softplus(torch.where(bought, -input, input)) + torch.where(bought, amount, 0.0)
    return reduce(units, weight, reduction)


def _inflated(zero: Tensor, target: Tensor, log_none: Tensor, counted: Tensor) -> Tensor:
    """Return the loss from the log-probability of a count of 0, and the loss of other counts."""
    either = torch.where(target == 0, -torch.logaddexp(zero, log_none), counted)
    return F.softplus(zero) + either


def _example(generator: Generator) -> tuple[object, ...]:
    rate, zero = (torch.randn(4, 2, generator=generator, dtype=torch.float64) for _ in "ab")
    return rate, torch.tensor([[0.0, 3.0], [1.0, 0.0], [0.0, 7.0], [0.0, 0.0]]), zero


def _amounts(generator: Generator) -> tuple[object, ...]:
    logit, target, zero = _example(generator)
    return logit, zero, torch.rand(4, 2, generator=generator) + 0.1, target


class ZeroInflatedPoissonNLLLoss(FunctionLoss):
    """Module form of :func:`zero_inflated_poisson_nll_loss`."""

    function = staticmethod(zero_inflated_poisson_nll_loss)

    def __init__(self, *, clip: float = 64.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, clip=clip)


class ZeroInflatedNegativeBinomialNLLLoss(FunctionLoss):
    """Module form of :func:`zero_inflated_negative_binomial_nll_loss`."""

    function = staticmethod(zero_inflated_negative_binomial_nll_loss)

    def __init__(self, *, dispersion: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, dispersion=dispersion)


class ZeroInflatedLognormalLoss(FunctionLoss):
    """Module form of :func:`zero_inflated_lognormal_loss`."""

    function = staticmethod(zero_inflated_lognormal_loss)

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, full=full, eps=eps)


SPECS = (
    LossSpec(
        function=zero_inflated_poisson_nll_loss,
        module=ZeroInflatedPoissonNLLLoss,
        variants=({}, {"clip": 0.1}),
        paper="doi:10.2307/1269547",
        example=_example,
    ),
    LossSpec(
        function=zero_inflated_negative_binomial_nll_loss,
        module=ZeroInflatedNegativeBinomialNLLLoss,
        variants=({}, {"dispersion": 0.3}, {"dispersion": 1e-5}),
        paper="Greene, Accounting for Excess Zeros, New York University 1994",
        example=_example,
    ),
    LossSpec(
        function=zero_inflated_lognormal_loss,
        module=ZeroInflatedLognormalLoss,
        variants=({}, {"full": True, "eps": 0.8}),
        paper="arXiv:1912.07753",
        example=_amounts,
    ),
)
