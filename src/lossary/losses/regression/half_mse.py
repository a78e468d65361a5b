"""Half the squared error."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def half_mse_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Half the squared error, :math:`\tfrac12 (x - y)^2`.

    The negative log-likelihood of a Gaussian of deviation 1 but for a constant, and the L2 loss of
    those who like its derivative to be the error itself. :func:`~lossary.mse_loss` is twice this.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.

    References:
        Bishop, *Pattern Recognition and Machine Learning*, Springer 2006, eq. 1.2.

    >>> half_mse_loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
    tensor(1.2500)
    """
    return reduce((input - target).square() / 2, weight, reduction)


class HalfMSELoss(FunctionLoss):
    """Module form of :func:`half_mse_loss`."""

    function = staticmethod(half_mse_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=half_mse_loss,
    module=HalfMSELoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    paper="Bishop, Pattern Recognition and Machine Learning, Springer, 2006",
)
