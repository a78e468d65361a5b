"""Deviances of amounts."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("nonneg *, nonneg * -> *", power="(1, 2)", eps="(0, inf)")
def tweedie_deviance_loss(
    input: Tensor,
    target: Tensor,
    *,
    power: float = 1.5,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Unit deviance of a Tweedie distribution, :math:`2 \bigl( \tfrac{y^{2 - p}}{(1 - p)(2 - p)}
    - \tfrac{y x^{1 - p}}{1 - p} + \tfrac{x^{2 - p}}{2 - p} \bigr)`.

    For amounts that are often exactly zero, such as insurance claims or rain: powers between 1 and
    2. The variance grows like the mean to the power :math:`p`.

    Args:
        input: predicted means, none below 0, of any shape.
        target: amounts, none below 0, of the shape of ``input``; integers are converted.
        power: :math:`p`, between 1 (counts) and 2 (waiting times), both excluded.
        eps: the least mean, in the unit of the target.

    References:
        Jorgensen, *The Theory of Dispersion Models*, Chapman and Hall 1997, chapter 4.

    >>> tweedie_deviance_loss(torch.tensor([4.0]), torch.tensor([0.0]))
    tensor(8.)
    """
    mean = input.clamp(min=eps)
    a, b = 1 - power, 2 - power
    safe = torch.where(target == 0, 1.0, target)
    own = torch.where(target == 0, 0.0, safe**b) / (a * b)
    return reduce(2 * (own - target * mean**a / a + mean**b / b), weight, reduction)


@signature("nonneg *, nonneg * -> *", eps="(0, inf)")
def poisson_deviance_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poisson unit deviance, :math:`2 (y \log(y / x) - y + x)`, with :math:`0 \log 0 = 0`.

    The Poisson likelihood measured from its best value, so that 0 is a perfect prediction.

    Args:
        input: predicted rates, none below 0, of any shape.
        target: counts, none below 0, of the shape of ``input``.
        eps: the least rate.

    References:
        McCullagh and Nelder, *Generalized Linear Models*, Chapman and Hall 1989, table 2.1.

    >>> poisson_deviance_loss(torch.tensor([2.0]), torch.tensor([0.0]))
    tensor(4.)
    """
    mean = input.clamp(min=eps)
    safe = torch.where(target == 0, 1.0, target)
    own = torch.where(target == 0, 0.0, target * (safe.log() - mean.log()))
    return reduce(2 * (own - target + mean), weight, reduction)


@signature("nonneg *, nonneg * -> *", eps="(0, inf)")
def gamma_deviance_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gamma unit deviance, :math:`2 (y / x - \log(y / x) - 1)`.

    For positive amounts whose spread is proportional to their size: only the ratio counts.
    Predictions and targets below ``eps`` count as ``eps``; amounts that are often zero want
    :func:`~lossary.tweedie_deviance_loss`.

    Args:
        input: predicted means, none below 0, of any shape.
        target: amounts, none below 0, of the shape of ``input``; integers are converted.
        eps: the least mean and amount, in the unit of the target.

    References:
        McCullagh and Nelder, *Generalized Linear Models*, Chapman and Hall 1989, table 2.1.

    >>> gamma_deviance_loss(torch.tensor([2.0]), torch.tensor([2.0]))
    tensor(0.)
    """
    mean, amount = input.clamp(min=eps), target.clamp(min=eps)
    return reduce(2 * (amount / mean - (amount.log() - mean.log()) - 1), weight, reduction)


class TweedieDevianceLoss(FunctionLoss):
    """Module form of :func:`tweedie_deviance_loss`."""

    function = staticmethod(tweedie_deviance_loss)

    def __init__(
        self, *, power: float = 1.5, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, power=power, eps=eps)


class PoissonDevianceLoss(FunctionLoss):
    """Module form of :func:`poisson_deviance_loss`."""

    function = staticmethod(poisson_deviance_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class GammaDevianceLoss(FunctionLoss):
    """Module form of :func:`gamma_deviance_loss`."""

    function = staticmethod(gamma_deviance_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPECS = (
    LossSpec(
        function=tweedie_deviance_loss,
        module=TweedieDevianceLoss,
        variants=({}, {"power": 1.2, "eps": 0.1}),
        paper="Jorgensen, The Theory of Dispersion Models, Chapman and Hall, 1997",
    ),
    LossSpec(
        function=poisson_deviance_loss,
        module=PoissonDevianceLoss,
        traits=Trait.CONVEX,
        variants=({}, {"eps": 0.1}),
        paper="doi:10.1007/978-1-4899-3242-6",
    ),
    LossSpec(
        function=gamma_deviance_loss,
        module=GammaDevianceLoss,
        traits=Trait.ZERO_AT_TARGET,
        variants=({}, {"eps": 0.1}),
        paper="doi:10.1007/978-1-4899-3242-6",
    ),
)
