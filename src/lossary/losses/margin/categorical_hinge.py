"""Hinge loss of many classes against a floor of zero."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def categorical_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Categorical hinge loss, :math:`\max(0, 1 + \max(0, \max_{c \ne y} f_c) - f_y)`.

    As Keras defines it: wrong classes compete with a score of 0 too, so the right class has to
    reach 1 even if all others are far below. :func:`~lossary.crammer_singer_loss` has no such
    floor.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Chollet et al., *Keras*, 2015 (CategoricalHinge).

    >>> categorical_hinge_loss(torch.tensor([[-5.0, -1.0]]), torch.tensor([0]))
    tensor(6.)
    """
    at = target.unsqueeze(1)
    own = input.gather(1, at).squeeze(1)
    best = input.scatter(1, at, 0.0).amax(1).clamp(min=0)
    return reduce((1 + best - own).clamp(min=0), weight, reduction)


class CategoricalHingeLoss(FunctionLoss):
    """Module form of :func:`categorical_hinge_loss`."""

    function = staticmethod(categorical_hinge_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=categorical_hinge_loss,
    module=CategoricalHingeLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="Chollet et al., Keras, 2015",
)
