"""Losses whose minimum is a quantile."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", quantile="(0, 1)")
def quantile_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantile: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Quantile loss, :math:`\max(\tau d, (\tau - 1) d)` with :math:`d = y - x`.

    The pinball loss: the best constant prediction is the quantile :math:`\tau` of the target. For
    forecasts where too little and too much cost differently; 1/2 gives half the absolute error.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        quantile: :math:`\tau`; the price of an underestimate, that of an overestimate is the rest.

    References:
        Koenker and Bassett, *Regression Quantiles*, Econometrica 1978.

    >>> quantile_loss(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]), quantile=0.75)
    tensor(0.5000)
    """
    error = target - input
    return reduce(torch.maximum(quantile * error, (quantile - 1) * error), weight, reduction)


@signature("real N Q, real N -> N", quantiles="prob Q")
def multi_quantile_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantiles: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Mean of the quantile losses :math:`\max(\tau_q d_q, (\tau_q - 1) d_q)` with :math:`d_q = y
    - x_q`.

    For a network that predicts several quantiles of one target. Nothing keeps them in order; sort
    them when predicting, or predict differences. Twice this over many even quantiles nears the
    continuous ranked probability score.

    Args:
        input: a prediction per quantile, of shape (N, Q).
        target: of shape (N,); integers are converted.
        quantiles: :math:`\tau_q`, in (0, 1), of shape (Q,).

    References:
        Koenker and Bassett, *Regression Quantiles*, Econometrica 1978.

    >>> multi_quantile_loss(
    ...     torch.tensor([[0.0, 2.0]]), torch.tensor([1.0]), quantiles=torch.tensor([0.25, 0.75])
    ... )
    tensor(0.2500)
    """
    error = target.unsqueeze(1) - input
    units = torch.maximum(quantiles * error, (quantiles - 1) * error)
    return reduce(units.sum(1) / max(1, input.shape[1]), weight, reduction)


@signature("real *, real * -> *", quantile="(0, 1)", delta="(0, inf)")
def quantile_huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantile: float = 0.5,
    delta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Quantile Huber loss, :math:`|\tau - 1[d < 0]| \, h_\delta(d) / \delta` with :math:`d = y -
    x` and the Huber loss :math:`h_\delta`.

    The quantile loss with a smooth bottom, as distributional reinforcement learning uses it. Its
    minimum is no longer exactly the quantile but near it for small ``delta``.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        quantile: :math:`\tau`.
        delta: the error, in the unit of the target, up to which it is quadratic.

    References:
        Dabney et al., *Distributional Reinforcement Learning with Quantile Regression*, AAAI 2018,
        eq. 10.

    >>> quantile_huber_loss(torch.tensor([0.0, 1.5]), torch.tensor([1.0, 1.0]), quantile=0.75)
    tensor(0.2031)
    """
    error = target - input
    near = error.clamp(-delta, delta)
    units = near * (error - near / 2) / delta
    return reduce(
        torch.where(error < 0, (1 - quantile) * units, quantile * units), weight, reduction
    )


@signature("real *, real * -> *", quantile="(0, 1)", scale="(0, inf)")
def smooth_quantile_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantile: float = 0.5,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Smooth quantile loss, :math:`\tau d + s \log(1 + e^{-d / s})` with :math:`d = y - x`.

    The quantile loss without its kink, for optimizers that want second derivatives. It lies above
    the quantile loss by at most :math:`s \log 2`.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        quantile: :math:`\tau`.
        scale: the error :math:`s`, in the unit of the target, around which it is smooth.

    References:
        Zheng, *Gradient Descent Algorithms for Quantile Regression With Smooth Approximation*,
        International Journal of Machine Learning and Cybernetics 2011, eq. 6.

    >>> smooth_quantile_loss(torch.tensor([1.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    error = target - input
    return reduce(quantile * error + scale * F.softplus(-error / scale), weight, reduction)


@signature("real *, real * -> *", expectile="(0, 1)")
def expectile_loss(
    input: Tensor,
    target: Tensor,
    *,
    expectile: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Expectile loss, :math:`|\tau - 1[d < 0]| \, d^2` with :math:`d = y - x`.

    The squared error with different prices above and below: its minimum is an expectile, which
    knows how far the tail reaches where a quantile only counts it. Used for value functions in
    offline reinforcement learning.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        expectile: :math:`\tau`; 1/2 gives half the squared error.

    References:
        Newey and Powell, *Asymmetric Least Squares Estimation and Testing*, Econometrica 1987, eq.
        2.1.

    >>> expectile_loss(torch.tensor([0.0, 3.0]), torch.tensor([1.0, 1.0]), expectile=0.75)
    tensor(0.8750)
    """
    error = target - input
    squares = error.square()
    return reduce(
        torch.where(error < 0, (1 - expectile) * squares, expectile * squares), weight, reduction
    )


class QuantileLoss(FunctionLoss):
    """Module form of :func:`quantile_loss`."""

    function = staticmethod(quantile_loss)

    def __init__(self, *, quantile: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, quantile=quantile)


class MultiQuantileLoss(FunctionLoss):
    """Module form of :func:`multi_quantile_loss`."""

    function = staticmethod(multi_quantile_loss)

    def __init__(self, *, quantiles: Tensor, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, quantiles=quantiles)


class QuantileHuberLoss(FunctionLoss):
    """Module form of :func:`quantile_huber_loss`."""

    function = staticmethod(quantile_huber_loss)

    def __init__(
        self, *, quantile: float = 0.5, delta: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, quantile=quantile, delta=delta)


class SmoothQuantileLoss(FunctionLoss):
    """Module form of :func:`smooth_quantile_loss`."""

    function = staticmethod(smooth_quantile_loss)

    def __init__(
        self, *, quantile: float = 0.5, scale: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, quantile=quantile, scale=scale)


class ExpectileLoss(FunctionLoss):
    """Module form of :func:`expectile_loss`."""

    function = staticmethod(expectile_loss)

    def __init__(self, *, expectile: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, expectile=expectile)


SPECS = (
    LossSpec(
        function=quantile_loss,
        module=QuantileLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
        variants=({}, {"quantile": 0.9}),
        paper="doi:10.2307/1913643",
    ),
    LossSpec(
        function=multi_quantile_loss,
        module=MultiQuantileLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({"quantiles": torch.tensor([0.1, 0.5, 0.9])},),
        paper="doi:10.2307/1913643",
    ),
    LossSpec(
        function=quantile_huber_loss,
        module=QuantileHuberLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
        variants=({}, {"quantile": 0.9, "delta": 0.3}),
        paper="arXiv:1710.10044",
    ),
    LossSpec(
        function=smooth_quantile_loss,
        module=SmoothQuantileLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"quantile": 0.9, "scale": 0.2}),
        paper="doi:10.1007/s13042-011-0031-2",
    ),
    LossSpec(
        function=expectile_loss,
        module=ExpectileLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
        variants=({}, {"expectile": 0.9}),
        paper="doi:10.2307/1911031",
    ),
)
