"""Logarithm of the hyperbolic cosine of the error."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", scale="(0, inf)")
def log_cosh_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Log-cosh loss, :math:`s \log\cosh((x - y) / s)`.

    Half the squared error, divided by :math:`s`, near the target, and the absolute error far from
    it, without a seam between them: all derivatives exist. For regression with a few outliers and
    for second-order methods; where the threshold has to be sharp see
    :func:`~lossary.huber_loss`.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: the error :math:`s`, in the unit of the target, around which it changes.

    References:
        Green, *Bayesian Reconstructions from Emission Tomography Data*, IEEE Transactions on
        Medical Imaging 1990.

    >>> log_cosh_loss(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0]))
    tensor(0.2169)
    """
    error = (input - target) / scale
    # cosh e = 1 + 2 sinh^2(e / 2) keeps the digits of a small error; the other form is finite
    small = torch.log1p(2 * torch.sinh(error.clamp(-1, 1) / 2) ** 2)
    size = error.abs()
    large = size + torch.log1p(torch.exp(-2 * size)) - math.log(2)
    return reduce(scale * torch.where(size < 1, small, large), weight, reduction)


class LogCoshLoss(FunctionLoss):
    """Module form of :func:`log_cosh_loss`."""

    function = staticmethod(log_cosh_loss)

    def __init__(self, *, scale: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


SPEC = LossSpec(
    function=log_cosh_loss,
    module=LogCoshLoss,
    traits=Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    variants=({}, {"scale": 0.3}),
    paper="doi:10.1109/42.52985",
)
