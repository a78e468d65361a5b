"""One family for most robust losses."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", alpha="[-inf, 2]", scale="(0, inf)")
def general_robust_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""General adaptive robust loss, :math:`\frac{|\alpha - 2|}{\alpha} \bigl( \bigl( \frac{(d /
    c)^2}{|\alpha - 2|} + 1 \bigr)^{\alpha / 2} - 1 \bigr)` with :math:`d = x - y` and its
    limits at :math:`\alpha` of 2, 0 and :math:`-\infty`.

    One number chooses how much outliers matter: 2 is the squared error, 1 the pseudo-Huber loss, 0
    the Cauchy loss, -2 that of Geman and McClure, ``-inf`` that of Welsch, each up to a scale. Use
    it to try them all; once chosen, the loss of that name says more.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        alpha: the shape :math:`\alpha`, at most 2; the lower, the less outliers count.
        scale: the error :math:`c`, in the unit of the target, up to which it is quadratic.

    References:
        Barron, *A General and Adaptive Robust Loss Function*, CVPR 2019, eq. 8.

    >>> general_robust_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]), alpha=-2.0)
    tensor(0.2000)
    """
    squares = ((input - target) / scale).square()
    if alpha == 2:
        units = squares / 2
    elif alpha == 0:
        units = (squares / 2).log1p()
    elif alpha == -math.inf:
        units = -torch.expm1(-squares / 2)
    else:
        width = abs(alpha - 2)
        # expm1 of the logarithm: a power of nearly one less one has no digits left
        units = width / alpha * torch.expm1(alpha / 2 * (squares / width).log1p())
    return reduce(units, weight, reduction)


class GeneralRobustLoss(FunctionLoss):
    """Module form of :func:`general_robust_loss`."""

    function = staticmethod(general_robust_loss)

    def __init__(
        self, *, alpha: float = 1.0, scale: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, scale=scale)


SPEC = LossSpec(
    function=general_robust_loss,
    module=GeneralRobustLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=(
        {},
        {"alpha": 2.0},
        {"alpha": 0.0},
        {"alpha": -2.0, "scale": 0.3},
        {"alpha": -math.inf},
    ),
    paper="arXiv:1701.03077",
)
