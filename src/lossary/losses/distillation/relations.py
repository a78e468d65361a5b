"""Distillation of relations: how samples lie to each other, in a student and in its teacher."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize
from ..transport._points import root, squared_distances


@signature("real N P D, real N P E -> N")
def rkd_distance_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Relational distillation of distances, the mean over all pairs of samples of
    :math:`h\left( \frac{\|x_i - x_j\|}{\mu_x} - \frac{\|y_i - y_j\|}{\mu_y} \right)` with the mean
    distances :math:`\mu` and the Huber loss h.

    A student whose embeddings are as near and far from each other as its teacher's, up to scale;
    their lengths may differ. For metric learning, and added to other losses of distillation. A
    unit is a set of samples, a batch for instance, so sets of several processes add up.

    Args:
        input: the student's embeddings of sets of P samples, of shape (N, P, D); of one batch, use
            ``unsqueeze(0)``.
        target: the teacher's embeddings, of shape (N, P, E); detach them.

    References:
        Park et al., *Relational Knowledge Distillation*, CVPR 2019, eq. 5 to 8, with the mean over
        the pairs in place of their sum.

    >>> x, y = torch.tensor([[[0.0], [1.0], [2.0]]]), torch.tensor([[[0.0], [0.0], [6.0]]])
    >>> rkd_distance_loss(x, y)  # distances (1, 1, 2) / (4 / 3) and (0, 6, 6) / 4
    tensor(0.1875)
    """
    units = _huber(_distances(input) - _distances(target))
    return reduce(units.sum((1, 2)) / _pairs(input), weight, reduction)


def _huber(error: Tensor) -> Tensor:
    near = error.clamp(-1, 1)
    return near * (error - near / 2)


def _distances(points: Tensor) -> Tensor:
    distances = root(squared_distances(points, points))
    mean = distances.sum((1, 2), keepdim=True) / _pairs(points)
    return distances / torch.where(mean == 0, 1.0, mean)


def _pairs(points: Tensor) -> int:
    return max(1, points.shape[1] * (points.shape[1] - 1))


@signature("real N P D, real N P E -> N")
def rkd_angle_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Relational distillation of angles, the mean over all triples of samples of :math:`h(\cos
    \angle x_i x_j x_k - \cos \angle y_i y_j y_k)` with the Huber loss h.

    As :func:`~lossary.rkd_distance_loss`; angles say more about a shape, and cost P cubed. Where
    two samples meet, the cosines at one seen from the other are 0.

    Args:
        input: the student's embeddings of sets of P samples, of shape (N, P, D); of one batch, use
            ``unsqueeze(0)``.
        target: the teacher's embeddings, of shape (N, P, E); detach them.

    References:
        Park et al., *Relational Knowledge Distillation*, CVPR 2019, eq. 9 and 10, with the mean
        over the triples in place of their sum.

    >>> x, y = torch.tensor([[[0.0], [1.0], [2.0]]]), torch.tensor([[[1.0], [0.0], [2.0]]])
    >>> rkd_angle_loss(x, y)  # cosines (1, -1, 1) and (-1, 1, 1), so h is 1.5, 1.5 and 0
    tensor(1.)
    """
    units = _huber(_cosines(input) - _cosines(target))
    size = input.shape[1]
    # a triple with one sample twice has the cosine 0 in both, and one with both ends the same 1
    same = torch.eye(size, dtype=torch.bool, device=input.device)
    total = units.masked_fill(same, 0.0).sum((1, 2, 3))
    return reduce(total / max(1, size * (size - 1) * (size - 2)), weight, reduction)


def _cosines(points: Tensor) -> Tensor:
    """Return the cosines (N, j, i, k) of the angles at j between i and k."""
    towards = normalize(points.unsqueeze(1) - points.unsqueeze(2))
    return towards @ towards.mT


@signature("real N P D, real N P E -> N")
def similarity_preserving_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Similarity-preserving loss, :math:`\tfrac{1}{P^2} \|G_x - G_y\|_F^2`, where G has the rows
    of :math:`X X^\top` scaled to length 1.

    Samples that are alike for the teacher are alike for the student; activations of any size may
    be compared, so it needs no layer to make them fit. A unit is a set of samples, a batch for
    instance. A sample without activity is like no other.

    Args:
        input: the student's activations of sets of P samples, of shape (N, P, D); of one batch
            (P, ...), use ``flatten(1).unsqueeze(0)``.
        target: the teacher's activations, of shape (N, P, E); detach them.

    References:
        Tung and Mori, *Similarity-Preserving Knowledge Distillation*, ICCV 2019, eq. 2 to 4.

    >>> x, y = torch.eye(2).unsqueeze(0), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    >>> similarity_preserving_loss(x, y)  # two rows, each 2 - 2 / sqrt(2) apart, over 4
    tensor(0.2929)
    """
    difference = normalize(input @ input.mT) - normalize(target @ target.mT)
    units = difference.square().sum((1, 2)) / max(1, input.shape[1]) ** 2
    return reduce(units, weight, reduction)


class RKDDistanceLoss(FunctionLoss):
    """Module form of :func:`rkd_distance_loss`."""

    function = staticmethod(rkd_distance_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RKDAngleLoss(FunctionLoss):
    """Module form of :func:`rkd_angle_loss`."""

    function = staticmethod(rkd_angle_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class SimilarityPreservingLoss(FunctionLoss):
    """Module form of :func:`similarity_preserving_loss`."""

    function = staticmethod(similarity_preserving_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC

SPECS = (
    LossSpec(
        function=rkd_distance_loss,
        module=RKDDistanceLoss,
        traits=_TRAITS | Trait.SHIFT_INVARIANT,
        paper="arXiv:1904.05068",
    ),
    LossSpec(
        function=rkd_angle_loss,
        module=RKDAngleLoss,
        traits=_TRAITS | Trait.SHIFT_INVARIANT,
        paper="arXiv:1904.05068",
    ),
    LossSpec(
        function=similarity_preserving_loss,
        module=SimilarityPreservingLoss,
        traits=_TRAITS,
        paper="arXiv:1907.09682",
    ),
)
