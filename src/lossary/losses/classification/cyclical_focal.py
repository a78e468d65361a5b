"""Focal loss that attends to sure examples first, and to hard ones later."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N C *, label N * -> N *",
    share="[0, 1]",
    gamma="[0, inf)",
    confident_gamma="[0, inf)",
    class_weight="weight C",
)
def cyclical_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    share: float = 0.5,
    gamma: float = 2.0,
    confident_gamma: float = 3.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cyclical focal loss, :math:`-\left(\xi (1 + p_y)^{\gamma'} + (1 - \xi) (1 - p_y)^\gamma
    \right) \log p_y` with :math:`p = \mathrm{softmax}(x)`.

    Examples that the network is sure of count for more at :math:`\xi = 1`, and for less, as in
    :func:`~lossary.focal_loss`, at 0. The share follows a cycle over the epochs: it falls from 1 to
    0 and rises again to 1, with :math:`\xi = 1 - f e / E` in epoch e of E as long as that is not
    negative, then :math:`(f e / E - 1) / (f - 1)`, and a factor f above 1, 2 by default in the
    authors' code. For balanced classes too. Where the share is not to change, the focal loss or
    the cross-entropy are simpler.

    Set the attribute ``share`` of the Module at the start of each epoch. The authors' code also
    smooths the labels.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        share: the share :math:`\xi` of the first part.
        gamma: the strength :math:`\gamma` with which hard examples count for more.
        confident_gamma: the strength :math:`\gamma'` with which sure ones do.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Smith, *Cyclical Focal Loss*, 2022.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> cyclical_focal_loss(x, y)  # (1.5 ** 3 / 2 + 0.5 ** 2 / 2) log 2
    tensor(1.2563)
    """
    index = target.unsqueeze(1)
    shifted = input - input.amax(1, keepdim=True).detach()
    odds = shifted.exp()
    # 1 - p_y from the other classes: the difference has no digits left where p_y is near 1. The
    # floor keeps the logarithm of nothing out of the gradient.
    others = odds.scatter(1, index, 0.0).sum(1)
    own = odds.gather(1, index).squeeze(1)
    total = others + own
    hard = torch.exp(gamma * (others.clamp(min=torch.finfo(others.dtype).tiny) / total).log())
    sure = (1 + own / total) ** confident_gamma
    units = share * sure + (1 - share) * hard
    units = units * (total.log() - shifted.gather(1, index).squeeze(1))
    known = None if class_weight is None else class_weight[target]
    return reduce(units, weigh(known, weight), reduction)


class CyclicalFocalLoss(FunctionLoss):
    """Module form of :func:`cyclical_focal_loss`; set its ``share`` as the epochs go by."""

    function = staticmethod(cyclical_focal_loss)

    def __init__(
        self,
        *,
        share: float = 0.5,
        gamma: float = 2.0,
        confident_gamma: float = 3.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            share=share,
            gamma=gamma,
            confident_gamma=confident_gamma,
            class_weight=class_weight,
            ignore_index=ignore_index,
        )


SPEC = LossSpec(
    function=cyclical_focal_loss,
    module=CyclicalFocalLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=(
        {},
        {"share": 1.0, "confident_gamma": 0.5},
        {"share": 0.0, "gamma": 0.5},
        {"share": 0.2, "class_weight": torch.tensor([0.5, 2.0, 1.0])},
    ),
    paper="arXiv:2202.08978",
)
