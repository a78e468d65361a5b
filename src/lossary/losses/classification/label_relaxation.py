"""Labels that only say that the class is likely enough."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", alpha="(0, 1)")
def label_relaxation_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Label relaxation loss: 0 if :math:`p_y \ge 1 - \alpha`, else the divergence :math:`(1 -
    \alpha) \log \frac{1 - \alpha}{p_y} + \alpha \log \frac{\alpha}{1 - p_y}` with :math:`p =
    \mathrm{softmax}(x)`.

    Label smoothing without its false precision: any distribution that gives the label enough is
    right, so nothing pulls the other classes together. For calibrated probabilities and for
    distillation.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        alpha: the probability :math:`\alpha` that other classes may have.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Lienen and Huellermeier, *From Label Smoothing to Label Relaxation*, AAAI 2021, eq. 6.

    >>> label_relaxation_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), alpha=0.25)
    tensor(0.1308)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    # the rest's logarithm from the other logits: 1 - p_y has no digits left when p_y is near 1
    others = log_p.scatter(1, target.unsqueeze(1), -math.inf)
    rest = torch.logsumexp(others, 1) if input.shape[1] > 1 else own
    sure = own >= math.log1p(-alpha)
    cost = (1 - alpha) * (math.log1p(-alpha) - own) + alpha * (math.log(alpha) - rest)
    return reduce(torch.where(sure, 0.0, cost), weight, reduction)


class LabelRelaxationLoss(FunctionLoss):
    """Module form of :func:`label_relaxation_loss`."""

    function = staticmethod(label_relaxation_loss)

    def __init__(
        self, *, alpha: float = 0.1, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, ignore_index=ignore_index)


SPEC = LossSpec(
    function=label_relaxation_loss,
    module=LabelRelaxationLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 0.3}),
    paper="doi:10.1609/aaai.v35i10.17041",
)
