"""Focal loss over exclusive classes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", gamma="[0, inf)", class_weight="weight C")
def focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal loss, :math:`-(1 - p_y)^\gamma \log p_y` with :math:`p = \mathrm{softmax}(x)`.

    Cross-entropy in which easy examples, those with :math:`p_y` near 1, count for less: for many
    easy and few hard examples. Its probabilities are less sharp than the true ones; calibrate
    before reading them. For independent yes-or-no labels see
    :func:`~lossary.sigmoid_focal_loss`.

    Computed from logarithms, so values and gradients are finite for every ``gamma`` and however
    sure the network is.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        gamma: focusing strength; 0 gives cross-entropy.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017, eq. 4, with the softmax in
        place of the sigmoid.

    >>> focal_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    tensor(0.0018)
    """
    index = target.unsqueeze(1)
    shifted = input - input.amax(1, keepdim=True).detach()
    odds = shifted.exp()
    # 1 - p_y from the other classes: the difference has no digits left where p_y is near 1. The
    # floor keeps the logarithm of nothing out of the gradient.
    others = odds.scatter(1, index, 0.0).sum(1)
    log_total = (others + odds.gather(1, index).squeeze(1)).log()
    log_rest = others.clamp(min=torch.finfo(others.dtype).tiny).log() - log_total
    units = torch.exp(gamma * log_rest) * (log_total - shifted.gather(1, index).squeeze(1))
    own = None if class_weight is None else class_weight[target]
    return reduce(units, weigh(own, weight), reduction)


class FocalLoss(FunctionLoss):
    """Module form of :func:`focal_loss`."""

    function = staticmethod(focal_loss)

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, gamma=gamma, class_weight=class_weight, ignore_index=ignore_index
        )


SPEC = LossSpec(
    function=focal_loss,
    module=FocalLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=(
        {},
        {"gamma": 0.5},
        {"gamma": 0.0},
        {"gamma": 1.0, "class_weight": torch.tensor([0.5, 2.0, 1.0])},
    ),
    paper="arXiv:1708.02002",
)
