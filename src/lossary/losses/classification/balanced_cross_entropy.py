"""Cross-entropy with a factor per class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", alpha="weight C")
def balanced_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    alpha: Tensor,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Alpha-balanced cross-entropy, :math:`-\alpha_y \log p_y` with
    :math:`p = \mathrm{softmax}(x)`.

    For imbalanced classes. The factors are part of the loss: the mean divides by the number of
    units. ``class_weight`` of :func:`~lossary.cross_entropy` divides by the sum of the weights
    instead, so there a common factor cancels.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        alpha: the factor of each class, of shape (C,), often the inverse of its frequency.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017, eq. 3.

    >>> x, y = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> balanced_cross_entropy(x, y, alpha=torch.tensor([0.25, 0.75]))
    tensor(0.1333)
    """
    return reduce(
        alpha[target] * F.cross_entropy(input, target, reduction="none"), weight, reduction
    )


class BalancedCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`balanced_cross_entropy`."""

    function = staticmethod(balanced_cross_entropy)

    def __init__(
        self, *, alpha: Tensor, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, ignore_index=ignore_index)


SPEC = LossSpec(
    function=balanced_cross_entropy,
    module=BalancedCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({"alpha": torch.tensor([0.5, 2.0, 1.0])},),
    paper="arXiv:1708.02002",
)
