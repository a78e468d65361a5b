"""Hinge losses without a kink."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, sign * -> *")
def modified_huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Modified Huber loss, :math:`\max(0, 1 - y f)^2` if :math:`y f \ge -1`, else :math:`-4 y f`.

    The squared hinge loss that grows only linearly for gross errors, so it stands outliers; unlike
    the hinge loss its scores can be read as probabilities, :math:`(\mathrm{clip}(f, -1, 1) + 1) /
    2`.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        Zhang, *Solving Large Scale Linear Prediction Problems Using Stochastic Gradient Descent
        Algorithms*, ICML 2004, section 4.

    >>> modified_huber_loss(torch.tensor([0.0, -2.0]), torch.tensor([1, 1]))
    tensor(4.5000)
    """
    lack = (1 - target * input).clamp(min=0)
    near = lack.clamp(max=2)
    return reduce(near * (2 * lack - near), weight, reduction)


@signature("real *, sign * -> *", gamma="(0, inf)")
def smooth_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Smooth hinge loss, :math:`\max(0, 1 - m)^2 / 2 \gamma` if :math:`m \ge 1 - \gamma`, else
    :math:`1 - m - \gamma / 2`, with :math:`m = y f`.

    The hinge loss with a rounded corner of width :math:`\gamma`, for optimizers that want a
    gradient without jumps.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.
        gamma: the width :math:`\gamma` of the corner, in the unit of the score.

    References:
        Shalev-Shwartz and Zhang, *Stochastic Dual Coordinate Ascent Methods for Regularized Loss
        Minimization*, JMLR 2013, eq. 8.

    >>> smooth_hinge_loss(torch.tensor([0.5, -1.0]), torch.tensor([1, 1]))
    tensor(0.8125)
    """
    lack = (1 - target * input).clamp(min=0)
    near = lack.clamp(max=gamma)
    return reduce(near * (lack - near / 2) / gamma, weight, reduction)


class ModifiedHuberLoss(FunctionLoss):
    """Module form of :func:`modified_huber_loss`."""

    function = staticmethod(modified_huber_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class SmoothHingeLoss(FunctionLoss):
    """Module form of :func:`smooth_hinge_loss`."""

    function = staticmethod(smooth_hinge_loss)

    def __init__(self, *, gamma: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, gamma=gamma)


SPECS = (
    LossSpec(
        function=modified_huber_loss,
        module=ModifiedHuberLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="doi:10.1145/1015330.1015332",
    ),
    LossSpec(
        function=smooth_hinge_loss,
        module=SmoothHingeLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"gamma": 0.3}),
        paper="arXiv:1209.1873",
    ),
)
