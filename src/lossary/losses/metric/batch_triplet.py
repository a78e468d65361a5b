"""Triplets of a batch: all of them, and those that are neither easy nor hardest."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import distances, reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._batch import same_class, taking_part


@signature("real N D, label N -> N", margin="[0, inf)")
def batch_all_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.2,
    active_only: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Batch-all triplet loss, the mean over :math:`p \in P_i` and :math:`n \in N_i` of
    :math:`\max(0, d_{ip} - d_{in} + m)` with distances :math:`d`.

    All triplets of a sample with others of its class, :math:`P_i`, and samples of other classes,
    :math:`N_i`: steadier than :func:`~lossary.batch_hard_triplet_loss`, but soon most triplets
    cost nothing and hide the others, unless the mean is over those that cost something. A sample
    without a partner of its class, or without another class, costs nothing. The mean over the
    batch weighs samples equally; with equally many samples of each class it weighs triplets
    equally. The distances of a sample are sorted instead of held against each other, so memory
    does not grow with the number of triplets.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        margin: :math:`m`, in the unit of the distance.
        active_only: whether the mean is over the triplets that cost something.

    References:
        Hermans et al., *In Defense of the Triplet Loss for Person Re-Identification*, 2017,
        section 2.

    >>> x = torch.tensor([[0.0], [2.0], [1.0], [4.0]])
    >>> batch_all_triplet_loss(x, torch.tensor([0, 0, 1, 1]), margin=0.5)
    tensor(1.2500)
    """
    given = (input, target, taking_part(weight, input), margin, active_only)
    return reduce_rows(_batch_all, given, weight, reduction, width=_width(input))


def _batch_all(
    rows: slice, x: Tensor, target: Tensor, there: Tensor, margin: float, active_only: bool
) -> Tensor:
    distance = distances(x[rows], x)
    alike, unlike = same_class(target, there, rows)
    _, (near, is_near), (far, is_far) = _sorted((distance + margin, alike), (distance, unlike))
    nearer = is_far.cumsum(1)  # for each positive, the negatives within its distance plus margin
    costs = torch.where(is_near, nearer * near - far.cumsum(1), 0.0).sum(1)
    active = torch.where(is_near, nearer, 0).sum(1)
    every = alike.sum(1) * unlike.sum(1)
    return costs / (active if active_only else every).clamp(min=1)


@signature("real N D, label N -> N", margin="[0, inf)")
def semi_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Semi-hard triplet loss, the mean over :math:`p \in P_i` of :math:`\max(0, d_{ip} - d_{in} +
    m)` with the nearest :math:`n \in N_i` that is farther than :math:`p`, and the farthest if none
    is.

    Each pair of a class is held against a sample of another that is nearly as near: the hardest,
    which may be wrongly labelled and make embeddings collapse early on, are left out. Other than
    in the paper, distances :math:`d` are not squared, as for
    :func:`~lossary.batch_hard_triplet_loss`; the farthest negative is what programs take that
    choose within the batch. A sample without a partner of its class, or without another class,
    costs nothing.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        margin: :math:`m`, in the unit of the distance.

    References:
        Schroff et al., *FaceNet*, CVPR 2015, section 3.2.

    >>> x = torch.tensor([[0.0], [2.0], [1.0], [4.0]])
    >>> semi_hard_triplet_loss(x, torch.tensor([0, 0, 1, 1]), margin=0.5)
    tensor(0.7500)
    """
    given = (input, target, taking_part(weight, input), margin)
    return reduce_rows(_semi_hard, given, weight, reduction, width=_width(input))


def _semi_hard(rows: slice, x: Tensor, target: Tensor, there: Tensor, margin: float) -> Tensor:
    distance = distances(x[rows], x)
    alike, unlike = same_class(target, there, rows)
    values, (_, is_far), (near, is_near) = _sorted((distance, unlike), (distance, alike))
    # the next negative in the order; among equals negatives stand first, so it is farther
    farther = torch.where(is_far, values, torch.inf).flip(1).cummin(1).values.flip(1)
    farthest = torch.where(unlike, distance, -torch.inf).amax(1, keepdim=True)
    chosen = torch.where(farther == torch.inf, farthest, farther)
    counts = is_near & unlike.any(1, keepdim=True)
    costs = (near - torch.where(counts, chosen, 0.0) + margin).clamp(min=0)
    return torch.where(counts, costs, 0.0).sum(1) / alike.sum(1).clamp(min=1)


Entries = tuple[Tensor, Tensor]


def _sorted(first: Entries, second: Entries) -> tuple[Tensor, Entries, Entries]:
    """Sort the masked entries of two matrices together, row by row; of equals the first ones first.

    Returns all values, and the values of each matrix at their new places, with their masks.
    """
    masks = torch.cat([first[1], second[1]], 1)
    values = torch.where(masks, torch.cat([first[0], second[0]], 1), torch.inf)
    values, place = values.sort(stable=True, dim=1)
    masks = masks.gather(1, place)
    of_first = place < first[0].shape[1]
    is_first, is_second = masks & of_first, masks & ~of_first
    return (
        values,
        (torch.where(is_first, values, 0.0), is_first),
        (torch.where(is_second, values, 0.0), is_second),
    )


def _width(input: Tensor) -> int:
    # on a GPU the gradient of torch's distances holds the differences of coordinates
    return input.numel() if input.is_cuda else 2 * len(input)


class BatchAllTripletLoss(FunctionLoss):
    """Module form of :func:`batch_all_triplet_loss`."""

    function = staticmethod(batch_all_triplet_loss)

    def __init__(
        self, *, margin: float = 0.2, active_only: bool = False, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, active_only=active_only)


class SemiHardTripletLoss(FunctionLoss):
    """Module form of :func:`semi_hard_triplet_loss`."""

    function = staticmethod(semi_hard_triplet_loss)

    def __init__(self, *, margin: float = 0.2, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPECS = (
    LossSpec(
        function=batch_all_triplet_loss,
        module=BatchAllTripletLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 1.0, "active_only": True}),
        paper="arXiv:1703.07737",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
    LossSpec(
        function=semi_hard_triplet_loss,
        module=SemiHardTripletLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 1.0}),
        paper="arXiv:1503.03832",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
)
