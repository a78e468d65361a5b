"""Focal loss against the nearest rival."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", gamma="[0, inf)")
def dual_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 5.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dual focal loss, :math:`-(1 - p_y + p_j)^\gamma \log p_y` with :math:`p =
    \mathrm{softmax}(x)` and the largest probability :math:`p_j` that is less than :math:`p_y`.

    A focal loss for calibrated probabilities: it focuses on the gap between the label and its
    nearest rival, and so makes the network less unsure than the focal loss does. Where the label
    has the least probability, :math:`p_j` is 0.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        gamma: focusing strength; 0 gives cross-entropy.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Tao et al., *Dual Focal Loss for Calibration*, ICML 2023.

    >>> x, y = torch.tensor([[2.0, 1.0, 1.0]]).log(), torch.tensor([0])
    >>> dual_focal_loss(x, y, gamma=1.0)
    tensor(0.5199)
    """
    index = target.unsqueeze(1)
    log_p = input.log_softmax(1)
    own = log_p.gather(1, index)
    rival = torch.where(log_p < own, log_p, -torch.inf).amax(1).exp()
    # 1 - p_y from the other classes, which has digits left where p_y is near 1
    gap = log_p.exp().scatter(1, index, 0.0).sum(1) + rival
    factor = torch.exp(gamma * gap.clamp(min=torch.finfo(gap.dtype).tiny).log())
    return reduce(-factor * own.squeeze(1), weight, reduction)


class DualFocalLoss(FunctionLoss):
    """Module form of :func:`dual_focal_loss`."""

    function = staticmethod(dual_focal_loss)

    def __init__(
        self, *, gamma: float = 5.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, gamma=gamma, ignore_index=ignore_index)


SPEC = LossSpec(
    function=dual_focal_loss,
    module=DualFocalLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"gamma": 0.5}, {"gamma": 0.0}),
    paper="arXiv:2305.13665",
)
