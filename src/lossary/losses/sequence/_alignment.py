"""The probability of labels under all their alignments with frames."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ...reduction import weigh
from ...validation import is_plain
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside, require

Infeasible = Literal["raise", "ignore"]


def alignment_units(
    loss: str,
    log_probs: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int,
    infeasible: Infeasible,
    weight: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """Return minus the logarithm of the probability of each sample's labels, and its weight.

    Raises:
        ValueError: if a label is wrong, or a sample has more labels than its frames can hold.
    """
    if infeasible not in ("raise", "ignore"):
        raise ValueError(f"{loss}: infeasible must be 'raise' or 'ignore', got {infeasible!r}")
    labels = clean_labels(loss, target, target_lengths, log_probs.shape[2], blank)
    # the classes that matter: the blank, which no label is, and the labels of the sample
    columns = torch.cat([labels.new_full((len(labels), 1), blank), labels], 1)
    same = columns[:, 1:] == columns[:, :-1]
    # one frame for each label, and one for a blank between two that are equal
    needed = target_lengths + (same & inside(target_lengths, same.shape[1])).sum(1)
    feasible = needed <= input_lengths
    # where nobody looked at the lengths, they must not reach other memory either
    frames, places = (
        input_lengths.clamp(0, log_probs.shape[1]),
        target_lengths.clamp(0, labels.shape[1]),
    )
    units = _nll(log_probs, columns, same, frames, places)
    if infeasible == "ignore":
        return torch.where(feasible, units, 0.0), weigh(feasible, weight)
    few = f"{loss}: every sample needs a frame per label, and one between two equal labels"
    at = require(feasible, few, (target, input_lengths, target_lengths))
    if at is not None:
        n = int(at)
        raise ValueError(
            f"{loss}: sample {n} has {target_lengths[n].item()} labels that need "
            f"{needed[n].item()} frames, one per label and one between two equal labels, but "
            f"input_lengths gives it {input_lengths[n].item()}; give it more frames, or use "
            "infeasible='ignore', and it weighs nothing"
        )
    return units, weight


def _nll(
    log_probs: Tensor, columns: Tensor, same: Tensor, input_lengths: Tensor, target_lengths: Tensor
) -> Tensor:
    """Return minus the logarithm of the sum over alignments; infinity if there is none.

    Args:
        log_probs: of shape (N, T, V).
        columns: the blank, then the labels of the sample, of shape (N, S + 1).
        same: whether a label equals the one before it, of shape (N, S).
        input_lengths: how many of the T frames count.
        target_lengths: how many of the S labels count.
    """
    scores = log_probs.gather(2, columns.unsqueeze(1).expand(-1, log_probs.shape[1], -1))
    tensors = (scores, same, input_lengths, target_lengths)
    if not _has_kernel(scores):
        return infinite(_sum_of_paths(*tensors))
    units: Tensor = _Kernel.apply(*tensors)  # type: ignore[no-untyped-call]  # torch's has no annotations
    return units


def _has_kernel(scores: Tensor) -> bool:
    """Whether torch's kernel may be called: on plain tensors that hold something."""
    if not is_plain((scores,)) or forward_ad._current_level >= 0:
        return False
    return (scores.is_cpu or scores.is_cuda) and scores.numel() > 0 and scores.shape[2] > 1


def _sum_of_paths(
    scores: Tensor, same: Tensor, input_lengths: Tensor, target_lengths: Tensor
) -> Tensor:
    """Graves' forward recursion, over blanks and labels apart, for all samples and labels at once.

    Args:
        scores: log-probabilities of shape (N, T, S + 1), the blank first, then each label.
        same: whether a label equals the one before it, of shape (N, S).
    """
    scores = scores.clamp(min=IMPOSSIBLE)
    nothing = scores[:, :0].sum(1)  # zeros, with a gradient where there are no frames too
    never = nothing + IMPOSSIBLE
    # blanks[s] ends in the blank after s labels, labels[s] in the s-th label; labels[0] is none
    blanks = torch.cat([nothing[:, :1], never[:, 1:]], 1)
    labels = never
    running = inside(input_lengths, scores.shape[1])
    for t, score in enumerate(scores.unbind(1)):
        either = _log_add(blanks, labels)
        # an equal label must be kept apart by a blank
        before = torch.where(same, blanks[:, :-1], either[:, :-1])
        new = score[:, 1:] + _log_add(labels[:, 1:], before)
        on = running[:, t : t + 1]
        labels = torch.where(on, torch.cat([never[:, :1], new], 1), labels)
        blanks = torch.where(on, score[:, :1] + either, blanks)
    return -_log_add(blanks, labels).gather(1, target_lengths.unsqueeze(1)).squeeze(1)


def _log_add(a: Tensor, b: Tensor) -> Tensor:
    # its derivatives are smooth and bounded to any order; those of logaddexp overflow
    return torch.stack([a, b]).logsumexp(0)


class _Kernel(torch.autograd.Function):
    """The same by torch's kernel; its gradient by running the kernel from the end as well.

    torch's own gradient is that of the logits before a log-softmax, as a difference in which long
    sequences and large logits leave no digits in single precision.
    """

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, same: Tensor, input_lengths: Tensor, target_lengths: Tensor
    ) -> Tensor:
        # equal neighbours must be of one class: that of the first
        places = torch.arange(1, scores.shape[2], device=scores.device).expand_as(same)
        classes = places.masked_fill(same, 0).cummax(1).values
        units, alphas = _forward_sums(scores, classes, input_lengths, target_lengths)
        # the kernel wants a frame; without frames nothing is certain, and all else impossible
        nothing = torch.where(target_lengths == 0, 0.0, torch.inf).to(units.dtype)
        units = infinite(torch.where(input_lengths == 0, nothing, units))
        ctx.save_for_backward(scores, same, input_lengths, target_lengths, classes, units, alphas)
        return units

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scores, same, input_lengths, target_lengths, classes, units, alphas = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants to derive the gradient too
            again = infinite(_sum_of_paths(scores, same, input_lengths, target_lengths))
            (slope,) = torch.autograd.grad(again, scores, gradient, create_graph=True)
            return slope, None, None, None
        size, frames, states = alphas.shape
        lengths = torch.where(units.isfinite(), input_lengths, 0)
        running = inside(lengths, frames)
        first = torch.arange(0, size * frames, frames, device=scores.device).unsqueeze(1)
        back = (_reversed(lengths, running) + first).flatten()
        _, betas = _forward_sums(
            scores.flatten(0, 1).index_select(0, back).view_as(scores),
            classes.gather(1, _reversed(target_lengths, inside(target_lengths, same.shape[1]))),
            lengths,
            target_lengths,
        )
        ends = 2 * target_lengths + 1
        betas = betas.flatten(0, 1).index_select(0, back).view_as(alphas)
        reached = inside(ends, states)
        mirrored = _reversed(ends, reached).unsqueeze(1)
        betas = betas.gather(2, mirrored.expand_as(betas))
        sums = alphas + betas  # which have both counted the state's own score
        counted, labels = scores.clamp(min=IMPOSSIBLE), slice(1, 1 + states // 2)
        sums[:, :, ::2] -= counted[:, :, :1]
        sums[:, :, 1::2] -= counted[:, :, labels]
        # at every frame the shares of the states are 1 in sum, whatever the rounding before
        shares = torch.where(reached.unsqueeze(1), sums, -torch.inf).softmax(2)
        slope = torch.zeros_like(scores)
        slope[:, :, 0] = shares[:, :, ::2].sum(2)
        slope[:, :, labels] = shares[:, :, 1::2]
        slope *= -gradient.reshape(-1, 1, 1)
        # beyond the lengths the kernel leaves whatever was in the memory before
        slope = torch.where(running.unsqueeze(2), slope, 0.0)
        return slope, None, None, None


def _forward_sums(
    scores: Tensor, classes: Tensor, input_lengths: Tensor, target_lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the losses, and the logarithms of the sums of the beginnings of paths."""
    scores = scores.transpose(0, 1)
    lengths = input_lengths.clamp(min=1), target_lengths
    units, alphas = torch._ctc_loss(scores, classes, *lengths, 0, False)
    return units, alphas


def _reversed(lengths: Tensor, within: Tensor) -> Tensor:
    """Return the places that reverse what lies ``within`` each length, of shape (N, size)."""
    places = torch.arange(within.shape[1], device=lengths.device)
    return torch.where(within, lengths.unsqueeze(1) - 1 - places, places)
