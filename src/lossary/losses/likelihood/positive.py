"""Likelihoods of positive numbers."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, nonneg * -> *", dispersion="(0, inf)", clip="[0, 64]", eps="(0, inf)")
def gamma_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    dispersion: float = 1.0,
    clip: float = 64.0,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of the gamma distribution with mean :math:`\mu = e^x` and variance
    :math:`a \mu^2`.

    For positive amounts whose error grows with their size: claims, waiting times, rain. With
    :math:`k = 1 / a` it is :math:`k (x + y e^{-x}) - (k - 1) \log y - k \log k + \log \Gamma(k)`;
    its gradient is that of :func:`~lossary.gamma_deviance_loss` up to a factor. For amounts with
    zeros see :func:`~lossary.zero_inflated_lognormal_loss` and
    :func:`~lossary.tweedie_deviance_loss`.

    Args:
        input: logarithms of the means, of any shape.
        target: amounts above 0, of the shape of ``input``.
        dispersion: :math:`a`; 1 is the exponential distribution.
        clip: the :math:`-x` from which on the exponential is a line, so that one small guess does
            not overflow.
        eps: the least amount; what is below counts as this in :math:`\log y`.

    References:
        McCullagh and Nelder, *Generalized Linear Models*, Chapman and Hall 1989, section 8.2.

    >>> gamma_nll_loss(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor(2.)
    """
    k = 1 / dispersion
    near = (-input).clamp(max=clip)
    power = near.exp() * (1 - input - near)
    units = k * (input + target * power) - (k - 1) * target.clamp(min=eps).log()
    return reduce(units - k * math.log(k) + math.lgamma(k), weight, reduction)


@signature("real *, nonneg *, nonneg * -> *", eps="(0, inf)")
def lognormal_nll_loss(
    input: Tensor,
    target: Tensor,
    scale: Tensor,
    *,
    full: bool = False,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Lognormal negative log-likelihood, :math:`\log s + (\log y - x)^2 / 2 s^2`.

    For positive targets with a long tail: prices, sizes, life times. The prediction :math:`x` is
    the mean of the logarithm, so :math:`e^x` is the median; the mean is :math:`e^{x + s^2 / 2}`.

    Args:
        input: predicted means of the logarithms, of any shape.
        target: amounts above 0, of the shape of ``input``.
        scale: predicted standard deviations :math:`s` of the logarithms, of the shape of
            ``input``.
        full: whether what no prediction changes is added, :math:`\log y + \tfrac12 \log 2 \pi`.
        eps: the least amount and the least deviation; what is below counts as this.

    References:
        Johnson et al., *Continuous Univariate Distributions*, volume 1, Wiley 1994, chapter 14.

    >>> lognormal_nll_loss(torch.tensor([0.0]), torch.tensor([1.0]).exp(), torch.tensor([1.0]))
    tensor(0.5000)
    """
    scale, log_target = scale.clamp(min=eps), target.clamp(min=eps).log()
    units = scale.log() + ((log_target - input) / scale).square() / 2
    rest = log_target + math.log(2 * math.pi) / 2
    return reduce(units + rest if full else units, weight, reduction)


class GammaNLLLoss(FunctionLoss):
    """Module form of :func:`gamma_nll_loss`."""

    function = staticmethod(gamma_nll_loss)

    def __init__(
        self,
        *,
        dispersion: float = 1.0,
        clip: float = 64.0,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, dispersion=dispersion, clip=clip, eps=eps)


class LognormalNLLLoss(FunctionLoss):
    """Module form of :func:`lognormal_nll_loss`."""

    function = staticmethod(lognormal_nll_loss)

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, full=full, eps=eps)


SPECS = (
    LossSpec(
        function=gamma_nll_loss,
        module=GammaNLLLoss,
        traits=Trait.CONVEX,
        variants=({}, {"dispersion": 0.3}, {"dispersion": 2.0, "clip": 0.1, "eps": 0.5}),
        paper="doi:10.1007/978-1-4899-3242-6",
    ),
    LossSpec(
        function=lognormal_nll_loss,
        module=LognormalNLLLoss,
        traits=Trait.CONVEX,
        variants=({}, {"full": True}, {"eps": 0.8}),
        paper="Johnson et al., Continuous Univariate Distributions, volume 1, Wiley 1994",
    ),
)
