"""Likelihoods of times whose logarithm has a location and a scale."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real N, nonneg N, nonneg N, prob N -> N", eps="(0, inf)")
def lognormal_survival_loss(
    input: Tensor,
    scale: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of the log-normal distribution, :math:`e \left(\log \sigma t +
    \tfrac12 \log 2 \pi + \tfrac12 z^2\right) - (1 - e) \log \Phi(-z)` with :math:`z = (\log t -
    \mu) / \sigma`.

    For survival in continuous time, as an accelerated failure time model: what :math:`\mu` gains
    multiplies the time. The hazard rises from 0 and falls again late. See
    :func:`~lossary.weibull_survival_loss` for hazards that go one way, and
    :func:`~lossary.loglogistic_survival_loss` for heavier tails, which bear outliers. Without
    censoring it is :func:`~lossary.lognormal_nll_loss`.

    Args:
        input: the location :math:`\mu`, the logarithm of the median time, of shape (N,).
        scale: the scale :math:`\sigma` of the logarithm, of shape (N,).
        time: when the event happened, or until when none had, of shape (N,).
        event: 1 where it happened, 0 where watching ended before, of shape (N,); booleans too.
        eps: the smallest scale and time; what is below counts as this.

    References:
        Kalbfleisch and Prentice, *The Statistical Analysis of Failure Time Data*, Wiley 2002,
        sections 2.2.3 and 3.2.

    >>> x, one = torch.tensor([0.0]), torch.tensor([1.0])
    >>> lognormal_survival_loss(x, one, one, torch.tensor([0.0]))  # half of them last longer
    tensor(0.6931)
    """
    scale, log_time, z = _standard(input, scale, time, eps)
    happened = log_time + scale.log() + z.square() / 2 + math.log(2 * math.pi) / 2
    units = event * happened - (1 - event) * _log_survival(z)
    return reduce(units, weight, reduction)


@signature("real N, nonneg N, nonneg N, prob N -> N", eps="(0, inf)")
def loglogistic_survival_loss(
    input: Tensor,
    scale: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of the log-logistic distribution, :math:`e (\log \sigma t - z) +
    (1 + e) \log(1 + e^z)` with :math:`z = (\log t - \mu) / \sigma`, where the e without exponent is
    the event.

    For survival in continuous time, as an accelerated failure time model that is one of
    proportional odds too: what :math:`\mu` gains multiplies the time. The loss of a wrong guess
    grows linearly in z, where that of :func:`~lossary.lognormal_survival_loss` grows as its square.

    Args:
        input: the location :math:`\mu`, the logarithm of the median time, of shape (N,).
        scale: the scale :math:`\sigma` of the logarithm, of shape (N,).
        time: when the event happened, or until when none had, of shape (N,).
        event: 1 where it happened, 0 where watching ended before, of shape (N,); booleans too.
        eps: the smallest scale and time; what is below counts as this.

    References:
        Kalbfleisch and Prentice, *The Statistical Analysis of Failure Time Data*, Wiley 2002,
        sections 2.2.4 and 3.2.

    >>> x, one = torch.tensor([0.0]), torch.tensor([1.0])
    >>> loglogistic_survival_loss(x, one, one, one)  # the density at the median is 1/4
    tensor(1.3863)
    """
    scale, log_time, z = _standard(input, scale, time, eps)
    lasted = F.softplus(z)
    units = event * (log_time + scale.log() + lasted - z) + lasted
    return reduce(units, weight, reduction)


def _standard(
    location: Tensor, scale: Tensor, time: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    scale, log_time = scale.clamp(min=eps), time.clamp(min=eps).log()
    return scale, log_time, (log_time - location) / scale


def _log_survival(z: Tensor) -> Tensor:
    """Return the logarithm of 1 - Phi(z), exact in both tails."""
    late = z > 0
    above, below = torch.where(late, z, 0.0), torch.where(late, 0.0, z)
    tail = (torch.special.erfcx(above / math.sqrt(2)) / 2).log() - above.square() / 2
    return torch.where(late, tail, torch.log1p(-torch.erfc(-below / math.sqrt(2)) / 2))


class LognormalSurvivalLoss(FunctionLoss):
    """Module form of :func:`lognormal_survival_loss`."""

    function = staticmethod(lognormal_survival_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class LoglogisticSurvivalLoss(FunctionLoss):
    """Module form of :func:`loglogistic_survival_loss`."""

    function = staticmethod(loglogistic_survival_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


_BOOK = "Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, Wiley 2002"

SPECS = (
    LossSpec(
        function=lognormal_survival_loss,
        module=LognormalSurvivalLoss,
        variants=({}, {"eps": 0.3}),
        paper=_BOOK,
    ),
    LossSpec(
        function=loglogistic_survival_loss,
        module=LoglogisticSurvivalLoss,
        variants=({}, {"eps": 0.3}),
        paper=_BOOK,
    ),
)
