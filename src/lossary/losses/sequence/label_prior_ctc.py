"""CTC in which frequent classes, the blank above all, count for less."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._alignment import Infeasible, alignment_units
from ._labels import inside
from .ctc import _example as _ctc_example

LEAST = -12.0  # the logarithm of the prior of a class that is hardly ever predicted


@signature(
    "real N T V, label N S, count:T N, count:S N, logprob V -> N",
    alpha="[0, inf)",
    blank="int [0, inf)",
)
def label_prior_ctc_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    log_prior: Tensor,
    *,
    alpha: float = 0.3,
    blank: int = 0,
    infeasible: Infeasible = "raise",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CTC with label priors, :math:`-\log \sum_\pi \prod_t p_t(\pi_t) / q(\pi_t)^\alpha` over all
    alignments :math:`\pi` that read as the target, with :math:`p_t = \mathrm{softmax}(x_t)` and
    the prior :math:`q` of each class.

    A network trained with :func:`~lossary.ctc_loss` gives each label a single frame and the blank
    all others. Divided by the prior, alignments with few blanks count for more, so that labels last
    as long as their sounds: for alignment, where it matters when a label begins and ends. To
    recognise only, it is not needed. To align, subtract the scaled prior as well.

    The frames are not normalised again after the division, so the loss may be negative. An
    ``alpha`` of 0 gives the CTC loss.

    Args:
        input: logits, of shape (N, T, V); frames beyond the length may hold any finite numbers.
        target: class indices, of shape (N, S), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        log_prior: :math:`\log q`, of shape (V,): the logarithm of the mean probability of each
            class over the frames of the data. What is below -12 counts as -12.
        alpha: the scale :math:`\alpha` of the prior.
        blank: the class that stands for no label.
        infeasible: what to do with a sample whose labels do not fit into its frames: ``"raise"``
            an error, or ``"ignore"`` it.

    Raises:
        ValueError: if a label within its length is not a class or is the blank, or a sample is
            infeasible.

    References:
        Huang et al., *Less Peaky and More Accurate CTC Forced Alignment by Label Priors*, ICASSP
        2024.

    >>> two_frames, one = torch.zeros(1, 2, 2), torch.tensor([1])
    >>> log_prior = torch.tensor([0.5, 0.25]).log()  # 1-1 counts 4, 1-blank and blank-1 2 each
    >>> label_prior_ctc_loss(
    ...     two_frames, one.unsqueeze(0), torch.tensor([2]), one, log_prior, alpha=1.0
    ... )
    tensor(-2.0794)
    """
    units, weight = alignment_units(
        "label_prior_ctc_loss",
        input.log_softmax(2) - alpha * log_prior.clamp(min=LEAST),
        target,
        input_lengths,
        target_lengths,
        blank,
        infeasible,
        weight,
    )
    return reduce(units, weight, reduction)


class LabelPriorCTCLoss(FunctionLoss):
    """Module form of :func:`label_prior_ctc_loss`.

    It owns the prior and is called with ``(input, target, input_lengths, target_lengths)``. Call
    ``update(input, input_lengths)`` in every step of training, and ``end_epoch()`` after every
    epoch: the mean probabilities of one epoch are the prior of the next. In the first there is
    none, and the loss is the CTC loss. On several devices, gather the inputs first.

    Args:
        num_classes: the number V of classes, the blank included.
    """

    function = staticmethod(label_prior_ctc_loss)
    log_prior: Tensor
    mean: Tensor
    frames: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        alpha: float = 0.3,
        blank: int = 0,
        infeasible: Infeasible = "raise",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, blank=blank, infeasible=infeasible)
        self.register_buffer("log_prior", torch.zeros(num_classes))
        self.register_buffer("mean", torch.zeros(num_classes))  # of the frames of this epoch
        self.register_buffer("frames", torch.zeros((), dtype=torch.int64))

    def operands(
        self, input: Tensor, target: Tensor, input_lengths: Tensor, target_lengths: Tensor
    ) -> tuple[Tensor, ...]:
        return input, target, input_lengths, target_lengths, self.log_prior

    @torch.no_grad()
    def update(self, input: Tensor, input_lengths: Tensor) -> None:
        """Add the probabilities of a batch to those of the epoch."""
        within = inside(input_lengths, input.shape[1])
        wide = torch.promote_types(input.dtype, torch.float32)
        probs = torch.where(within.unsqueeze(2), input.to(wide).softmax(2), 0.0).sum((0, 1))
        count = within.sum()
        self.frames += count
        share = count / self.frames.clamp(min=1)
        batch = probs / count.clamp(min=1)
        self.mean.lerp_(batch.to(self.mean.dtype), share.to(self.mean.dtype))

    @torch.no_grad()
    def end_epoch(self) -> None:
        """Make the mean probabilities of the epoch the prior, and begin a new one."""
        # without a frame there is nothing to learn: the prior stays
        new = torch.where(self.frames > 0, self.mean.log().clamp(LEAST, 0), self.log_prior)
        self.log_prior.copy_(new)
        self.mean.zero_()
        self.frames.zero_()


def _example(generator: Generator) -> tuple[Tensor, ...]:
    *tensors, target_lengths = _ctc_example(generator)
    log_prior = torch.tensor([0.6, 0.2, 0.05, 0.15], dtype=torch.float64).log()
    return *tensors, target_lengths, log_prior


SPEC = LossSpec(
    function=label_prior_ctc_loss,
    module=LabelPriorCTCLoss,
    traits=Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 1.0, "blank": 3, "infeasible": "ignore"}),
    paper="arXiv:2406.02560",
    example=_example,
    owned={"log_prior": "log_prior"},
    sizes={"num_classes": "V"},
)
