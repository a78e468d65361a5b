"""Cross-entropy in both directions, for wrong labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", alpha="[0, inf)", beta="[0, inf)", log_zero="(-inf, 0)")
def symmetric_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Symmetric cross-entropy, :math:`-\alpha \log p_y - \beta A (1 - p_y)` with :math:`p =
    \mathrm{softmax}(x)`.

    The second part is the cross-entropy with prediction and label exchanged, where :math:`\log 0`
    is taken to be :math:`A`. For labels of which some are wrong: the first part learns, the second
    resists.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        alpha: the weight :math:`\alpha` of the cross-entropy.
        beta: the weight :math:`\beta` of the reverse.
        log_zero: :math:`A`, what stands for the logarithm of zero.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Wang et al., *Symmetric Cross Entropy for Robust Learning with Noisy Labels*, ICCV 2019,
        eq. 7.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> symmetric_cross_entropy(x, y, alpha=1.0, beta=0.5, log_zero=-4.0)
    tensor(1.6931)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-alpha * own + beta * log_zero * torch.expm1(own), weight, reduction)


class SymmetricCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`symmetric_cross_entropy`."""

    function = staticmethod(symmetric_cross_entropy)

    def __init__(
        self,
        *,
        alpha: float = 0.1,
        beta: float = 1.0,
        log_zero: float = -4.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, alpha=alpha, beta=beta, log_zero=log_zero, ignore_index=ignore_index
        )


SPEC = LossSpec(
    function=symmetric_cross_entropy,
    module=SymmetricCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 1.0, "beta": 0.3, "log_zero": -2.0}),
    paper="arXiv:1908.06112",
)
