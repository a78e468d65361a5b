"""Likelihood of an angle."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real *, real *, nonneg * -> *")
def von_mises_nll_loss(
    input: Tensor,
    target: Tensor,
    concentration: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Von Mises negative log-likelihood, :math:`\log(2 \pi I_0(\kappa)) - \kappa \cos(x - y)`.

    For angles, which the squared error tears apart at :math:`\pm \pi`: the Gaussian of the circle.
    With a fixed concentration it is the cosine of the error.

    Args:
        input: predicted angles, in radians, of any shape.
        target: angles, in radians, of the shape of ``input``.
        concentration: predicted :math:`\kappa`, none below 0, of the shape of ``input``; 0 is no
            idea at all, and for large ones :math:`1 / \kappa` is the variance.

    References:
        Mardia and Jupp, *Directional Statistics*, Wiley 2000, eq. 3.5.17.

    >>> von_mises_nll_loss(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0.0]))
    tensor(1.8379)
    """
    # I0 grows like an exponential: its scaled form, and what the cosine lacks to 1
    lack = 2 * torch.sin((input - target) / 2).square()
    units = torch.special.i0e(concentration).log() + math.log(2 * math.pi) + concentration * lack
    return reduce(units, weight, reduction)


class VonMisesNLLLoss(FunctionLoss):
    """Module form of :func:`von_mises_nll_loss`."""

    function = staticmethod(von_mises_nll_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=von_mises_nll_loss,
    module=VonMisesNLLLoss,
    paper="doi:10.1002/9780470316979",
)
