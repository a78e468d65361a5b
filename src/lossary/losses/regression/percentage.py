"""Errors relative to the size of the target."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", eps="(0, inf)")
def absolute_percentage_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-3,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Absolute percentage error, :math:`|x - y| / \max(|y|, \epsilon)`, as a fraction.

    For targets of very different size of which none is near zero. It favours predictions that are
    too low: nothing costs more than 1 below a positive target, and there is no limit above.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        eps: the least size :math:`\epsilon` of a target, in its unit.

    References:
        de Myttenaere et al., *Mean Absolute Percentage Error for Regression Models*,
        Neurocomputing 2016.

    >>> absolute_percentage_loss(torch.tensor([8.0, 3.0]), torch.tensor([10.0, 2.0]))
    tensor(0.3500)
    """
    return reduce((input - target).abs() / target.abs().clamp(min=eps), weight, reduction)


@signature("real *, real * -> *")
def symmetric_absolute_percentage_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Symmetric absolute percentage error, :math:`2 |x - y| / (|x| + |y|)`, between 0 and 2.

    The usual score of forecasting competitions. Its gradient vanishes for gross errors and it does
    not know signs apart, so it is better to report than to train on. It is 0 where both are 0.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.

    References:
        Makridakis, *Accuracy Measures: Theoretical and Practical Concerns*, International Journal
        of Forecasting 1993.

    >>> symmetric_absolute_percentage_loss(torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(1.)
    """
    size = input.abs() + target.abs()
    nothing = size == 0
    units = 2 * (input - target).abs() / torch.where(nothing, 1.0, size)
    return reduce(torch.where(nothing, 0.0, units), weight, reduction)


class AbsolutePercentageLoss(FunctionLoss):
    """Module form of :func:`absolute_percentage_loss`."""

    function = staticmethod(absolute_percentage_loss)

    def __init__(self, *, eps: float = 1e-3, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class SymmetricAbsolutePercentageLoss(FunctionLoss):
    """Module form of :func:`symmetric_absolute_percentage_loss`."""

    function = staticmethod(symmetric_absolute_percentage_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=absolute_percentage_loss,
        module=AbsolutePercentageLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
        variants=({}, {"eps": 1.0}),
        paper="doi:10.1016/j.neucom.2015.12.114",
    ),
    LossSpec(
        function=symmetric_absolute_percentage_loss,
        module=SymmetricAbsolutePercentageLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        paper="doi:10.1016/0169-2070(93)90079-3",
    ),
)
