"""Softmax over very many classes of very different frequency, in clusters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ...validation import assert_values, check_values, is_assertable, is_readable, level


@signature(
    "real N D, real H D, real P, label N -> N", num_classes="int [2, inf)", div_value="[1, inf)"
)
def adaptive_softmax_loss(
    input: Tensor,
    head: Tensor,
    tails: Tensor,
    target: Tensor,
    *,
    cutoffs: Sequence[int],
    num_classes: int,
    div_value: float = 4.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Adaptive softmax loss, :math:`-\log p_y` for a frequent class :math:`y`, and :math:`-\log
    p_k - \log p_{y \mid k}` for one of the rare cluster :math:`k`.

    For large vocabularies: classes are sorted by falling frequency, the first ``cutoffs[0]`` share
    a softmax with the clusters of the others, and a rare class is told from its like by a softmax
    of lower rank, which is computed only for the rows that need it. The probabilities of all
    classes sum up to 1. Rare classes are represented worse; where memory is the trouble and not
    time, see :func:`~lossary.linear_cross_entropy`, which is exact.

    Under ``torch.compile`` and ``torch.func`` all clusters are computed for all rows.

    Args:
        input: hidden states, of shape (N, D).
        head: the weight of the frequent classes, and below it one row per cluster, of shape
            (H, D), where H is ``cutoffs[0] + len(cutoffs)``.
        tails: the weights of the clusters in one vector, of shape (P,): of the cluster :math:`k =
            1, 2, \dots` a projection of shape (d, D) with :math:`d = \lfloor D / v^k \rfloor`,
            followed by the weight of its classes, of shape (size, d).
        target: class indices in [0, num_classes), of shape (N,).
        cutoffs: the class that each cluster begins with, rising.
        num_classes: the number of classes.
        div_value: :math:`v`, how much shorter the projection of each next cluster is.
        ignore_index: a unit with this class index weighs nothing.

    Raises:
        ValueError: if a label is no class, the cutoffs do not rise between 0 and ``num_classes``,
            or the weights do not have the length that they ask for.

    References:
        Grave et al., *Efficient Softmax Approximation for GPUs*, ICML 2017.

    >>> x, head, tails = torch.tensor([[1.0]]), torch.tensor([[0.0], [0.0]]), torch.zeros(3)
    >>> options = {"cutoffs": [1], "num_classes": 3, "div_value": 1.0}
    >>> adaptive_softmax_loss(x, head, tails, torch.tensor([2]), **options)
    tensor(1.3863)
    """
    starts = [*cutoffs, num_classes]
    places = _places(starts, head.shape[0], tails.shape[0], input.shape[1], div_value)
    _check_labels(target, num_classes)
    # the row of the head for each class
    row = torch.arange(num_classes, device=target.device)
    for k in range(len(cutoffs)):
        row[starts[k] : starts[k + 1]] = starts[0] + k
    row = F.embedding(target, row.unsqueeze(1)).squeeze(1)
    units = F.cross_entropy(input @ head.T, row, reduction="none")
    selects = _may_select(input)
    for k, (projection, classes) in enumerate(_unpack(tails, places)):
        inside = row == starts[0] + k
        own = (target - starts[k]).clamp(0, classes.shape[0] - 1)
        if selects:
            rows = inside.nonzero().squeeze(1)
            cost = F.cross_entropy(
                input[rows] @ projection.T @ classes.T, own[rows], reduction="none"
            )
            units = units.index_add(0, rows, cost)
        else:
            cost = F.cross_entropy(input @ projection.T @ classes.T, own, reduction="none")
            units = units + torch.where(inside, cost, 0.0)
    return reduce(units, weight, reduction)


def _check_labels(target: Tensor, num_classes: int) -> None:
    """Raise ValueError if a label is no class: the signature cannot say how many there are."""
    if level() == "values":
        name = "adaptive_softmax_loss: target"
        if is_readable((target,)):
            check_values(name, "label", target, num_classes, nan=False)
        elif is_assertable((target,)):
            assert_values(name, "label", target, num_classes, nan=False)


def _may_select(input: Tensor) -> bool:
    """Whether the number of rows of a cluster may be looked at."""
    traced = torch.compiler.is_compiling() or input.is_meta
    return not traced and torch._C._functorch.peek_interpreter_stack() is None


def _places(
    starts: Sequence[int], head: int, tails: int, features: int, div_value: float
) -> list[tuple[int, int, int]]:
    """Return rank, width and size of the clusters; raise ValueError if the weights do not fit."""
    _check_cutoffs(starts)
    places = [
        (int(features // div_value ** (k + 1)), features, starts[k + 1] - starts[k])
        for k in range(len(starts) - 1)
    ]
    want = starts[0] + len(starts) - 1, sum(rank * (width + size) for rank, width, size in places)
    for name, found, wanted in zip(("head", "tails"), (head, tails), want, strict=True):
        if found != wanted:
            raise ValueError(
                f"adaptive_softmax_loss: {name} must have the length {wanted} for these cutoffs, "
                f"got {found}"
            )
    return places


def _check_cutoffs(starts: Sequence[int]) -> None:
    if len(starts) < 2 or any(b <= a for a, b in zip([0, *starts], starts, strict=False)):
        raise ValueError(
            "adaptive_softmax_loss: cutoffs must be at least one class, rising from 1 and below "
            f"num_classes, got {starts[:-1]} of {starts[-1]} classes"
        )


def _unpack(tails: Tensor, places: Sequence[tuple[int, int, int]]) -> list[tuple[Tensor, Tensor]]:
    """Return the projection and the weight of the classes of each cluster."""
    lengths = [n for rank, width, size in places for n in (rank * width, rank * size)]
    pieces = tails.split(lengths)
    return [
        (pieces[2 * k].view(rank, width), pieces[2 * k + 1].view(size, rank))
        for k, (rank, width, size) in enumerate(places)
    ]


class AdaptiveSoftmaxLoss(FunctionLoss):
    """Module form of :func:`adaptive_softmax_loss`.

    It owns the weights and is called with ``(input, target)``. They begin at random, as those of
    ``torch.nn.Linear``. ``log_prob`` gives the prediction.

    Args:
        in_features: the length D of the hidden states.
    """

    function = staticmethod(adaptive_softmax_loss)
    cutoffs: Sequence[int]
    num_classes: int
    div_value: float

    def __init__(
        self,
        in_features: int,
        *,
        cutoffs: Sequence[int],
        num_classes: int,
        div_value: float = 4.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            cutoffs=cutoffs,
            num_classes=num_classes,
            div_value=div_value,
            ignore_index=ignore_index,
        )
        starts = [*cutoffs, num_classes]
        _check_cutoffs(starts)
        ranks = [int(in_features // div_value ** (k + 1)) for k in range(len(cutoffs))]
        pieces = []
        for k, rank in enumerate(ranks):
            pieces.append(_drawn(rank, in_features).reshape(-1))
            pieces.append(_drawn(starts[k + 1] - starts[k], rank).reshape(-1))
        self.head = nn.Parameter(_drawn(starts[0] + len(cutoffs), in_features))
        self.tails = nn.Parameter(torch.cat(pieces))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.head, self.tails, target

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the logarithms of the probabilities of all classes, of shape (N, num_classes)."""
        starts = [*self.cutoffs, self.num_classes]
        places = _places(
            starts, len(self.head), len(self.tails), self.head.shape[1], self.div_value
        )
        head = (input @ self.head.T).log_softmax(1)
        parts = [head[:, : starts[0]]]
        for k, (projection, classes) in enumerate(_unpack(self.tails, places)):
            of_cluster = head[:, starts[0] + k].unsqueeze(1)
            parts.append(of_cluster + (input @ projection.T @ classes.T).log_softmax(1))
        return torch.cat(parts, 1)


def _drawn(rows: int, columns: int) -> Tensor:
    bound = max(1, columns) ** -0.5
    return torch.empty(rows, columns).uniform_(-bound, bound)


def _example(generator: Generator) -> tuple[object, ...]:
    """Make weights of 7 classes, in a head of 2 and clusters of 3 and 2, of rank 2 and 1."""
    return (
        torch.randn(5, 4, generator=generator),
        torch.randn(4, 4, generator=generator),
        torch.randn(2 * (4 + 3) + 1 * (4 + 2), generator=generator),
        torch.tensor([0, 3, 6, 1, 2]),
    )


SPEC = LossSpec(
    function=adaptive_softmax_loss,
    module=AdaptiveSoftmaxLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({"cutoffs": (2, 5), "num_classes": 7, "div_value": 2.0},),
    paper="arXiv:1609.04309",
    example=_example,
    owned={"head": "head", "tails": "tails"},
    sizes={"in_features": "D"},
)
