"""Errors below a threshold cost nothing."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", eps="[0, inf)")
def epsilon_insensitive_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Epsilon-insensitive loss, :math:`\max(0, |d| - \epsilon)` with :math:`d = x - y`.

    The loss of support vector regression: what is right up to ``eps`` costs nothing. Use it where
    the target is only known to that accuracy.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        eps: the error :math:`\epsilon`, in the unit of the target, that costs nothing.

    References:
        Vapnik, *The Nature of Statistical Learning Theory*, Springer 1995, section 6.1.

    >>> epsilon_insensitive_loss(torch.tensor([0.3, 2.0]), torch.tensor([0.0, 0.0]), eps=0.5)
    tensor(0.7500)
    """
    return reduce(((input - target).abs() - eps).clamp(min=0), weight, reduction)


@signature("real *, real * -> *", eps="[0, inf)")
def squared_epsilon_insensitive_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared epsilon-insensitive loss, :math:`\max(0, |d| - \epsilon)^2` with :math:`d = x - y`.

    As :func:`~lossary.epsilon_insensitive_loss`, smooth at its threshold and harder on gross
    errors.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        eps: the error :math:`\epsilon`, in the unit of the target, that costs nothing.

    References:
        Vapnik, *The Nature of Statistical Learning Theory*, Springer 1995, chapter 6.

    >>> x, y = torch.tensor([0.3, 2.5]), torch.tensor([0.0, 0.0])
    >>> squared_epsilon_insensitive_loss(x, y, eps=0.5)
    tensor(2.)
    """
    return reduce(((input - target).abs() - eps).clamp(min=0).square(), weight, reduction)


class EpsilonInsensitiveLoss(FunctionLoss):
    """Module form of :func:`epsilon_insensitive_loss`."""

    function = staticmethod(epsilon_insensitive_loss)

    def __init__(self, *, eps: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class SquaredEpsilonInsensitiveLoss(FunctionLoss):
    """Module form of :func:`squared_epsilon_insensitive_loss`."""

    function = staticmethod(squared_epsilon_insensitive_loss)

    def __init__(self, *, eps: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPECS = (
    LossSpec(
        function=epsilon_insensitive_loss,
        module=EpsilonInsensitiveLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
        variants=({}, {"eps": 0.5}),
        paper="doi:10.1007/978-1-4757-3264-1",
    ),
    LossSpec(
        function=squared_epsilon_insensitive_loss,
        module=SquaredEpsilonInsensitiveLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
        variants=({}, {"eps": 0.5}),
        paper="doi:10.1007/978-1-4757-3264-1",
    ),
)
