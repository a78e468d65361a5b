"""Losses of facial landmarks, which care about small errors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", width="(0, inf)", eps="(0, inf)")
def wing_loss(
    input: Tensor,
    target: Tensor,
    *,
    width: float = 10.0,
    eps: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Wing loss, :math:`w \log(1 + |d| / \epsilon)` if :math:`|d| < w`, else :math:`|d| - C` with
    :math:`C = w - w \log(1 + w / \epsilon)` and :math:`d = x - y`.

    For coordinates in pixels: small and middle errors pull more than with the absolute error. Its
    slope at the target is as steep as :math:`w / \epsilon`, so lower the learning rate at the end.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        width: the error :math:`w`, in the unit of the target, from which on it is the absolute
            error.
        eps: the curvature :math:`\epsilon` of the part near the target, in the unit of the target.

    References:
        Feng et al., *Wing Loss for Robust Facial Landmark Localisation*, CVPR 2018, eq. 5.

    >>> wing_loss(torch.tensor([2.0, 20.0]), torch.tensor([0.0, 0.0]))
    tensor(17.4245)
    """
    size = (input - target).abs()
    offset = width - width * math.log1p(width / eps)
    # the logarithm only of what is near: it has no slope to give elsewhere
    near = width * (size.clamp(max=width) / eps).log1p()
    return reduce(torch.where(size < width, near, size - offset), weight, reduction)


@signature(
    "real *, prob * -> *", alpha="(2, inf)", omega="(0, inf)", eps="(0, inf)", theta="(0, inf)"
)
def adaptive_wing_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 2.1,
    omega: float = 14.0,
    eps: float = 1.0,
    theta: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Adaptive wing loss, :math:`\omega \log(1 + |d / \epsilon|^{\alpha - y})` if :math:`|d| <
    \theta`, else :math:`A |d| - C` with :math:`d = x - y`.

    For heatmaps: where the target :math:`y` is near 1, on the landmark, it acts like the wing
    loss, on the background like the squared error. :math:`A` and :math:`C` make it smooth at
    :math:`\theta`. The background still outnumbers the landmarks, so weigh these up.

    Args:
        input: predicted heatmap, of any shape.
        target: true heatmap in [0, 1], of the shape of ``input``.
        alpha: the exponent :math:`\alpha` on the background.
        omega: the height :math:`\omega`.
        eps: the curvature :math:`\epsilon`.
        theta: the error :math:`\theta` from which on it grows linearly.

    References:
        Wang et al., *Adaptive Wing Loss for Robust Face Alignment via Heatmap Regression*, ICCV
        2019, eq. 3.

    >>> adaptive_wing_loss(torch.tensor([0.5]), torch.tensor([1.0]), theta=0.6)
    tensor(5.3605)
    """
    size = (input - target).abs()
    power = alpha - target
    ratio = (theta / eps) ** power
    slope = omega / (1 + ratio) * power * ratio / theta
    offset = theta * slope - omega * ratio.log1p()
    # a power above one of what is near: its slope at zero is zero, and far from it does not matter
    near = omega * ((size.clamp(max=theta) / eps) ** power).log1p()
    return reduce(torch.where(size < theta, near, slope * size - offset), weight, reduction)


class WingLoss(FunctionLoss):
    """Module form of :func:`wing_loss`."""

    function = staticmethod(wing_loss)

    def __init__(
        self, *, width: float = 10.0, eps: float = 2.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, width=width, eps=eps)


class AdaptiveWingLoss(FunctionLoss):
    """Module form of :func:`adaptive_wing_loss`."""

    function = staticmethod(adaptive_wing_loss)

    def __init__(
        self,
        *,
        alpha: float = 2.1,
        omega: float = 14.0,
        eps: float = 1.0,
        theta: float = 0.5,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, omega=omega, eps=eps, theta=theta)


SPECS = (
    LossSpec(
        function=wing_loss,
        module=WingLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"width": 0.5, "eps": 0.1}),
        paper="arXiv:1711.06753",
    ),
    LossSpec(
        function=adaptive_wing_loss,
        module=AdaptiveWingLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
        variants=({}, {"alpha": 2.5, "omega": 5.0, "eps": 0.5, "theta": 0.2}),
        paper="arXiv:1904.07399",
        exempt={"rewards_right_answers": "the input is a heatmap between 0 and 1, no logit"},
    ),
)
