"""Focal loss of independent yes-or-no labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, prob * -> *", alpha="[0, 1]", gamma="[0, inf)")
def sigmoid_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal loss, :math:`-\alpha_t (1 - p_t)^\gamma \log p_t` with :math:`p = \sigma(x)`, where
    :math:`p_t` is p for label 1 and 1 - p for label 0, and :math:`\alpha_t` likewise.

    For the many easy negatives of dense detection. Detectors divide its sum by the number of
    positives: use ``reduction="sum"`` and divide. A target between 0 and 1 mixes the losses of
    the two labels in its proportion.

    Computed from logarithms, so values and gradients are finite for every ``gamma`` and however
    sure the network is.

    Args:
        input: logits, of any shape.
        target: labels 0 and 1, or probabilities, of the shape of ``input``.
        alpha: the factor of the positive labels; the negative ones have ``1 - alpha``; None for
            no factors.
        gamma: focusing strength; 0 gives binary cross-entropy.

    References:
        Lin et al., *Focal Loss for Dense Object Detection*, ICCV 2017, eq. 5.

    >>> sigmoid_focal_loss(torch.tensor([2.0, 2.0]), torch.tensor([1, 0]))
    tensor(0.6190)
    """
    log_yes, log_no = F.logsigmoid(input), F.logsigmoid(-input)
    yes = -torch.exp(gamma * log_no) * log_yes
    no = -torch.exp(gamma * log_yes) * log_no
    if alpha is not None:
        yes, no = alpha * yes, (1 - alpha) * no
    return reduce(target * yes + (1 - target) * no, weight, reduction)


class SigmoidFocalLoss(FunctionLoss):
    """Module form of :func:`sigmoid_focal_loss`."""

    function = staticmethod(sigmoid_focal_loss)

    def __init__(
        self,
        *,
        alpha: float | None = 0.25,
        gamma: float = 2.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, gamma=gamma)


SPEC = LossSpec(
    function=sigmoid_focal_loss,
    module=SigmoidFocalLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"alpha": None, "gamma": 0.5}, {"alpha": 0.75, "gamma": 0.0}),
    paper="arXiv:1708.02002",
)
