"""How often each label occurs, whatever the order."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside, require
from .ctc import _example


@signature("real N T V, label N S, count:T N, count:S N -> N", blank="int [0, inf)")
def aggregation_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Aggregation cross-entropy (ACE), :math:`-\sum_k \frac{n_k}{T} \log \bar p_k`: how often each
    class occurs in the target, against its mean probability over the frames.

    Here :math:`n_k` counts the labels k, and the frames without a label,
    :math:`n_\text{blank} = T - S`. Sequence recognition without alignment: faster than
    :func:`~lossary.ctc_loss`, and for frames in a plane too, flattened. It does not know the order
    of the labels, which must come from where the network sees them, and it is at its least where
    the mean probabilities are the shares, not 0.

    Args:
        input: logits, of shape (N, T, V); anything finite beyond the length.
        target: class indices, of shape (N, S), none of them the blank; anything beyond the length.
        input_lengths: the number T of frames of each sample, of shape (N,), not below that of the
            labels.
        target_lengths: the number S of labels of each sample, of shape (N,); 0 is fine.
        blank: the class that stands for no label.

    Raises:
        ValueError: if a label within its length is not a class or is the blank, or a sample has
            more labels than frames.

    References:
        Xie et al., *Aggregation Cross-Entropy for Sequence Recognition*, CVPR 2019.

    >>> x = torch.zeros(1, 4, 2)  # one label and three blanks, both of mean probability 1/2
    >>> aggregation_cross_entropy_loss(
    ...     x, torch.tensor([[1]]), torch.tensor([4]), torch.tensor([1])
    ... )
    tensor(0.6931)
    """
    name = "aggregation_cross_entropy_loss"
    frames, classes = input.shape[1:]
    labels = clean_labels(name, target, target_lengths, classes, blank)
    few = f"{name}: input_lengths must not be below target_lengths"
    at = require(target_lengths <= input_lengths, few, (target, input_lengths, target_lengths))
    if at is not None:
        n = int(at)
        raise ValueError(
            f"{few}, got {input_lengths[n].item()} frames for {target_lengths[n].item()} labels "
            f"at ({n},)"
        )
    length = input_lengths.clamp(min=1).unsqueeze(1).to(input.dtype)
    beyond = ~inside(input_lengths, frames).unsqueeze(2)
    if not frames:
        return reduce(input.sum((1, 2)), weight, reduction)
    # a floor, not -inf: what is impossible, and samples without frames, have no gradient then
    log_probs = input.log_softmax(2).clamp(min=IMPOSSIBLE).masked_fill(beyond, IMPOSSIBLE)
    log_mean = log_probs.logsumexp(1) - length.log()
    within = inside(target_lengths, target.shape[1])
    shares = within.to(input.dtype) / length
    terms = shares * log_mean.gather(1, labels)
    blanks = (input_lengths - target_lengths).clamp(min=0) / length.squeeze(1)
    units = -torch.where(within, terms, 0.0).sum(1)
    units = units - torch.where(blanks > 0, blanks * log_mean[:, blank], 0.0)
    return reduce(infinite(units), weight, reduction)


class AggregationCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`aggregation_cross_entropy_loss`."""

    function = staticmethod(aggregation_cross_entropy_loss)

    def __init__(self, *, blank: int = 0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, blank=blank)


SPEC = LossSpec(
    function=aggregation_cross_entropy_loss,
    module=AggregationCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"blank": 3}),
    paper="arXiv:1904.08364",
    example=_example,
)
