"""The share of wrong answers."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def zero_one_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Zero-one loss, :math:`[\arg\max_c x_c \neq y]`.

    What classification is about, and what the other losses stand in for: its mean is one minus
    the accuracy. A metric: it is constant almost everywhere, so it has no gradient to train with.
    Of tied scores the lowest class index wins; a nan among the scores makes the answer wrong.

    Args:
        input: scores, of shape (N, C, ...); logits and probabilities give the same.
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*, 2009, section 2.4.

    >>> zero_one_loss(torch.tensor([[2.0, 0.0], [3.0, 1.0]]), torch.tensor([0, 1]))
    tensor(0.5000)
    """
    classes = torch.arange(input.shape[1], device=input.device)
    best = (input == input.amax(1, keepdim=True)).movedim(1, -1)
    lowest = torch.where(best, classes, input.shape[1]).amin(-1)
    return reduce((lowest != target).to(input.dtype), weight, reduction)


class ZeroOneLoss(FunctionLoss):
    """Module form of :func:`zero_one_loss`."""

    function = staticmethod(zero_one_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=zero_one_loss,
    module=ZeroOneLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT | Trait.NOT_DIFFERENTIABLE,
    paper="doi:10.1007/978-0-387-84858-7",
)
