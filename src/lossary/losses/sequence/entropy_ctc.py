"""CTC that keeps several alignments in play."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._alignment import Infeasible, alignment_units
from ._labels import IMPOSSIBLE, clean_labels, inside
from .ctc import _example

LEAST = -1e4  # the logarithm of a share that is 0, small enough to be multiplied


@signature(
    "real N T V, label N S, count:T N, count:S N -> N", beta="[0, inf)", blank="int [0, inf)"
)
def entropy_ctc_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    beta: float = 0.2,
    blank: int = 0,
    infeasible: Infeasible = "raise",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CTC with maximum conditional entropy (EnCTC), :math:`-\log p - \beta H` with the probability
    :math:`p = \sum_\pi p(\pi)` of the target under all its alignments :math:`\pi` and their
    entropy :math:`H = -\sum_\pi \frac{p(\pi)}{p} \log \frac{p(\pi)}{p}`.

    :func:`~lossary.ctc_loss` soon settles on one alignment, with the labels as spikes among blanks;
    here it pays to leave open which one it is. For small data, on which that overfits. The entropy
    grows with the number of frames, and the loss may be negative. Not for exact times of labels,
    which it blurs; for those see :func:`~lossary.label_prior_ctc_loss`.

    The paper's program weighs the CTC loss by :math:`1 - \beta` as well; the formula is that of the
    paper.

    Args:
        input: logits, of shape (N, T, V); frames beyond the length may hold any finite numbers.
        target: class indices, of shape (N, S), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        beta: the price :math:`\beta` of certainty; 0 gives the CTC loss.
        blank: the class that stands for no label.
        infeasible: what to do with a sample whose labels do not fit into its frames: ``"raise"``
            an error, or ``"ignore"`` it.

    Raises:
        ValueError: if a label within its length is not a class or is the blank, or a sample is
            infeasible.

    References:
        Liu, Jin and Zhang, *Connectionist Temporal Classification with Maximum Entropy
        Regularization*, NeurIPS 2018.

    >>> two_frames, one = torch.zeros(1, 2, 2), torch.tensor([1])  # p is 3/4, H is log 3
    >>> entropy_ctc_loss(two_frames, one.unsqueeze(0), torch.tensor([2]), one)
    tensor(0.0680)
    """
    name = "entropy_ctc_loss"
    log_probs = input.log_softmax(2)
    units, weight = alignment_units(
        name, log_probs, target, input_lengths, target_lengths, blank, infeasible, weight
    )
    labels = clean_labels(name, target, target_lengths, input.shape[2], blank)
    # where nobody looked at the lengths, they must not reach other memory
    frames, places = (
        input_lengths.clamp(0, input.shape[1]),
        target_lengths.clamp(0, labels.shape[1]),
    )
    entropy = _entropy_of_paths(log_probs, labels, blank, frames, places)
    # an infinite loss has no gradient
    return reduce(units - beta * torch.where(units.isfinite(), entropy, 0.0), weight, reduction)


def _entropy_of_paths(
    log_probs: Tensor, labels: Tensor, blank: int, input_lengths: Tensor, target_lengths: Tensor
) -> Tensor:
    """Return the entropy of the alignments of each sample, by Graves' forward recursion.

    Of all beginnings of paths that end in one state, it carries the logarithm of the sum, and the
    entropy of which of them it was: a sum of terms that are not negative, without cancellation.
    """
    columns = torch.cat([labels.new_full((len(labels), 1), blank), labels], 1)
    same = columns[:, 1:] == columns[:, :-1]
    scores = log_probs.gather(2, columns.unsqueeze(1).expand(-1, log_probs.shape[1], -1))
    scores = scores.clamp(min=IMPOSSIBLE)
    nothing = scores[:, :0].sum(1)  # zeros, with a gradient where there are no frames too
    never = nothing + IMPOSSIBLE
    # in place s the sums end in the blank after s labels, or in the s-th label; label 0 is none
    blanks = torch.cat([nothing[:, :1], never[:, 1:]], 1)
    marks = never
    open_blanks = open_marks = nothing
    running = inside(input_lengths, scores.shape[1])
    for t, score in enumerate(scores.unbind(1)):
        either, open_either = _merge([blanks, marks], [open_blanks, open_marks])
        # an equal label must be kept apart by a blank
        before = torch.where(same, IMPOSSIBLE, marks[:, :-1])
        new, open_new = _merge(
            [marks[:, 1:], blanks[:, :-1], before],
            [open_marks[:, 1:], open_blanks[:, :-1], open_marks[:, :-1]],
        )
        on = running[:, t : t + 1]
        marks = torch.where(on, torch.cat([never[:, :1], score[:, 1:] + new], 1), marks)
        blanks = torch.where(on, score[:, :1] + either, blanks)
        open_marks = torch.where(on, torch.cat([nothing[:, :1], open_new], 1), open_marks)
        open_blanks = torch.where(on, open_either, open_blanks)
    _, entropy = _merge([blanks, marks], [open_blanks, open_marks])
    return entropy.gather(1, target_lengths.unsqueeze(1)).squeeze(1)


def _merge(sums: list[Tensor], entropies: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the logarithm of the sum of sets of paths, and the entropy of their union."""
    logs = torch.stack(sums)
    shares = logs.softmax(0)
    own = torch.stack(entropies) - logs.log_softmax(0).clamp(min=LEAST)
    return logs.logsumexp(0), (shares * own).sum(0)


class EntropyCTCLoss(FunctionLoss):
    """Module form of :func:`entropy_ctc_loss`."""

    function = staticmethod(entropy_ctc_loss)

    def __init__(
        self,
        *,
        beta: float = 0.2,
        blank: int = 0,
        infeasible: Infeasible = "raise",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, blank=blank, infeasible=infeasible)


SPEC = LossSpec(
    function=entropy_ctc_loss,
    module=EntropyCTCLoss,
    traits=Trait.SHIFT_INVARIANT,
    variants=({}, {"beta": 1.0, "blank": 3, "infeasible": "ignore"}),
    paper="Liu et al., CTC with Maximum Entropy Regularization, NeurIPS 2018",
    example=_example,
)
