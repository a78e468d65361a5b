"""A distribution over the mean and variance of a prediction."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature(
    "real *, real *, nonneg *, nonneg *, nonneg * -> *",
    regularization="[0, inf)",
    eps="(0, inf)",
)
def evidential_regression_loss(
    input: Tensor,
    target: Tensor,
    nu: Tensor,
    alpha: Tensor,
    beta: Tensor,
    *,
    regularization: float = 0.01,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood under a normal-inverse-gamma prior over mean and variance, with a
    penalty of evidence where the prediction is wrong.

    .. math::
        \tfrac12 \log \tfrac{\pi}{\nu} - \alpha \log \Omega
        + (\alpha + \tfrac12) \log\left( (y - x)^2 \nu + \Omega \right)
        + \log \tfrac{\Gamma(\alpha)}{\Gamma(\alpha + 1/2)} + \lambda |y - x| (2 \nu + \alpha)

    With :math:`\Omega = 2 \beta (1 + \nu)`. One network says the expected noise of the data,
    :math:`\beta / (\alpha - 1)`, and how little it knows itself, that divided by :math:`\nu`. The
    likelihood alone leaves :math:`\nu` undetermined up to the penalty, so the second number is a
    heuristic and wants checking on data of its own (Meinert et al., AAAI 2023). For noise alone
    see :func:`~lossary.gaussian_nll_loss`.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        nu: :math:`\nu`, the evidence of the mean, of the shape of ``input``.
        alpha: :math:`\alpha`, the evidence of the variance, of the shape of ``input``; the expected
            noise is finite above 1, so networks end in 1 + softplus.
        beta: :math:`\beta`, the scale of the variance in the squared unit of the target, of the
            shape of ``input``.
        regularization: :math:`\lambda`, how much the penalty counts.
        eps: the least :math:`\nu`, :math:`\alpha` and :math:`\beta`; what is below counts as this.

    References:
        Amini et al., *Deep Evidential Regression*, NeurIPS 2020, eq. 8 to 10.

    >>> one = torch.ones(1)
    >>> evidential_regression_loss(torch.zeros(1), one, one, one, one)
    tensor(1.7510)
    """
    nu, alpha, beta = (t.clamp(min=eps) for t in (nu, alpha, beta))
    omega, error = 2 * beta * (1 + nu), (target - input).abs()
    # -alpha log(omega) + (alpha + 1/2) log(...) without the difference of two large numbers
    excess = nu * error.square() / omega
    units = (math.pi / nu).log() / 2 + (alpha + 0.5) * excess.log1p() + omega.log() / 2
    units = units + _log_gamma_ratio(alpha) + regularization * error * (2 * nu + alpha)
    return reduce(units, weight, reduction)


def _log_gamma_ratio(x: Tensor) -> Tensor:
    r"""Return :math:`\log \Gamma(x) - \log \Gamma(x + 1/2)`, accurate for large x too."""
    small, large = x.clamp(max=16), x.clamp(min=16)
    inverse = 1 / large
    square = inverse.square()
    # the asymptotic series: of large numbers the difference of the two has no digits left
    series = 1 / 8 - square * (1 / 192 - square * (1 / 640 - square * 17 / 14336))
    far = inverse * series - large.log() / 2
    return torch.where(x < 16, torch.lgamma(small) - torch.lgamma(small + 0.5), far)


class EvidentialRegressionLoss(FunctionLoss):
    """Module form of :func:`evidential_regression_loss`."""

    function = staticmethod(evidential_regression_loss)

    def __init__(
        self, *, regularization: float = 0.01, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, regularization=regularization, eps=eps)


SPEC = LossSpec(
    function=evidential_regression_loss,
    module=EvidentialRegressionLoss,
    variants=({}, {"regularization": 1.0, "eps": 0.5}),
    paper="arXiv:1910.02600",
)
