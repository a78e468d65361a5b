"""Absolute error."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce_kernel
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Absolute error, :math:`|x - y|`.

    Its minimiser is the median, so it bears outliers well; its gradient does not shrink near the
    target. For a smooth minimum see :func:`~lossary.smooth_l1_loss`.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.

    References:
        Boscovich, *De litteraria expeditione per pontificiam ditionem*, 1757.

    >>> l1_loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
    tensor(1.5000)
    """
    return reduce_kernel(F.l1_loss, input, target, weight, reduction)


class L1Loss(FunctionLoss):
    """Module form of :func:`l1_loss`."""

    function = staticmethod(l1_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=l1_loss,
    module=L1Loss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    paper="Boscovich, De litteraria expeditione per pontificiam ditionem, 1757",
)
