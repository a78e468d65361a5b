"""Cross-entropy as a series, with its first coefficient changed."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", epsilon="[-1, inf)")
def poly_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Poly-1 cross-entropy, :math:`-\log p_y + \epsilon (1 - p_y)` with :math:`p =
    \mathrm{softmax}(x)`.

    The cross-entropy is a series in :math:`1 - p_y`; this turns its first coefficient. Positive
    values ask for more confidence, negative ones for less. A hyperparameter to tune when
    everything else is done.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        epsilon: :math:`\epsilon`, added to the coefficient 1; above -1, or sure and wrong answers
            would pay.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Leng et al., *PolyLoss: A Polynomial Expansion Perspective of Classification Loss
        Functions*, ICLR 2022, eq. 6.

    >>> poly_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), epsilon=2.0)
    tensor(1.6931)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-own - epsilon * torch.expm1(own), weight, reduction)


class PolyCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`poly_cross_entropy`."""

    function = staticmethod(poly_cross_entropy)

    def __init__(
        self, *, epsilon: float = 1.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, epsilon=epsilon, ignore_index=ignore_index)


SPEC = LossSpec(
    function=poly_cross_entropy,
    module=PolyCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"epsilon": -0.5}),
    paper="arXiv:2204.12511",
)
