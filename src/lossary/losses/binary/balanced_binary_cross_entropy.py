"""Binary cross-entropy with a factor for each answer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, prob * -> *", alpha="[0, 1]")
def balanced_binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Alpha-balanced binary cross-entropy, :math:`-\alpha y \log p - (1 - \alpha)(1 - y)
    \log(1 - p)` with :math:`p = \sigma(x)`.

    For rare positives. The factors are part of the loss: the mean divides by the number of units.

    Args:
        input: logits, of any shape.
        target: labels 0 and 1, or probabilities, of the shape of ``input``.
        alpha: the factor of the positive labels; the negative ones have ``1 - alpha``.

    References:
        Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017, eq. 3.

    >>> balanced_binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1]), alpha=0.75)
    tensor(0.0952)
    """
    yes, no = -F.logsigmoid(input), -F.logsigmoid(-input)
    return reduce(alpha * target * yes + (1 - alpha) * (1 - target) * no, weight, reduction)


class BalancedBinaryCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`balanced_binary_cross_entropy`."""

    function = staticmethod(balanced_binary_cross_entropy)

    def __init__(self, *, alpha: float = 0.5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


SPEC = LossSpec(
    function=balanced_binary_cross_entropy,
    module=BalancedBinaryCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"alpha": 0.9}, {"alpha": 0.0}),
    paper="arXiv:1708.02002",
)
