"""Distillation of kernels: which samples are near to which, in a student and in its teacher."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N P D, real N P E -> N", eps="(0, inf)")
def probabilistic_knowledge_transfer_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-7,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Probabilistic knowledge transfer (PKT), the mean over the samples i of a set of
    :math:`\sum_{j \ne i} p_{j|i} \log \frac{p_{j|i}}{q_{j|i}}`, where p of the teacher and q of the
    student are shares of the similarities :math:`\tfrac12 (1 + \cos(x_i, x_j)) + \epsilon` among
    all samples but i.

    The student keeps who is a likely neighbour of whom; lengths of the embeddings and their numbers
    are free. For retrieval, and for students much smaller than their teacher. The shares are
    nearly equal, so the loss is small: it needs a large factor next to others. A unit is a set of
    samples, a batch for instance, so sets of several processes add up.

    Args:
        input: the student's embeddings of sets of P samples, of shape (N, P, D); of one batch, use
            ``unsqueeze(0)``.
        target: the teacher's embeddings, of shape (N, P, E); detach them.
        eps: what opposite samples still share, so that every logarithm is finite.

    References:
        Passalis and Tefas, *Learning Deep Representations with Probabilistic Knowledge Transfer*,
        ECCV 2018, section 3, with the cosine similarity, and with the mean over the samples in
        place of their sum.

    >>> y = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> x = torch.ones(1, 3, 1)  # p is 2/3 and 1/3 for two samples, 1/2 and 1/2 for one; q is 1/2
    >>> probabilistic_knowledge_transfer_loss(x, y)  # 2/3 * (2/3 log(4/3) + 1/3 log(2/3))
    tensor(0.0378)
    """
    size = input.shape[1]
    itself = torch.eye(size, dtype=torch.bool, device=input.device)
    log_q, log_p = (_log_shares(t, itself, eps) for t in (input, target))
    terms = log_p.exp() * (log_p - log_q)
    return reduce(terms.masked_fill(itself, 0.0).sum((1, 2)) / max(1, size), weight, reduction)


def _log_shares(points: Tensor, itself: Tensor, eps: float) -> Tensor:
    """Return the logarithms of the shares (N, P, P) in each row; on the diagonal anything."""
    points = normalize(points)
    near = ((1 + points @ points.mT) / 2).clamp(min=0) + eps
    total = near.masked_fill(itself, 0.0).sum(2, keepdim=True)
    return near.log() - torch.where(total == 0, 1.0, total).log()


@signature("real N P D, real N P E -> N", gamma="(0, inf)", order="int [1, inf)")
def correlation_congruence_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 0.4,
    order: int = 2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Correlation congruence, :math:`\tfrac{1}{P^2} \|K_x - K_y\|_F^2` with the matrices of
    :math:`k(a, b) = e^{-2\gamma} \sum_{p=0}^{q} \frac{(2\gamma)^p}{p!} \cos(a, b)^p` over the
    samples of a set.

    The kernel is the start of the series of :math:`e^{-\gamma \|a - b\|^2}` of embeddings scaled to
    length 1. Like :func:`~lossary.similarity_preserving_loss`, which compares the products
    themselves, it leaves the sizes of both embeddings free. A unit is a set of samples, a batch
    for instance; the paper fills it with several samples of each class.

    Args:
        input: the student's embeddings of sets of P samples, of shape (N, P, D); of one batch, use
            ``unsqueeze(0)``.
        target: the teacher's embeddings, of shape (N, P, E); detach them.
        gamma: how fast the similarity falls with the distance.
        order: the last power q of the series.

    References:
        Peng et al., *Correlation Congruence for Knowledge Distillation*, ICCV 2019, section 3.

    >>> x, y = torch.eye(2).unsqueeze(0), torch.ones(1, 2, 1)  # cosines 0 and 1 off the diagonal
    >>> correlation_congruence_loss(x, y, gamma=0.5, order=1)  # 2 / 4 * (1 / e) ** 2
    tensor(0.0677)
    """
    difference = _kernel(input, gamma, order) - _kernel(target, gamma, order)
    units = difference.square().sum((1, 2)) / max(1, input.shape[1]) ** 2
    return reduce(units, weight, reduction)


def _kernel(points: Tensor, gamma: float, order: int) -> Tensor:
    points = normalize(points)
    exponent = 2 * gamma * (points @ points.mT)
    total = torch.ones_like(exponent)
    for power in range(int(order), 0, -1):
        total = 1 + exponent / power * total
    return math.exp(-2 * gamma) * total


class ProbabilisticKnowledgeTransferLoss(FunctionLoss):
    """Module form of :func:`probabilistic_knowledge_transfer_loss`."""

    function = staticmethod(probabilistic_knowledge_transfer_loss)

    def __init__(self, *, eps: float = 1e-7, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class CorrelationCongruenceLoss(FunctionLoss):
    """Module form of :func:`correlation_congruence_loss`."""

    function = staticmethod(correlation_congruence_loss)

    def __init__(
        self, *, gamma: float = 0.4, order: int = 2, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, gamma=gamma, order=order)


SPECS = (
    LossSpec(
        function=probabilistic_knowledge_transfer_loss,
        module=ProbabilisticKnowledgeTransferLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
        variants=({}, {"eps": 0.1}),
        paper="arXiv:1803.10837",
    ),
    LossSpec(
        function=correlation_congruence_loss,
        module=CorrelationCongruenceLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"gamma": 1.0, "order": 4}),
        paper="arXiv:1904.01802",
    ),
)
