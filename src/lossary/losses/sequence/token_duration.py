"""Sequence transduction in which a step may take several frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside, require


@signature(
    "real N T L V, real N T L D, label N U, count:T N, count:U N -> N",
    blank="int [0, inf)",
    sigma="[0, inf)",
)
def tdt_loss(
    input: Tensor,
    duration: Tensor,
    target: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    durations: Sequence[int] = (0, 1, 2, 3, 4),
    blank: int = 0,
    sigma: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Token-and-duration transducer loss (TDT), :math:`-\log \sum_\pi \prod_i e^{-\sigma}
    p(\pi_i \mid t_i, u_i) \, q(d_i \mid t_i, u_i)` over all paths :math:`\pi` from the first frame
    to the end that give the target's labels in order.

    As :func:`~lossary.rnnt_loss`, but each step gives, besides a label or the blank, how many
    frames to go on, from a softmax q of its own. So a recogniser may skip frames and is faster. A
    blank takes at least one frame, and the last step is a blank that ends just behind the last
    frame. Where no path does, for want of frames or of fitting durations, the loss is infinite,
    without a gradient.

    Args:
        input: logits of the labels, of shape (N, T, U + 1, V); what lies beyond the lengths may be
            any finite numbers.
        duration: logits of the durations, of shape (N, T, U + 1, D).
        target: class indices, of shape (N, U), none of them the blank; beyond the length anything.
        input_lengths: the number of frames of each sample, of shape (N,).
        target_lengths: the number of labels of each sample, of shape (N,); 0 is fine.
        durations: the D numbers of frames that a step can take, some above 0; without 0 a frame
            gives one label at most.
        blank: the class that stands for no label.
        sigma: what is taken off the logarithms of p, which makes long steps likelier: fewer
            factors. The authors recommend 0.05. The value grows with it.

    Raises:
        ValueError: if ``input`` has not U + 1 scores per frame, ``durations`` does not name D
            different whole numbers, one above 0 and none below, a label within its length is not a
            class or is the blank, or a sample has labels but no frame.

    References:
        Xu et al., *Efficient Sequence Transduction by Jointly Predicting Tokens and Durations*,
        ICML 2023, section 3.

    >>> x, d = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)  # two frames and no label
    >>> none, two = torch.zeros(1, 0, dtype=torch.long), torch.tensor([2])
    >>> tdt_loss(x, d, none, two, two - 2, durations=(1, 2))  # -log(1/4 + 1/4 * 1/4)
    tensor(1.1632)
    """
    size, frames, places, classes = input.shape
    if places != target.shape[1] + 1:
        raise ValueError(
            "tdt_loss: input must have shape (N, T, U + 1, V) = "
            f"({size}, {frames}, {target.shape[1] + 1}, {classes}), one place more than target has "
            f"labels, got {tuple(input.shape)}"
        )
    steps = [int(d) for d in durations]
    if len(set(steps)) != duration.shape[3] or len(steps) != len(set(steps)):
        raise ValueError(
            f"tdt_loss: durations must be {duration.shape[3]} different numbers, as many as "
            f"duration has logits, got {durations!r}"
        )
    if not any(steps) or any(d < 0 for d in steps):
        raise ValueError(
            f"tdt_loss: durations must hold a number above 0 and none below, got {durations!r}"
        )
    labels = clean_labels("tdt_loss", target, target_lengths, classes, blank)
    framed = (input_lengths > 0) | (target_lengths == 0)
    few = "tdt_loss: input_lengths must be above 0 where there are labels"
    at = require(framed, few, (target, input_lengths, target_lengths))
    if at is not None:
        raise ValueError(f"{few}, got 0 at ({int(at)},)")
    # of all classes two matter: the blank, and the label that comes next, which is none at the end
    blanks = labels.new_full((size, 1), blank)
    following = torch.cat([labels, blanks], 1)
    choices = torch.stack([blanks.expand_as(following), following], 2)
    scores = input.log_softmax(3).gather(3, choices.unsqueeze(1).expand(-1, frames, -1, -1)) - sigma
    reached = inside(input_lengths, frames).unsqueeze(2)
    reached = (reached & inside(target_lengths + 1, places).unsqueeze(1)).unsqueeze(3)
    scores = scores.masked_fill(~reached, 0).clamp(min=IMPOSSIBLE)
    lasting = duration.log_softmax(3).masked_fill(~reached, 0).clamp(min=IMPOSSIBLE)
    stay, emit = scores.unbind(3)
    units = _sum_of_paths(stay, emit, lasting, steps, input_lengths, target_lengths)
    return reduce(infinite(units), weight, reduction)


def _sum_of_paths(
    stay: Tensor,
    emit: Tensor,
    lasting: Tensor,
    durations: Sequence[int],
    input_lengths: Tensor,
    target_lengths: Tensor,
) -> Tensor:
    """Forward recursion, for all places at once whose frame and labels have the same sum."""
    size, frames, places = stay.shape
    nothing = (stay + emit)[:, :0].sum(1) + lasting[:, :0].sum((1, 3))  # zeros with a gradient
    never = nothing[:, :1] + IMPOSSIBLE
    start = torch.cat([nothing[:, :1], nothing[:, 1:] + IMPOSSIBLE], 1)
    where = torch.arange(places, device=stay.device)
    ends, total = target_lengths.unsqueeze(1), input_lengths + target_lengths
    results = nothing[:, 0] + torch.where(total == 0, 0.0, IMPOSSIBLE).to(stay.dtype)
    waited: list[Tensor] = []  # for each sum so far: its states after a blank, and after a label
    emitted: list[Tensor] = []
    for step in range(frames + places if frames else 0):
        blanks = [waited[step - d][..., k] for k, d in enumerate(durations) if d and step - d >= 0]
        given = [
            torch.cat([never, emitted[step - d - 1][:, :-1, k]], 1)
            for k, d in enumerate(durations)
            if step - d - 1 >= 0
        ]
        if blanks:
            # the last step of a sample is a blank that ends behind its last frame
            arrived = torch.stack(blanks).logsumexp(0).gather(1, ends).squeeze(1)
            results = torch.where((total == step) & (input_lengths > 0), arrived, results)
        moves = [*blanks, *given]
        state = torch.stack(moves).logsumexp(0) if moves else never.expand(-1, places)
        if step == 0:
            state = start
        time = step - where
        there = (time >= 0) & (time < input_lengths.unsqueeze(1)) & (where <= ends)
        state = torch.where(there, state, IMPOSSIBLE)
        index = time.clamp(0, frames - 1).expand(size, 1, -1)
        lasts = lasting.gather(1, index.unsqueeze(3).expand(-1, -1, -1, len(durations))).squeeze(1)
        waited.append((state + stay.gather(1, index).squeeze(1)).unsqueeze(2) + lasts)
        emitted.append((state + emit.gather(1, index).squeeze(1)).unsqueeze(2) + lasts)
    return -results


class TDTLoss(FunctionLoss):
    """Module form of :func:`tdt_loss`."""

    function = staticmethod(tdt_loss)

    def __init__(
        self,
        *,
        durations: Sequence[int] = (0, 1, 2, 3, 4),
        blank: int = 0,
        sigma: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, durations=durations, blank=blank, sigma=sigma)


def _example(generator: Generator) -> tuple[Tensor, ...]:
    """Equal neighbours, an empty target, padding that is no class; class 3 can be the blank."""
    target = torch.tensor([[1, 1], [2, -100], [1, 2], [-1, 7], [2, 4], [5, 5], [4, 9]])
    lengths = torch.tensor([4, 2, 1, 4, 3, 3, 2]), torch.tensor([2, 1, 2, 0, 2, 2, 1])
    input = torch.randn(7, 4, 3, 6, generator=generator)
    return input, torch.randn(7, 4, 3, 5, generator=generator), target, *lengths


SPEC = LossSpec(
    function=tdt_loss,
    module=TDTLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=(
        {},
        {"durations": (2, 1, 0, 5, 3), "blank": 3, "sigma": 0.05},
    ),
    paper="arXiv:2304.06795",
    example=_example,
)
