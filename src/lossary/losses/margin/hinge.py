"""Hinge losses of labels -1 and 1."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, sign * -> *", margin="[0, inf)")
def hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hinge loss, :math:`\max(0, m - y f)`.

    The loss of support vector machines: examples beyond the margin cost nothing, so the answer
    rests on the few others. Scores are no probabilities; where you need those use
    :func:`~lossary.logistic_loss`.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.
        margin: the score :math:`m` from which on a right answer costs nothing.

    References:
        Cortes and Vapnik, *Support-Vector Networks*, Machine Learning 1995.

    >>> hinge_loss(torch.tensor([0.5, 2.0, -1.0]), torch.tensor([1, 1, 1]))
    tensor(0.8333)
    """
    return reduce((margin - target * input).clamp(min=0), weight, reduction)


@signature("real *, sign * -> *", margin="[0, inf)")
def squared_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared hinge loss, :math:`\max(0, m - y f)^2`.

    The hinge loss without its kink, and harder on gross errors.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.
        margin: the score :math:`m` from which on a right answer costs nothing.

    References:
        Cortes and Vapnik, *Support-Vector Networks*, Machine Learning 1995, section 3 (the case
        of squared errors).

    >>> squared_hinge_loss(torch.tensor([0.5, 2.0, -1.0]), torch.tensor([1, 1, 1]))
    tensor(1.4167)
    """
    return reduce((margin - target * input).clamp(min=0).square(), weight, reduction)


class HingeLoss(FunctionLoss):
    """Module form of :func:`hinge_loss`."""

    function = staticmethod(hinge_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class SquaredHingeLoss(FunctionLoss):
    """Module form of :func:`squared_hinge_loss`."""

    function = staticmethod(squared_hinge_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPECS = tuple(
    LossSpec(
        function=function,
        module=module,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"margin": 0.5}),
        paper="doi:10.1007/BF00994018",
    )
    for function, module in ((hinge_loss, HingeLoss), (squared_hinge_loss, SquaredHingeLoss))
)
