"""Telling a class from the others of the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import distances, reduce_rows
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import length, normalize
from ._batch import NEVER, log_sum, same_class, taking_part


@signature("real N D, label N -> N", temperature="(0, inf)")
def supervised_contrastive_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Supervised contrastive loss, :math:`-\tfrac{1}{|P_i|} \sum_{p \in P_i} \log \frac{e^{s_{ip}
    / \tau}}{\sum_{a \ne i} e^{s_{ia} / \tau}}` with cosines :math:`s`.

    For representations from labels: each sample is to be nearer to all others of its class,
    :math:`P_i`, than to the rest of the batch. A sample alone in its class costs nothing but
    counts in the mean; give it no weight if it should not. Batches need several samples per class.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        temperature: :math:`\tau`; the lower, the more the hardest candidates count.

    References:
        Khosla et al., *Supervised Contrastive Learning*, NeurIPS 2020, eq. 2, without the factor
        of temperatures of the authors' code.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> supervised_contrastive_loss(x, torch.tensor([0, 0, 1, 1]), temperature=1.0)
    tensor(0.5514)
    """
    given = (normalize(input), target, taking_part(weight, input), temperature)
    return reduce_rows(_supervised_contrastive, given, weight, reduction)


def _supervised_contrastive(
    rows: slice, x: Tensor, target: Tensor, there: Tensor, temperature: float
) -> Tensor:
    logits = x[rows] / temperature @ x.T
    alike, unlike = same_class(target, there, rows)
    log_p = logits - torch.where(alike | unlike, logits, NEVER).logsumexp(1, keepdim=True)
    count = alike.sum(1)
    return -torch.where(alike, log_p, 0.0).sum(1) / count.clamp(min=1)


@signature("real N D, label N -> N", alpha="(0, inf)", beta="(0, inf)", base="[-1, 1]")
def multi_similarity_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-similarity loss, :math:`\tfrac1\alpha \log(1 + \sum_{P_i} e^{-\alpha (s - \lambda)})
    + \tfrac1\beta \log(1 + \sum_{N_i} e^{\beta (s - \lambda)})` with cosines :math:`s`.

    For retrieval: pairs of one class that are far and pairs of two classes that are near count by
    how far they are from :math:`\lambda` and by how the others are. Without the paper's mining of
    pairs.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        alpha: :math:`\alpha`, of pairs of one class.
        beta: :math:`\beta`, of pairs of two classes.
        base: the cosine :math:`\lambda`.

    References:
        Wang et al., *Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning*,
        CVPR 2019.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> multi_similarity_loss(x, torch.tensor([0, 0, 1, 1]), alpha=1.0, beta=1.0)
    tensor(1.2685)
    """
    given = (normalize(input), target, taking_part(weight, input), alpha, beta, base)
    return reduce_rows(_multi_similarity, given, weight, reduction)


def _multi_similarity(
    rows: slice, x: Tensor, target: Tensor, there: Tensor, alpha: float, beta: float, base: float
) -> Tensor:
    excess = x[rows] @ x.T - base
    alike, unlike = same_class(target, there, rows)
    return log_sum(-alpha * excess, alike) / alpha + log_sum(beta * excess, unlike) / beta


@signature("real N D, label N -> N", margin="[0, 1]", gamma="(0, inf)")
def circle_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.4,
    gamma: float = 80.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Circle loss, :math:`\log(1 + \sum_{N_i} e^{\gamma [s + m]_+ (s - m)} \sum_{P_i} e^{-\gamma
    [1 + m - s]_+ (s - 1 + m)})` with cosines :math:`s`, the brackets without gradient.

    For recognition and retrieval: similarities that are far from where they should be pull more. A
    sample without a partner of its class, or without another class, costs nothing. Because of the
    brackets, the second derivative is not that of the value.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        margin: :math:`m`.
        gamma: the scale :math:`\gamma`.

    References:
        Sun et al., *Circle Loss: A Unified Perspective of Pair Similarity Optimization*, CVPR
        2020, eq. 6 and 8.

    >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> circle_loss(x, torch.tensor([0, 0, 1, 1]), gamma=1.0)
    tensor(0.8970)
    """
    given = (normalize(input), target, taking_part(weight, input), margin, gamma)
    return reduce_rows(_circle, given, weight, reduction)


def _circle(
    rows: slice, x: Tensor, target: Tensor, there: Tensor, margin: float, gamma: float
) -> Tensor:
    similarity = x[rows] @ x.T
    alike, unlike = same_class(target, there, rows)
    fixed = similarity.detach()
    near = -gamma * (1 + margin - fixed).clamp(min=0) * (similarity - 1 + margin)
    far = gamma * (fixed + margin).clamp(min=0) * (similarity - margin)
    both = _log_sum(near, alike) + _log_sum(far, unlike)
    complete = alike.any(1) & unlike.any(1)
    return torch.where(complete, F.softplus(torch.where(complete, both, 0.0)), 0.0)


@signature("real N D, label N -> N", margin="[0, inf)")
def batch_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Batch-hard triplet loss, :math:`\max(0, \max_{P_i} d - \min_{N_i} d + m)` with distances
    :math:`d`.

    The triplet loss of the farthest sample of the same class and the nearest of another in the
    batch. A sample without a partner of its class, or without another class, costs nothing. With
    wrong labels the hardest are the wrong ones.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        margin: :math:`m`, in the unit of the distance.

    References:
        Hermans et al., *In Defense of the Triplet Loss for Person Re-Identification*, 2017,
        section 2.

    >>> x = torch.tensor([[0.0], [2.0], [1.0], [4.0]])
    >>> batch_hard_triplet_loss(x, torch.tensor([0, 0, 1, 1]), margin=0.5)
    tensor(1.7500)
    """
    given = (input, target, taking_part(weight, input), margin)
    return reduce_rows(_batch_hard, given, weight, reduction)


def _batch_hard(rows: slice, x: Tensor, target: Tensor, there: Tensor, margin: float) -> Tensor:
    distance = distances(x[rows].detach(), x.detach())
    alike, unlike = same_class(target, there, rows)
    farthest = torch.where(alike, distance, -1.0).argmax(1)
    nearest = torch.where(unlike, distance, torch.inf).argmin(1)
    lead = length(x[rows] - x[farthest]) - length(x[rows] - x[nearest])
    complete = alike.any(1) & unlike.any(1)
    return torch.where(complete, (lead.squeeze(1) + margin).clamp(min=0), 0.0)


@signature("real N D, label N -> N", margin="[0, inf)")
def lifted_structure_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalized lifted structure loss, :math:`\max(0, \log \sum_{P_i} e^{d} + \log \sum_{N_i}
    e^{m - d})` with distances :math:`d`.

    All pairs of the batch at once, the hardest counting most. A sample without a partner of its
    class, or without another class, costs nothing.

    Args:
        input: embeddings, of shape (N, D).
        target: classes, as integers from 0, of shape (N,).
        margin: :math:`m`, in the unit of the distance.

    References:
        Oh Song et al., *Deep Metric Learning via Lifted Structured Feature Embedding*, CVPR 2016;
        Hermans et al., *In Defense of the Triplet Loss for Person Re-Identification*, 2017,
        section 2 (the generalization).

    >>> x = torch.tensor([[0.0], [2.0], [1.0], [4.0]])
    >>> lifted_structure_loss(x, torch.tensor([0, 0, 1, 1]))
    tensor(2.5455)
    """
    given = (input, target, taking_part(weight, input), margin)
    # on a GPU the gradient of torch's distances holds the differences of coordinates
    width = input.numel() if input.is_cuda else len(input)
    return reduce_rows(_lifted_structure, given, weight, reduction, width=width)


def _lifted_structure(
    rows: slice, x: Tensor, target: Tensor, there: Tensor, margin: float
) -> Tensor:
    distance = distances(x[rows], x)
    alike, unlike = same_class(target, there, rows)
    both = _log_sum(distance, alike) + _log_sum(margin - distance, unlike)
    complete = alike.any(1) & unlike.any(1)
    return torch.where(complete, both, 0.0).clamp(min=0)


def _log_sum(exponents: Tensor, mask: Tensor) -> Tensor:
    """Return the logarithm of the sum of the masked entries; of none it is very low."""
    return torch.where(mask, exponents, NEVER).logsumexp(1)


class SupervisedContrastiveLoss(FunctionLoss):
    """Module form of :func:`supervised_contrastive_loss`."""

    function = staticmethod(supervised_contrastive_loss)

    def __init__(self, *, temperature: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, temperature=temperature)


class MultiSimilarityLoss(FunctionLoss):
    """Module form of :func:`multi_similarity_loss`."""

    function = staticmethod(multi_similarity_loss)

    def __init__(
        self,
        *,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, beta=beta, base=base)


class CircleLoss(FunctionLoss):
    """Module form of :func:`circle_loss`."""

    function = staticmethod(circle_loss)

    def __init__(
        self, *, margin: float = 0.4, gamma: float = 80.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, gamma=gamma)


class BatchHardTripletLoss(FunctionLoss):
    """Module form of :func:`batch_hard_triplet_loss`."""

    function = staticmethod(batch_hard_triplet_loss)

    def __init__(self, *, margin: float = 0.2, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class LiftedStructureLoss(FunctionLoss):
    """Module form of :func:`lifted_structure_loss`."""

    function = staticmethod(lifted_structure_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPECS = (
    LossSpec(
        function=supervised_contrastive_loss,
        module=SupervisedContrastiveLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"temperature": 0.5}),
        paper="arXiv:2004.11362",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
    LossSpec(
        function=multi_similarity_loss,
        module=MultiSimilarityLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 1.0, "beta": 5.0, "base": 0.2}),
        paper="arXiv:1904.06627",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
    LossSpec(
        function=circle_loss,
        module=CircleLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 0.2, "gamma": 4.0}),
        paper="arXiv:2002.10857",
        exempt={
            "parts_add": "each sample is told from all others of the batch",
            "gradient": "its weights are constants to the gradient, by definition",
            "second_gradient": "its weights are constants to the gradient",
        },
    ),
    LossSpec(
        function=batch_hard_triplet_loss,
        module=BatchHardTripletLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 1.0}),
        paper="arXiv:1703.07737",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
    LossSpec(
        function=lifted_structure_loss,
        module=LiftedStructureLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 0.3}),
        paper="arXiv:1511.06452",
        exempt={"parts_add": "each sample is told from all others of the batch"},
    ),
)
