"""Independent thresholds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._places import places


@signature("real N K *, count:K N * -> N *")
def coral_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CORAL loss, :math:`-\sum_{k=0}^{K-1} \bigl([y > k] \ln \sigma(f_k) + [y \leq k] \ln (1 -
    \sigma(f_k))\bigr)`: of every threshold, whether the class lies beyond it.

    For ordered classes, such as grades or ages. Its layer shares one weight vector among the
    thresholds and gives each a bias of its own; only then are the probabilities to pass them in
    order. With a free logit for each threshold see :func:`~lossary.corn_loss`. The predicted class
    is the number of positive logits.

    Args:
        input: logits of K thresholds, of shape (N, K, ...): one less than there are classes.
        target: class indices from 0 to K, the number of thresholds that are passed, of shape
            (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Cao, Mirjalili and Raschka, *Rank Consistent Ordinal Regression for Neural Networks with
        Application to Age Estimation*, Pattern Recognition Letters 2020, its importance weights
        all 1.

    >>> coral_loss(torch.tensor([[2.0, -1.0]]), torch.tensor([1]))
    tensor(0.4402)
    """
    passed = target.unsqueeze(1) > places(input)
    return reduce(F.softplus(torch.where(passed, -input, input)).sum(1), weight, reduction)


class CORALLoss(FunctionLoss):
    """Module form of :func:`coral_loss`."""

    function = staticmethod(coral_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=coral_loss,
    module=CORALLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="arXiv:1901.07884",
)
