"""Squared error."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce_kernel
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def mse_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared error, :math:`(x - y)^2`.

    The negative log-likelihood of Gaussian noise; its minimiser is the mean, so single outliers
    pull it far. Against outliers use :func:`~lossary.huber_loss` or :func:`~lossary.l1_loss`.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.

    References:
        Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes*, 1805.

    >>> mse_loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
    tensor(2.5000)
    """
    return reduce_kernel(F.mse_loss, input, target, weight, reduction, formula=_units)


def _units(input: Tensor, target: Tensor) -> Tensor:
    return (input - target).square()


class MSELoss(FunctionLoss):
    """Module form of :func:`mse_loss`."""

    function = staticmethod(mse_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=mse_loss,
    module=MSELoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    paper="Legendre, Nouvelles méthodes pour la détermination des orbites des comètes, 1805",
)
