"""An absolute error that lifts the gradient of small errors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", alpha="(0, inf)", gamma="(0, inf)", beta="(0, inf)")
def balanced_l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    gamma: float = 1.5,
    beta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Balanced L1 loss, :math:`\tfrac{\alpha}{b} (b |d| + 1) \log(b |d| / \beta + 1) - \alpha
    |d|` if :math:`|d| < \beta`, else :math:`\gamma |d| + \gamma / b - \alpha \beta`, with
    :math:`d = x - y` and :math:`\alpha \log(b + 1) = \gamma`.

    For box regression: samples that are nearly right pull more than with the smooth L1 loss,
    outliers with the constant force :math:`\gamma`.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        alpha: :math:`\alpha`; the lower, the more small errors pull.
        gamma: the largest slope :math:`\gamma`.
        beta: the error :math:`\beta`, in the unit of the target, from which on it grows linearly.

    References:
        Pang et al., *Libra R-CNN: Towards Balanced Learning for Object Detection*, CVPR 2019, eq.
        6.

    >>> balanced_l1_loss(torch.tensor([2.0]), torch.tensor([0.0]))
    tensor(2.5786)
    """
    size = (input - target).abs()
    b = math.expm1(gamma / alpha)
    small = size.clamp(max=beta)
    near = alpha / b * (b * small + 1) * (b * small / beta).log1p() - alpha * small
    return reduce(
        torch.where(size < beta, near, gamma * size + gamma / b - alpha * beta), weight, reduction
    )


class BalancedL1Loss(FunctionLoss):
    """Module form of :func:`balanced_l1_loss`."""

    function = staticmethod(balanced_l1_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        gamma: float = 1.5,
        beta: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, gamma=gamma, beta=beta)


SPEC = LossSpec(
    function=balanced_l1_loss,
    module=BalancedL1Loss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"alpha": 1.0, "gamma": 1.2, "beta": 0.5}),
    paper="arXiv:1904.02701",
)
