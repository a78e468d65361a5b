"""Cross-entropy with a price on being sure."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", beta="[0, inf)")
def confidence_penalty_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 0.1,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy minus entropy, :math:`-\log p_y - \beta H(p)` with :math:`p =
    \mathrm{softmax}(x)`.

    Keeps predictions from becoming surer than they are right, much as label smoothing does, but
    without pulling towards the uniform distribution where the network hesitates anyway. It may be
    negative.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        beta: the weight :math:`\beta` of the entropy.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Pereyra et al., *Regularizing Neural Networks by Penalizing Confident Output
        Distributions*, ICLR 2017 workshop, eq. 2.

    >>> confidence_penalty_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), beta=1.0)
    tensor(0.)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-own + beta * (log_p.exp() * log_p).sum(1), weight, reduction)


class ConfidencePenaltyLoss(FunctionLoss):
    """Module form of :func:`confidence_penalty_loss`."""

    function = staticmethod(confidence_penalty_loss)

    def __init__(
        self, *, beta: float = 0.1, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, ignore_index=ignore_index)


SPEC = LossSpec(
    function=confidence_penalty_loss,
    module=ConfidencePenaltyLoss,
    traits=Trait.SHIFT_INVARIANT,
    variants=({}, {"beta": 0.5}),
    paper="arXiv:1701.06548",
)
