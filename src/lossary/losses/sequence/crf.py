"""Linear-chain conditional random field: labels that depend on their neighbours."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._labels import IMPOSSIBLE, clean_labels, infinite, inside


@signature("real N T V, label N T, count:T N, real V V, real V, real V -> N")
def crf_loss(
    input: Tensor,
    target: Tensor,
    lengths: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Linear-chain conditional random field, :math:`\log \sum_z e^{s(z)} - s(y)` over all
    sequences z of labels, with :math:`s(y) = b_{y_1} + \sum_t x_{t, y_t} + \sum_t A_{y_{t-1}, y_t}
    + e_{y_T}`.

    For tagging, where one label makes another likely or forbids it: entities, parts of speech. The
    whole sequence is one event: its loss grows with its length. Label it with the best sequence
    (Viterbi), not with the best label at each place. If the labels are independent given the
    input, :func:`~lossary.cross_entropy` is simpler.

    Args:
        input: the score of each class at each place, of shape (N, T, V); anything beyond the
            length.
        target: class indices, of shape (N, T); anything beyond the length.
        lengths: the number of places of each sample, of shape (N,); without places it costs 0.
        transitions: the score of going from one class to another, of shape (V, V): ``[from, to]``;
            -inf forbids it.
        start: the score of each class at the first place, of shape (V,).
        end: the score of each class at the last place, of shape (V,).

    Raises:
        ValueError: if a label within its length is not a class.

    References:
        Lafferty et al., *Conditional Random Fields: Probabilistic Models for Segmenting and
        Labeling Sequence Data*, ICML 2001, section 3.

    >>> x, zeros = torch.zeros(1, 3, 2), torch.zeros(2)  # all of 8 sequences are alike
    >>> crf_loss(x, torch.tensor([[0, 1, 1]]), torch.tensor([3]), torch.zeros(2, 2), zeros, zeros)
    tensor(2.0794)
    """
    places, classes = input.shape[1:]
    labels = clean_labels("crf_loss", target, lengths, classes)
    here = inside(lengths, places)
    scores = input.masked_fill(~here.unsqueeze(2), 0).clamp(min=IMPOSSIBLE)
    transitions, start, end = (t.clamp(min=IMPOSSIBLE) for t in (transitions, start, end))
    if not places:
        return reduce(input.sum((1, 2)), weight, reduction)
    # the score of the labels
    chosen = scores.gather(2, labels.unsqueeze(2)).squeeze(2).sum(1)
    steps = transitions[labels[:, :-1], labels[:, 1:]].masked_fill(~here[:, 1:], 0).sum(1)
    last = labels.gather(1, (lengths - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
    score = start[labels[:, 0]] + chosen + steps + end[last]
    # the score of all
    state = start + scores[:, 0]
    for t in range(1, places):
        moved = (state.unsqueeze(2) + transitions).logsumexp(1) + scores[:, t]
        state = torch.where(here[:, t : t + 1], moved, state)
    total = (state + end).logsumexp(1)
    units = torch.where(lengths == 0, 0.0, infinite(total - score))
    return reduce(units, weight, reduction)


class CRFLoss(FunctionLoss):
    """Module form of :func:`crf_loss`.

    It owns ``transitions``, ``start`` and ``end``, which begin at zero, and is called with
    ``(input, target, lengths)``.

    Args:
        num_classes: the number V of classes.
    """

    function = staticmethod(crf_loss)

    def __init__(self, num_classes: int, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.transitions = nn.Parameter(torch.zeros(num_classes, num_classes))
        self.start = nn.Parameter(torch.zeros(num_classes))
        self.end = nn.Parameter(torch.zeros(num_classes))

    def operands(self, input: Tensor, target: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        return input, target, lengths, self.transitions, self.start, self.end


def _example(generator: Generator) -> tuple[Tensor, ...]:
    """Padding that is no class, and a sample of one place."""
    target = [[1, 1, 2, 0], [2, 1, -100, 7], [1, 2, 0, -1], [0, 5, 5, 5], [2, 2, 2, 1]]
    lengths = torch.tensor([4, 2, 3, 1, 4])
    made = (torch.randn(shape, generator=generator) for shape in ((3, 3), (3,), (3,)))
    # as many samples as there are of nothing else, or a compiler takes the two sizes for one
    scores = torch.randn(5, 4, 3, generator=generator)
    return scores, torch.tensor(target), lengths, *made


SPEC = LossSpec(
    function=crf_loss,
    module=CRFLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    paper="Lafferty et al., ICML 2001",
    example=_example,
    owned={"transitions": "transitions", "start": "start", "end": "end"},
    sizes={"num_classes": "V"},
)
