"""Unlikelihood of what should not be said."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

NO_LOGIT = -1e30  # of a class left out: like -inf, but finite where no class is left


@signature("real N C *, label N * -> N *")
def unlikelihood_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Unlikelihood, :math:`-\log(1 - p_c)` with :math:`p = \mathrm{softmax}(x)`, of a class
    :math:`c` that should not come.

    Added to :func:`~lossary.cross_entropy` it makes a language model repeat itself less, or stop to
    say what it should not. Of several unwanted tokens at a position, sum one loss for each. It
    says nothing about which class should come instead.

    Computed as a difference of logits, so a class of which the network is sure has a finite loss
    and a gradient of 1. With one class alone there is no other, and the loss is as large as can be.

    Args:
        input: logits, of shape (N, C, ...).
        target: indices of the unwanted classes in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Welleck et al., *Neural Text Generation with Unlikelihood Training*, ICLR 2020, the term of
        a negative candidate.

    >>> unlikelihood_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    tensor(2.1269)
    """
    index = target.unsqueeze(1)
    # 1 / (1 - p) = 1 + e^z with z the lead of the class over all others together
    others = input.scatter(1, index, NO_LOGIT).logsumexp(1)
    lead = input.gather(1, index).squeeze(1) - others
    return reduce(-F.logsigmoid(-lead), weight, reduction)


class UnlikelihoodLoss(FunctionLoss):
    """Module form of :func:`unlikelihood_loss`."""

    function = staticmethod(unlikelihood_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=unlikelihood_loss,
    module=UnlikelihoodLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    paper="arXiv:1908.04319",
    exempt={
        "learns_from_errors": "its target is the class to avoid: to be sure of another is right",
        "rewards_right_answers": "its target is the class to avoid: to be sure of it is wrong",
    },
)
