"""Smooth approximations of the absolute error."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", delta="(0, inf)")
def pseudo_huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    delta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pseudo-Huber loss, :math:`\delta^2 (\sqrt{1 + (d / \delta)^2} - 1)` with :math:`d = x - y`.

    The Huber loss with all derivatives: squared error near the target, absolute error far from it.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        delta: the error :math:`\delta`, in the unit of the target, around which it changes.

    References:
        Charbonnier et al., *Deterministic Edge-Preserving Regularization in Computed Imaging*,
        IEEE Transactions on Image Processing 1997.

    >>> pseudo_huber_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0]))
    tensor(0.2071)
    """
    error = (input - target) / delta
    squares = error.square()
    return reduce(delta**2 * squares / (1 + (1 + squares).sqrt()), weight, reduction)


@signature("real *, real * -> *", eps="(0, inf)", power="(0, 1]")
def charbonnier_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-3,
    power: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalized Charbonnier loss, :math:`(d^2 + \epsilon^2)^a` with :math:`d = x - y`.

    With the power 1/2 a smooth absolute error, the usual loss of image restoration; with less it
    is robust and no longer convex. Its least value is :math:`\epsilon^{2a}`, not 0.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        eps: :math:`\epsilon`, in the unit of the target, the error below which it is smooth.
        power: the exponent :math:`a`.

    References:
        Charbonnier et al., *Two Deterministic Half-Quadratic Regularization Algorithms for
        Computed Imaging*, ICIP 1994; the power as in Sun et al., *Secrets of Optical Flow
        Estimation*, CVPR 2010.

    >>> charbonnier_loss(torch.tensor([3.0]), torch.tensor([0.0]), eps=4.0)
    tensor(5.)
    """
    return reduce(((input - target).square() + eps**2) ** power, weight, reduction)


class PseudoHuberLoss(FunctionLoss):
    """Module form of :func:`pseudo_huber_loss`."""

    function = staticmethod(pseudo_huber_loss)

    def __init__(self, *, delta: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, delta=delta)


class CharbonnierLoss(FunctionLoss):
    """Module form of :func:`charbonnier_loss`."""

    function = staticmethod(charbonnier_loss)

    def __init__(
        self, *, eps: float = 1e-3, power: float = 0.5, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, eps=eps, power=power)


SPECS = (
    LossSpec(
        function=pseudo_huber_loss,
        module=PseudoHuberLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
        variants=({}, {"delta": 0.3}),
        paper="doi:10.1109/83.551699",
    ),
    LossSpec(
        function=charbonnier_loss,
        module=CharbonnierLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
        variants=({}, {"eps": 0.5, "power": 0.45}),
        paper="doi:10.1109/ICIP.1994.413553",
    ),
)
