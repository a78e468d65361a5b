"""Squared error near the target, absolute error far from it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce_kernel
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", delta="(0, inf)")
def huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    delta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Huber loss: :math:`\tfrac12 d^2` if :math:`|d| < \delta`, else
    :math:`\delta (|d| - \tfrac12 \delta)`, with :math:`d = x - y`.

    For regression with outliers: errors beyond ``delta`` pull with constant force.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        delta: the error, in the unit of the target, from which on the loss grows linearly.

    References:
        Huber, *Robust Estimation of a Location Parameter*, Annals of Mathematical Statistics 1964.

    >>> huber_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]))
    tensor(1.3125)
    """
    kernel = F.huber_loss
    return reduce_kernel(
        kernel, input, target, weight, reduction, formula=_huber_units, delta=delta
    )


def _huber_units(input: Tensor, target: Tensor, *, delta: float) -> Tensor:
    # a clamp instead of a choice: the branch not taken can neither overflow nor leak its gradient
    error = input - target
    near = error.clamp(-delta, delta)
    return near * (error - near / 2)


@signature("real *, real * -> *", beta="[0, inf)")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Smooth L1 loss: :math:`d^2 / 2\beta` if :math:`|d| < \beta`, else
    :math:`|d| - \tfrac12 \beta`, with :math:`d = x - y`.

    The Huber loss divided by its threshold: far from the target its slope is 1 whatever ``beta``,
    as suits boxes and other targets whose scale is not known beforehand.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        beta: the error, in the unit of the target, from which on the loss grows linearly; 0 gives
            the absolute error.

    References:
        Girshick, *Fast R-CNN*, ICCV 2015, eq. 3.

    >>> smooth_l1_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), beta=2.0)
    tensor(1.0312)
    """
    return reduce_kernel(F.smooth_l1_loss, input, target, weight, reduction, beta=beta)


class HuberLoss(FunctionLoss):
    """Module form of :func:`huber_loss`."""

    function = staticmethod(huber_loss)

    def __init__(self, *, delta: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, delta=delta)


class SmoothL1Loss(FunctionLoss):
    """Module form of :func:`smooth_l1_loss`."""

    function = staticmethod(smooth_l1_loss)

    def __init__(self, *, beta: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX

SPECS = (
    LossSpec(
        function=huber_loss,
        module=HuberLoss,
        traits=_TRAITS,
        variants=({}, {"delta": 0.3}),
        paper="doi:10.1214/aoms/1177703732",
    ),
    LossSpec(
        function=smooth_l1_loss,
        module=SmoothL1Loss,
        traits=_TRAITS,
        variants=({}, {"beta": 0.3}, {"beta": 0.0}),
        paper="arXiv:1504.08083",
    ),
)
