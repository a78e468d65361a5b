"""Sequence transduction: labels in order, at times that nobody gave, each given those before."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside, require


@signature(
    "real N T L V, label N U, count:T N, count:U N -> N",
    blank="int [0, inf)",
    fastemit="[0, inf)",
)
def rnnt_loss(
    input: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    fastemit: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Transducer loss (RNN-T), :math:`-\log \sum_\pi \prod_i p(\pi_i \mid t_i, u_i)` over all
    paths :math:`\pi` from the first frame to the last that give the target's labels in order.

    At frame t, after u labels, the network gives the next label and stays at the frame, or the
    blank and goes to the next; the path ends with the blank at the last frame. For streaming
    speech recognition: unlike in :func:`~lossary.ctc_loss` a label depends on those before it, and
    a frame may give several. The scores are large, N x T x (U + 1) x V: batch by length.

    The network may learn to wait for more sound before it commits itself. FastEmit multiplies the
    gradient of the labels, not that of the blanks, by :math:`1 + \lambda`; the value remains. So
    the gradient is then not that of the value.

    Args:
        input: logits, of shape (N, T, U + 1, V); what lies beyond the lengths may be any finite
            numbers.
        target: class indices, of shape (N, U), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        blank: the class that stands for no label.
        fastemit: the strength :math:`\lambda` with which early labels are preferred.

    Raises:
        ValueError: if ``input`` has not U + 1 scores per frame, a label within its length is not a
            class or is the blank, or a sample has labels but no frame.

    References:
        Graves, *Sequence Transduction with Recurrent Neural Networks*, 2012, section 2; Yu et al.,
        *FastEmit: Low-latency Streaming ASR with Sequence-level Emission Regularization*, ICASSP
        2021.

    >>> x = torch.zeros(1, 2, 2, 2)  # two paths of three steps, each step of probability 1/2
    >>> rnnt_loss(x, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]))  # log 4
    tensor(1.3863)
    """
    size, frames, places, classes = input.shape
    if places != target.shape[1] + 1:
        raise ValueError(
            "rnnt_loss: input must have shape (N, T, U + 1, V) = "
            f"({size}, {frames}, {target.shape[1] + 1}, {classes}), one place more than target has "
            f"labels, got {tuple(input.shape)}"
        )
    labels = clean_labels("rnnt_loss", target, target_lengths, classes, blank)
    framed = (input_lengths > 0) | (target_lengths == 0)
    few = "rnnt_loss: input_lengths must be above 0 where there are labels"
    at = require(framed, few, (target, input_lengths, target_lengths))
    if at is not None:
        raise ValueError(f"{few}, got 0 at ({int(at)},)")
    # of all classes two matter: the blank, and the label that comes next, which is none at the end
    blanks = labels.new_full((size, 1), blank)
    following = torch.cat([labels, blanks], 1)
    choices = torch.stack([blanks.expand_as(following), following], 2)
    scores = input.log_softmax(3).gather(3, choices.unsqueeze(1).expand(-1, frames, -1, -1))
    reached = inside(input_lengths, frames).unsqueeze(2)
    reached = reached & inside(target_lengths + 1, places).unsqueeze(1)
    scores = scores.masked_fill(~reached.unsqueeze(3), 0).clamp(min=IMPOSSIBLE)
    stay, emit = scores.unbind(3)
    if fastemit:
        emit = emit + fastemit * (emit - emit.detach())
    units = sum_of_paths(stay, emit, input_lengths, target_lengths)
    return reduce(infinite(units), weight, reduction)


def sum_of_paths(
    stay: Tensor, emit: Tensor, input_lengths: Tensor, target_lengths: Tensor
) -> Tensor:
    """Graves' forward recursion, for all places with the same number of steps at once."""
    size, frames, places = stay.shape
    nothing = stay[:, :0].sum(1)  # zeros, with a gradient where there are no frames too
    never = nothing[:, :1] + IMPOSSIBLE
    state = torch.cat([nothing[:, :1], nothing[:, 1:] + IMPOSSIBLE], 1)
    steps = input_lengths + target_lengths
    results = nothing[:, 0] + torch.where(steps == 0, 0.0, IMPOSSIBLE).to(stay.dtype)
    where = torch.arange(places, device=stay.device)
    ends = target_lengths.unsqueeze(1)
    for step in range(frames + places - 1 if frames else 0):
        # what lies outside, where the time is clamped, is never on the way to an end
        time = (step - where).clamp(0, frames - 1).expand(size, 1, -1)
        waited = state + stay.gather(1, time).squeeze(1)
        emitted = state + emit.gather(1, time).squeeze(1)
        shifted = torch.cat([never, emitted[:, :-1]], 1)
        state = torch.stack([waited, shifted]).logsumexp(0)
        # the last step of a sample is the blank at its last frame
        last = (steps == step + 1) & (input_lengths > 0)
        results = torch.where(last, waited.gather(1, ends).squeeze(1), results)
    return -results


class RNNTLoss(FunctionLoss):
    """Module form of :func:`rnnt_loss`."""

    function = staticmethod(rnnt_loss)

    def __init__(
        self, *, blank: int = 0, fastemit: float = 0.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, blank=blank, fastemit=fastemit)


def _example(generator: Generator) -> tuple[Tensor, ...]:
    """Equal neighbours, an empty target, padding that is no class; class 3 can be the blank."""
    target = torch.tensor([[1, 1, 2], [2, 1, -100], [1, 2, 1], [-1, 7, 3], [2, 2, 0]])
    lengths = torch.tensor([4, 2, 1, 3, 3]), torch.tensor([3, 2, 3, 0, 2])
    # as many samples as there are of nothing else, or a compiler takes the two sizes for one
    return torch.randn(5, 4, 4, 4, generator=generator), target, *lengths


SPEC = LossSpec(
    function=rnnt_loss,
    module=RNNTLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    # with fastemit the gradient is by definition not that of the value: see its tests
    variants=({}, {"blank": 3}),
    paper="arXiv:1211.3711",
    example=_example,
)
