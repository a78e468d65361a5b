"""Connectionist temporal classification: labels in order, at times that nobody gave."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._alignment import Infeasible, alignment_units


@signature("real N T V, label N S, count:T N, count:S N -> N", blank="int [0, inf)")
def ctc_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    infeasible: Infeasible = "raise",
    per_label: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Connectionist temporal classification, :math:`-\log \sum_\pi \prod_t p_t(\pi_t)` over all
    alignments :math:`\pi` that read as the target, with :math:`p_t = \mathrm{softmax}(x_t)`.

    An alignment has one class per frame; it is read by merging equal neighbours and dropping
    blanks. For speech and handwriting, where the labels and their order are known but not their
    times. Frames are independent given the input: where they are not, see
    :func:`~lossary.rnnt_loss`. Labels in another order than the frames need attention instead.

    The input are logits, batch first; torch's takes log-probabilities, time first, and so does
    :func:`~lossary.ctc_nll_loss` here, batch first. Log-probabilities give the same, as they are
    logits too. Torch's mean divides by the number of labels first: that is ``per_label=True``.

    A sample with fewer frames than its labels need has probability 0. That is an error, or it
    weighs nothing. Where values are not looked at, as in compiled code, ``"raise"`` gives an
    infinite loss without gradient.

    Args:
        input: logits, of shape (N, T, V); frames beyond the length may hold any finite numbers.
        target: class indices, of shape (N, S), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        blank: the class that stands for no label.
        infeasible: what to do with a sample whose labels do not fit into its frames: ``"raise"``
            an error, or ``"ignore"`` it.
        per_label: whether to divide the loss of a sample by the number of its labels, at least 1.

    Raises:
        ValueError: if a label within its length is not a class or is the blank, or a sample is
            infeasible.

    References:
        Graves et al., *Connectionist Temporal Classification: Labelling Unsegmented Sequence Data
        with Recurrent Neural Networks*, ICML 2006, sections 3 and 4.

    >>> two_frames = torch.zeros(1, 2, 3)  # of 9 alignments 1-1, 1-blank and blank-1 read as 1
    >>> ctc_loss(two_frames, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]))
    tensor(1.0986)
    """
    units, weight = alignment_units(
        "ctc_loss",
        input.log_softmax(2),
        target,
        input_lengths,
        target_lengths,
        blank,
        infeasible,
        weight,
    )
    return reduce(_per_label(units, target_lengths, per_label), weight, reduction)


@signature("logprob N T V, label N S, count:T N, count:S N -> N", blank="int [0, inf)")
def ctc_nll_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    infeasible: Infeasible = "raise",
    per_label: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Connectionist temporal classification of log-probabilities,
    :math:`-\log \sum_\pi \exp \sum_t x_t(\pi_t)` over all alignments :math:`\pi` that read as the
    target.

    :func:`~lossary.ctc_loss` for networks that end in a log-softmax, or that mix and smooth their
    probabilities after it. Of logits, which are not normalised, the value means nothing. The
    gradient is that of the formula; torch's kernel gives the one of the logits before the
    log-softmax in its place.

    Args:
        input: log-probabilities, of shape (N, T, V); frames beyond the length do not matter.
        target: class indices, of shape (N, S), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        blank: the class that stands for no label.
        infeasible: what to do with a sample whose labels do not fit into its frames: ``"raise"``
            an error, or ``"ignore"`` it.
        per_label: whether to divide the loss of a sample by the number of its labels, at least 1.

    Raises:
        ValueError: if a label within its length is not a class or is the blank, or a sample is
            infeasible.

    References:
        Graves et al., *Connectionist Temporal Classification: Labelling Unsegmented Sequence Data
        with Recurrent Neural Networks*, ICML 2006, sections 3 and 4.

    >>> two_frames = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]]).log()  # all but blank-blank
    >>> ctc_nll_loss(two_frames, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]))
    tensor(0.2877)
    """
    units, weight = alignment_units(
        "ctc_nll_loss",
        input,
        target,
        input_lengths,
        target_lengths,
        blank,
        infeasible,
        weight,
    )
    return reduce(_per_label(units, target_lengths, per_label), weight, reduction)


def _per_label(units: Tensor, lengths: Tensor, per_label: bool) -> Tensor:
    return units / lengths.clamp(min=1) if per_label else units


class CTCLoss(FunctionLoss):
    """Module form of :func:`ctc_loss`."""

    function = staticmethod(ctc_loss)

    def __init__(
        self,
        *,
        blank: int = 0,
        infeasible: Infeasible = "raise",
        per_label: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, blank=blank, infeasible=infeasible, per_label=per_label)


class CTCNLLLoss(FunctionLoss):
    """Module form of :func:`ctc_nll_loss`."""

    function = staticmethod(ctc_nll_loss)

    def __init__(
        self,
        *,
        blank: int = 0,
        infeasible: Infeasible = "raise",
        per_label: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, blank=blank, infeasible=infeasible, per_label=per_label)


def _example(generator: Generator) -> tuple[Tensor, ...]:
    """Equal neighbours, an empty target, padding that is no class; class 3 can be the blank."""
    target = [[1, 1, 2], [2, 1, -100], [1, 2, 1], [-1, 7, 3], [2, 2, 0], [1, 0, 0]]
    lengths = torch.tensor([4, 4, 3, 2, 3, 4]), torch.tensor([3, 2, 3, 0, 2, 1])
    # as many samples as there are of nothing else, or a compiler takes the two sizes for one
    return torch.randn(6, 4, 4, generator=generator), torch.tensor(target), *lengths


def _log_example(generator: Generator) -> tuple[Tensor, ...]:
    scores, *rest = _example(generator)
    return scores.double().log_softmax(2), *rest


_VARIANTS: tuple[dict[str, object], ...] = (
    {},
    {"blank": 3, "per_label": True, "infeasible": "ignore"},
)

SPECS = (
    LossSpec(
        function=ctc_loss,
        module=CTCLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=_VARIANTS,
        paper="doi:10.1145/1143844.1143891",
        example=_example,
    ),
    LossSpec(
        function=ctc_nll_loss,
        module=CTCNLLLoss,
        traits=Trait.NONNEGATIVE,
        variants=_VARIANTS,
        paper="doi:10.1145/1143844.1143891",
        example=_log_example,
    ),
)
