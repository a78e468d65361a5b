"""Sequence transduction over the few labels that each frame may be about."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside, require
from .simple_transducer import simple_scores
from .transducer import sum_of_paths


@signature("real N T R V, count:U N T, label N U, count:T N, count:U N -> N", blank="int [0, inf)")
def pruned_rnnt_loss(
    input: Tensor,
    start: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pruned transducer loss, :func:`~lossary.rnnt_loss` over those paths only that at frame t
    have given :math:`a_t` to :math:`a_t + R - 1` labels.

    The network that mixes sound and labels, and its logits, are computed at R places per frame
    instead of all U + 1; R is 5 or so. The windows come from a network that only adds, trained
    along with :func:`~lossary.simple_rnnt_loss`: :meth:`PrunedRNNTLoss.windows` chooses them. The
    loss is at least that over all paths, and near it once the windows are good, so train with a
    small weight of it at first. A sample that has no path through its windows costs infinitely
    much, without a gradient.

    Args:
        input: logits, of shape (N, T, R, V), after ``start + r`` labels; what lies beyond the
            lengths may be any finite numbers.
        start: the first place :math:`a_t` of each frame's window, from 0 to U + 1 - R, of shape
            (N, T).
        target: class indices, of shape (N, U), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        blank: the class that stands for no label.

    Raises:
        ValueError: if a window is wider than U + 1 or ends beyond U, a label within its length is
            not a class or is the blank, or a sample has labels but no frame.

    References:
        Kuang et al., *Pruned RNN-T for Fast, Memory-efficient ASR Training*, Interspeech 2022.

    >>> x, start = torch.zeros(1, 3, 1, 2), torch.tensor([[0, 0, 0]])  # three blanks of 1/2
    >>> nothing = torch.zeros(1, 0, dtype=torch.long), torch.tensor([3]), torch.tensor([0])
    >>> pruned_rnnt_loss(x, start, *nothing)  # log 8
    tensor(2.0794)
    """
    size, frames, width, classes = input.shape
    places = target.shape[1] + 1
    if width > places:
        raise ValueError(
            f"pruned_rnnt_loss: input must have at most U + 1 = {places} places per frame, got "
            f"{tuple(input.shape)}"
        )
    labels = clean_labels("pruned_rnnt_loss", target, target_lengths, classes, blank)
    tensors = (target, start, input_lengths, target_lengths)
    framed = (input_lengths > 0) | (target_lengths == 0)
    few = "pruned_rnnt_loss: input_lengths must be above 0 where there are labels"
    if (at := require(framed, few, tensors)) is not None:
        raise ValueError(f"{few}, got 0 at ({int(at)},)")
    far = f"pruned_rnnt_loss: start must be at most U + 1 - R = {places - width}"
    if (at := require(start <= places - width, far, tensors)) is not None:
        n, t = at.tolist()
        raise ValueError(f"{far}, got {start[n, t].item()} at ({n}, {t})")
    place = start.clamp(max=places - width).unsqueeze(2)
    place = place + torch.arange(width, device=place.device)
    # of all classes two matter: the blank, and the label that comes next, which is none at the end
    following = torch.cat([labels, labels.new_full((size, 1), blank)], 1)
    following = following.unsqueeze(1).expand(-1, frames, -1).gather(2, place)
    choices = torch.stack([torch.full_like(following, blank), following], 3)
    scores = input.log_softmax(3).gather(3, choices)
    reached = inside(input_lengths, frames).unsqueeze(2)
    reached = reached & (place <= target_lengths.reshape(-1, 1, 1))
    scores = scores.masked_fill(~reached.unsqueeze(3), 0).clamp(min=IMPOSSIBLE)
    closed = scores.new_full((size, frames, places), IMPOSSIBLE)
    stay, emit = (closed.scatter(2, place, score) for score in scores.unbind(3))
    units = sum_of_paths(stay, emit, input_lengths, target_lengths)
    return reduce(infinite(units), weight, reduction)


class PrunedRNNTLoss(FunctionLoss):
    """Module form of :func:`pruned_rnnt_loss`, and the choice of its windows."""

    function = staticmethod(pruned_rnnt_loss)
    blank: int

    def __init__(self, *, blank: int = 0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, blank=blank)

    def windows(
        self,
        input: Tensor,
        prediction: Tensor,
        target: Tensor,
        input_lengths: Tensor,
        target_lengths: Tensor,
        size: int = 5,
    ) -> Tensor:
        """Return where the windows start that keep most of the probability, of shape (N, T).

        Each window keeps the most that one of its size can, and is then moved as little as it must
        be for the windows to rise from the first label to the last without a gap.

        Args:
            input: logits of the frames, as in :func:`~lossary.simple_rnnt_loss`.
            prediction: logits after each number of labels, likewise.
            target: class indices, of shape (N, U).
            input_lengths: the number of frames of each sample, of shape (N,).
            target_lengths: the number of labels of each sample, of shape (N,).
            size: the number R of places of a window, from 2 to U + 1.
        """
        frames, places = input.shape[1], prediction.shape[1]
        if not min(2, places) <= size <= places:
            raise ValueError(f"size must lie from 2 to U + 1 = {places}, got {size!r}")
        labels = clean_labels("windows", target, target_lengths, input.shape[2], self.blank)
        lengths = input_lengths, target_lengths
        logits = input.detach().float(), prediction.detach().float()
        scores = simple_scores(*logits, labels, *lengths, self.blank)
        with torch.enable_grad():
            stay, emit = (score.requires_grad_() for score in scores)
            paths = -sum_of_paths(stay, emit, *lengths).sum()
        stayed, emitted = torch.autograd.grad(paths, (stay, emit), materialize_grads=True)
        # of all paths each has one blank per frame; those that come in from below are cut off
        kept = stayed.unfold(2, size, 1).sum(3)
        kept[:, :, 1:] -= emitted[:, :, : places - size]
        # within what can be reached from the first label, and what the last can be reached from
        time = torch.arange(frames, device=input.device)
        step = size - 1
        last = (target_lengths - step).clamp(min=0).unsqueeze(1)
        left = (input_lengths.unsqueeze(1) - 1 - time).clamp(min=0)
        start = kept.argmax(2).clamp(min=last - step * left).minimum(last).minimum(step * time)
        if not frames:
            return start
        start = start.cummax(1).values
        return (start - step * time).cummin(1).values + step * time


def _example(generator: Generator) -> tuple[Tensor, ...]:
    """Windows with a path, an empty target, padding that is no class; class 4 can be the blank."""
    target = torch.tensor([[1, 1, 2], [2, -100, 3], [1, 2, 3], [-1, 7, 0], [3, 3, 2]])
    lengths = torch.tensor([4, 3, 2, 4, 3]), torch.tensor([3, 1, 2, 0, 2])
    start = torch.tensor([[0, 1, 1, 2], [0, 0, 0, 2], [0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]])
    return torch.randn(5, 4, 2, 6, generator=generator), start, target, *lengths


SPEC = LossSpec(
    function=pruned_rnnt_loss,
    module=PrunedRNNTLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"blank": 4}),
    paper="arXiv:2206.13236",
    example=_example,
)
