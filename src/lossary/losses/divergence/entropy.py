"""Shannon entropy."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C * -> N *")
def entropy(
    input: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Entropy, :math:`-\sum_c p_c \log p_c` with :math:`p = \mathrm{softmax}(x)`, in nats.

    How undecided a distribution is: 0 if it is sure, :math:`\log C` if it is even. Added to a
    loss it makes answers sure (entropy minimisation); subtracted it keeps them from being too
    sure (confidence penalty). Cross-entropy is the entropy of the target plus the KL divergence.

    Args:
        input: logits, of shape (N, C, ...). A logit of -inf marks an impossible class.

    References:
        Shannon, *A Mathematical Theory of Communication*, 1948, section 6.

    >>> entropy(torch.tensor([[1.0, 1.0], [9.0, 0.0]]))
    tensor(0.3472)
    """
    log_p = input.log_softmax(1)
    log_p = log_p.masked_fill(log_p.isneginf(), 0.0)  # 0 log 0 = 0
    return reduce(-(input.softmax(1) * log_p).sum(1), weight, reduction)


class EntropyLoss(FunctionLoss):
    """Module form of :func:`entropy`."""

    function = staticmethod(entropy)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=entropy,
    module=EntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    paper="doi:10.1002/j.1538-7305.1948.tb01338.x",
)
