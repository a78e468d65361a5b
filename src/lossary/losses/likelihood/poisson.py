"""Likelihoods of counts."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.by_hand import ByHand
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

Number = TypeVar("Number", float, Tensor)

LARGE = 64.0  # from here on three terms of the series have all digits


@signature("real *, nonneg * -> *", clip="[0, 64]")
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    full: bool = False,
    clip: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poisson negative log-likelihood of a log-rate, :math:`e^x - y x`, without :math:`\log y!`.

    For counts. Beyond ``clip`` the exponential goes on as a straight line, so that one wild
    prediction does not overflow. Counts whose variance exceeds their mean want
    :func:`~lossary.negative_binomial_nll_loss`.

    Args:
        input: logarithms of the rates, of any shape.
        target: counts, none below 0, of the shape of ``input``.
        full: whether Stirling's approximation of :math:`\log y!` is added for counts above 1.
        clip: the log-rate from which on the exponential is a line.

    References:
        Cameron and Trivedi, *Regression Analysis of Count Data*, Cambridge 1998, section 3.2.

    >>> poisson_nll_loss(torch.tensor([0.0]), torch.tensor([3.0]))
    tensor(1.)
    """
    if full:
        units = _poisson_units(input, target, clip=clip) + _stirling(target)
        return reduce(units, weight, reduction)
    return _POISSON.reduce(input, target, weight, reduction, clip=clip)


def _poisson_units(input: Tensor, target: Tensor, *, clip: float) -> Tensor:
    near = input.clamp(max=clip)
    return near.exp() * (1 + input - near) - target * input


def _poisson_value(
    input: Tensor, target: Tensor, reduction: Reduction, *, clip: float
) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    if not input.detach().max().item() <= clip:
        return None
    rate = input.exp()
    units = torch.addcmul(rate, target, input, value=-1)
    return units.mean() if reduction == "mean" else units.sum(), (rate,)


def _poisson_gradient(
    incoming: Tensor, reduction: Reduction, input: Tensor, target: Tensor, rate: Tensor, **_: float
) -> Tensor:
    factor = incoming / input.numel() if reduction == "mean" else incoming
    return (rate - target) * factor


_POISSON = ByHand(_poisson_units, _poisson_value, _poisson_gradient)


@signature("nonneg *, nonneg * -> *", eps="(0, inf)")
def poisson_rate_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    full: bool = False,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poisson negative log-likelihood of a rate, :math:`x - y \log(x + \epsilon)`, without
    :math:`\log y!`.

    As :func:`~lossary.poisson_nll_loss` for networks that end in a softplus instead of giving
    logarithms.

    Args:
        input: rates, none below 0, of any shape.
        target: counts, none below 0, of the shape of ``input``.
        full: whether Stirling's approximation of :math:`\log y!` is added for counts above 1.
        eps: :math:`\epsilon`, which bounds the loss where a rate of 0 met a count.

    References:
        Cameron and Trivedi, *Regression Analysis of Count Data*, Cambridge 1998, section 3.2.

    >>> poisson_rate_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]))
    tensor(1.)
    """
    units = input - target * (input + eps).log()
    return reduce(units + _stirling(target) if full else units, weight, reduction)


@signature("real *, nonneg * -> *", dispersion="(0, inf)")
def negative_binomial_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    dispersion: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of the negative binomial distribution with mean :math:`\mu = e^x`
    and variance :math:`\mu + a \mu^2`.

    For counts that spread more than Poisson's: events that come in clusters. With :math:`r = 1 /
    a`: :math:`(y + r) \log(1 + a \mu) - y \log(a \mu) - \log \tfrac{\Gamma(y + r)}{\Gamma(r) \,
    y!}`.

    Args:
        input: logarithms of the means, of any shape.
        target: counts, none below 0, of the shape of ``input``.
        dispersion: :math:`a`; towards 0 it becomes Poisson's.

    References:
        Hilbe, *Negative Binomial Regression*, Cambridge 2011, eq. 8.9 (NB2).

    >>> negative_binomial_nll_loss(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor(0.6931)
    """
    r, z = 1 / dispersion, input + math.log(dispersion)
    units = (target + r) * F.softplus(z) - target * z - log_choices(target, r)
    return reduce(units, weight, reduction)


def log_choices(count: Tensor, r: float) -> Tensor:
    r"""Return :math:`\log \frac{\Gamma(y + r)}{\Gamma(r) \, y!}`, for large r with all digits."""
    if r < LARGE:
        return torch.lgamma(count + r) - math.lgamma(r) - torch.lgamma(count + 1)
    # the first two by Stirling's series: nothing is left of the difference of two large numbers
    total = count + r
    rise = (total - 0.5) * torch.log1p(count / r) + count * (math.log(r) - 1)
    inverse, end = 1 / total, 1 / r
    rise = rise + inverse * _tail(inverse.square()) - end * _tail(end**2)
    return rise - torch.lgamma(count + 1)


def _tail(square: Number) -> Number:
    """Return Stirling's series of the inverse square of a number, without its inverse."""
    return 1 / 12 - square * (1 / 360 - square / 1260)


def _stirling(count: Tensor) -> Tensor:
    """Approximate the logarithm of a factorial above 1, as is the custom."""
    large = count.clamp(min=1)
    found = large * large.log() - large + (2 * math.pi * large).log() / 2
    return torch.where(count > 1, found, 0.0)


class PoissonNLLLoss(FunctionLoss):
    """Module form of :func:`poisson_nll_loss`."""

    function = staticmethod(poisson_nll_loss)

    def __init__(
        self, *, full: bool = False, clip: float = 64.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, full=full, clip=clip)


class PoissonRateNLLLoss(FunctionLoss):
    """Module form of :func:`poisson_rate_nll_loss`."""

    function = staticmethod(poisson_rate_nll_loss)

    def __init__(
        self, *, full: bool = False, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, full=full, eps=eps)


class NegativeBinomialNLLLoss(FunctionLoss):
    """Module form of :func:`negative_binomial_nll_loss`."""

    function = staticmethod(negative_binomial_nll_loss)

    def __init__(self, *, dispersion: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, dispersion=dispersion)


SPECS = (
    LossSpec(
        function=poisson_nll_loss,
        module=PoissonNLLLoss,
        traits=Trait.CONVEX,
        variants=({}, {"full": True, "clip": 0.5}),
        paper="doi:10.1017/CBO9780511814365",
    ),
    LossSpec(
        function=poisson_rate_nll_loss,
        module=PoissonRateNLLLoss,
        traits=Trait.CONVEX,
        variants=({}, {"full": True, "eps": 1e-3}),
        paper="doi:10.1017/CBO9780511814365",
    ),
    LossSpec(
        function=negative_binomial_nll_loss,
        module=NegativeBinomialNLLLoss,
        traits=Trait.CONVEX,
        variants=({}, {"dispersion": 0.3}, {"dispersion": 1e-3}),
        paper="doi:10.1017/CBO9780511973420",
    ),
)
