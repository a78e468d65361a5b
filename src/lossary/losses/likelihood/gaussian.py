"""Gaussian likelihood of a predicted mean and variance."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real *, real *, nonneg * -> *", eps="(0, inf)")
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    variance: Tensor,
    *,
    full: bool = False,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gaussian negative log-likelihood, :math:`\tfrac12 (\log v + (x - y)^2 / v)`.

    For regression that also says how sure it is, per prediction. Variances below ``eps`` count as
    ``eps``, and have no gradient there. Fitted jointly, badly predicted samples get a large
    variance and are then ignored: see :func:`~lossary.beta_nll_loss`.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        variance: predicted variances :math:`v`, none below 0, of the shape of ``input``.
        full: whether the constant :math:`\tfrac12 \log 2 \pi` is added.
        eps: the least variance, in the squared unit of the target.

    References:
        Nix and Weigend, *Estimating the Mean and Variance of the Target Probability Distribution*,
        ICNN 1994, eq. 1.

    >>> gaussian_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    return reduce(_units(input, target, variance, full, eps), weight, reduction)


@signature("real *, real *, nonneg * -> *", beta="[0, 1]", eps="(0, inf)")
def beta_nll_loss(
    input: Tensor,
    target: Tensor,
    variance: Tensor,
    *,
    beta: float = 0.5,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Beta-weighted Gaussian negative log-likelihood, :math:`\lfloor v^\beta \rfloor \, \tfrac12
    (\log v + (x - y)^2 / v)`, the brackets without gradient.

    The Gaussian likelihood neglects samples that it has given a large variance; the factor brings
    them back. ``beta`` 0 is :func:`~lossary.gaussian_nll_loss`, 1 gives the mean the gradient of
    the squared error. Because of the factor without gradient its value says little, and its second
    derivative is not that of the value.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        variance: predicted variances :math:`v`, none below 0, of the shape of ``input``.
        beta: :math:`\beta`, how much the factor counts.
        eps: the least variance, in the squared unit of the target.

    References:
        Seitzer et al., *On the Pitfalls of Heteroscedastic Uncertainty Estimation with
        Probabilistic Neural Networks*, ICLR 2022, eq. 6.

    >>> beta_nll_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([4.0]), beta=0.5)
    tensor(2.3863)
    """
    units = _units(input, target, variance, False, eps)
    return reduce(variance.detach().clamp(min=eps) ** beta * units, weight, reduction)


def _units(input: Tensor, target: Tensor, variance: Tensor, full: bool, eps: float) -> Tensor:
    variance = variance.clamp(min=eps)
    units = (variance.log() + (input - target).square() / variance) / 2
    return units + math.log(2 * math.pi) / 2 if full else units


class GaussianNLLLoss(FunctionLoss):
    """Module form of :func:`gaussian_nll_loss`."""

    function = staticmethod(gaussian_nll_loss)

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, full=full, eps=eps)


class BetaNLLLoss(FunctionLoss):
    """Module form of :func:`beta_nll_loss`."""

    function = staticmethod(beta_nll_loss)

    def __init__(
        self, *, beta: float = 0.5, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, eps=eps)


SPECS = (
    LossSpec(
        function=gaussian_nll_loss,
        module=GaussianNLLLoss,
        variants=({}, {"full": True, "eps": 0.5}),
        paper="doi:10.1109/ICNN.1994.374138",
    ),
    LossSpec(
        function=beta_nll_loss,
        module=BetaNLLLoss,
        variants=({}, {"beta": 1.0, "eps": 0.1}),
        paper="arXiv:2203.09168",
    ),
)
