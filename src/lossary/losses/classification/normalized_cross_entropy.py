"""Cross-entropy relative to that of all labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def normalized_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Normalized cross-entropy, :math:`\log p_y / \sum_c \log p_c` with :math:`p =
    \mathrm{softmax}(x)`.

    Between 0 and 1, and provably indifferent to labels that are wrong evenly; by itself it fits
    slowly, so it is added to a passive loss such as the reverse cross-entropy of
    :func:`~lossary.symmetric_cross_entropy`.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Ma et al., *Normalized Loss Functions for Deep Learning with Noisy Labels*, ICML 2020, eq.
        3.

    >>> normalized_cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.5000)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    total = log_p.sum(1)
    # of a single class nothing can be learnt: its cost and the sum are zero
    return reduce(own / torch.where(total == 0, 1.0, total), weight, reduction)


class NormalizedCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`normalized_cross_entropy`."""

    function = staticmethod(normalized_cross_entropy)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=normalized_cross_entropy,
    module=NormalizedCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    paper="arXiv:2006.13554",
    exempt={"learns_from_errors": "a sure contradiction is taken for a wrong label"},
)
