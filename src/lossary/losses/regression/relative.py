"""Errors in the measure of the target's own size or spread."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import length


@signature("real N D, real N D -> N", eps="(0, inf)")
def relative_squared_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Relative squared error of each row, :math:`\sum_i (x_i - y_i)^2 / \sum_i (y_i -
    \bar y)^2`, which is :math:`1 - R^2`: the share of the target's variance that is left
    unexplained.

    For rows that differ in scale, such as one series each: 0 is perfect, 1 no better than the mean
    of the row. Rows that hardly vary rule the sum; where they are many, see
    :func:`~lossary.nmse_loss`, or divide by a spread known beforehand.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.
        eps: the least sum of squares to divide by, in the squared unit of the target.

    References:
        Draper and Smith, *Applied Regression Analysis*, Wiley 1998.

    >>> relative_squared_loss(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    tensor(0.5000)
    """
    spread = _centred(target).square().sum(1).clamp(min=eps)
    return reduce((input - target).square().sum(1) / spread, weight, reduction)


@signature("real N D, real N D -> N", eps="(0, inf)")
def relative_absolute_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Relative absolute error of each row, :math:`\sum_i |x_i - y_i| / \sum_i |y_i - \bar y|`.

    As :func:`~lossary.relative_squared_loss` for targets with outliers.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.
        eps: the least sum to divide by, in the unit of the target.

    References:
        Witten et al., *Data Mining*, Morgan Kaufmann 2011.

    >>> relative_absolute_loss(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    tensor(0.5000)
    """
    spread = _centred(target).abs().sum(1).clamp(min=eps)
    return reduce((input - target).abs().sum(1) / spread, weight, reduction)


@signature("real N D, real N D -> N", eps="(0, inf)")
def nmse_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Mean squared error normalized by the power of the target, :math:`\lVert x - y \rVert^2 /
    \lVert y \rVert^2`, of each row.

    For signals, images and fields whose zero means something. It is 1 for a prediction of nothing
    and is not bounded. Where the target's mean is arbitrary, see
    :func:`~lossary.relative_squared_loss`.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.
        eps: the least squared norm to divide by, in the squared unit of the target.

    References:
        Wen et al., *Deep Learning for Massive MIMO CSI Feedback*, IEEE Wireless Communications
        Letters 2018. Elsewhere the divisor is the variance, or a product of means.

    >>> nmse_loss(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]]))
    tensor(1.5625)
    """
    power = target.square().sum(1).clamp(min=eps)
    return reduce((input - target).square().sum(1) / power, weight, reduction)


@signature("real N D, real N D -> N", eps="(0, inf)")
def relative_l2_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Relative error of each row, :math:`\lVert x - y \rVert / \lVert y \rVert`.

    The loss that neural operators for differential equations are trained on: solutions of
    different size count alike. Flatten fields to rows. The gradient of a perfect row is 0.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.
        eps: the least norm to divide by, in the unit of the target.

    References:
        Li et al., *Fourier Neural Operator for Parametric Partial Differential Equations*, ICLR
        2021, section 5.

    >>> relative_l2_loss(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]]))
    tensor(1.2500)
    """
    size = length(target).squeeze(1).clamp(min=eps)
    return reduce(length(input - target).squeeze(1) / size, weight, reduction)


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX


def _centred(x: Tensor) -> Tensor:
    return x - x.sum(1, keepdim=True) / max(1, x.shape[1])


class RelativeSquaredLoss(FunctionLoss):
    """Module form of :func:`relative_squared_loss`."""

    function = staticmethod(relative_squared_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class RelativeAbsoluteLoss(FunctionLoss):
    """Module form of :func:`relative_absolute_loss`."""

    function = staticmethod(relative_absolute_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class NMSELoss(FunctionLoss):
    """Module form of :func:`nmse_loss`."""

    function = staticmethod(nmse_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class RelativeL2Loss(FunctionLoss):
    """Module form of :func:`relative_l2_loss`."""

    function = staticmethod(relative_l2_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPECS = (
    LossSpec(
        function=relative_squared_loss,
        module=RelativeSquaredLoss,
        traits=_TRAITS,
        variants=({}, {"eps": 20.0}),
        paper="Draper and Smith, Applied Regression Analysis, Wiley 1998",
    ),
    LossSpec(
        function=relative_absolute_loss,
        module=RelativeAbsoluteLoss,
        traits=_TRAITS,
        variants=({}, {"eps": 20.0}),
        paper="Witten et al., Data Mining, Morgan Kaufmann 2011",
    ),
    LossSpec(
        function=nmse_loss,
        module=NMSELoss,
        traits=_TRAITS,
        variants=({}, {"eps": 20.0}),
        paper="arXiv:1712.08919",
    ),
    LossSpec(
        function=relative_l2_loss,
        module=RelativeL2Loss,
        traits=_TRAITS,
        variants=({}, {"eps": 20.0}),
        paper="arXiv:2010.08895",
    ),
)
