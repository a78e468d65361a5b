"""Cross-entropy divided by the influence of the sample."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, real N D, label N -> N", alpha="(0, inf)", eps="(0, inf)")
def influence_balanced_loss(
    input: Tensor,
    features: Tensor,
    target: Tensor,
    *,
    alpha: float = 1000.0,
    eps: float = 1e-3,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Influence-balanced loss, :math:`\frac{-\alpha \log p_y}{\|p - y\|_1 \|h\|_1 + \epsilon}`
    with :math:`p = \mathrm{softmax}(x)` and the features :math:`h` that the last layer takes.

    For imbalanced classes, in the second half of training: samples that shape the decision boundary
    most, mostly of frequent classes, count for less. Train with the cross-entropy first; from the
    start it learns little. The paper weighs the classes too, by their inverse numbers: that is
    ``weight=class_weight[target]``.

    The gradient goes through the influence as well, as it does in the authors' code.

    Args:
        input: logits, of shape (N, C).
        features: what the last layer takes, of shape (N, D).
        target: class indices in [0, C), of shape (N,).
        alpha: a common factor :math:`\alpha`, about the length of the features.
        eps: :math:`\epsilon`, what keeps the influence from zero.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Park et al., *Influence-Balanced Loss for Imbalanced Visual Classification*, ICCV 2021.

    >>> x, h, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, -1.0]]), torch.tensor([0])
    >>> influence_balanced_loss(x, h, y, alpha=4.0, eps=1e-9)
    tensor(1.3863)
    """
    own = input.log_softmax(1).gather(1, target.unsqueeze(1)).squeeze(1)
    influence = -2 * torch.expm1(own) * features.abs().sum(1)
    return reduce(-alpha * own / (influence + eps), weight, reduction)


class InfluenceBalancedLoss(FunctionLoss):
    """Module form of :func:`influence_balanced_loss`."""

    function = staticmethod(influence_balanced_loss)

    def __init__(
        self,
        *,
        alpha: float = 1000.0,
        eps: float = 0.001,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, eps=eps, ignore_index=ignore_index)


SPEC = LossSpec(
    function=influence_balanced_loss,
    module=InfluenceBalancedLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 1.0, "eps": 0.1}),
    paper="arXiv:2110.02444",
)
