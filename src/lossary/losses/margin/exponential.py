"""Exponential loss."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...kernels.by_hand import ByHand
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, sign * -> *", clip="(0, inf)")
def exponential_loss(
    input: Tensor,
    target: Tensor,
    *,
    clip: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Exponential loss, :math:`e^{-y f}`.

    The loss that AdaBoost lowers. One gross error outweighs everything else: with noisy labels
    use :func:`~lossary.logistic_loss`. Beyond ``clip`` the loss goes on along its tangent, which
    keeps value and gradient finite in single precision, where :math:`e^{89}` overflows.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.
        clip: the negative margin :math:`-y f` from which on the loss grows linearly.

    References:
        Freund and Schapire, *A Decision-Theoretic Generalization of On-Line Learning*, Journal of
        Computer and System Sciences 1997; as a loss: Friedman, Hastie and Tibshirani, *Additive
        Logistic Regression*, Annals of Statistics 2000, eq. 10.

    >>> exponential_loss(torch.tensor([1.0, -0.5]), torch.tensor([1, 1]))
    tensor(1.0083)
    """
    return _EXPONENTIAL.reduce(input, target, weight, reduction, clip=clip)


def _units(input: Tensor, target: Tensor, *, clip: float) -> Tensor:
    behind = -target * input
    near = behind.clamp(max=clip)
    return near.exp() * (1 + (behind - near))


def _value(
    input: Tensor, target: Tensor, reduction: Reduction, *, clip: float
) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    behind = target.neg().mul_(input)
    if not behind.detach().max().item() <= clip:
        return None
    units = behind.exp_()
    return units.mean() if reduction == "mean" else units.sum(), (units,)


def _gradient(
    incoming: Tensor, reduction: Reduction, input: Tensor, target: Tensor, units: Tensor, **_: float
) -> Tensor:
    factor = incoming / -input.numel() if reduction == "mean" else -incoming
    return (units * target).mul_(factor)


_EXPONENTIAL = ByHand(_units, _value, _gradient)


class ExponentialLoss(FunctionLoss):
    """Module form of :func:`exponential_loss`."""

    function = staticmethod(exponential_loss)

    def __init__(self, *, clip: float = 64.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, clip=clip)


SPEC = LossSpec(
    function=exponential_loss,
    module=ExponentialLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"clip": 0.5}),
    paper="doi:10.1006/jcss.1997.1504",
)
