"""Area under the ROC curve, by all pairs of a positive and a negative of the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N, prob N -> N", margin="[0, inf)")
def auc_squared_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pairwise squared hinge loss for the AUC, of each positive :math:`i` the mean of
    :math:`\max(0, m - (s_i - s_j))^2` over the negatives :math:`j`.

    For the area under the ROC curve of imbalanced binary classes, the part of the pairs that are in
    the right order. Only differences count, so scores are not probabilities. Batches must hold
    both classes, and memory grows with the square of the batch.

    The unit is a positive; negatives weigh nothing themselves, but one of zero ``weight`` is not
    compared with. Positives are compared within the batch, so micro-batches do not add up to the
    loss of the whole. Without negatives the loss is zero.

    Args:
        input: scores :math:`s`, of shape (N,).
        target: labels 0 and 1, of shape (N,); a number between counts in part on either side.
        margin: the wanted difference :math:`m`.

    References:
        Gao and Zhou, *On the Consistency of AUC Pairwise Optimization*, IJCAI 2015.

    >>> x, y = torch.tensor([0.5, 0.0, -2.0]), torch.tensor([1.0, 0.0, 0.0])
    >>> auc_squared_hinge_loss(x, y)
    tensor(0.1250)
    """
    return reduce(
        _mean_of_negatives(_hinges(input, margin), target, weight), weigh(target, weight), reduction
    )


@signature("real N, prob N -> N", scale="(0, inf)")
def auc_logistic_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pairwise logistic loss for the AUC, of each positive :math:`i` the mean of :math:`\log(1 +
    e^{-k (s_i - s_j)})` over the negatives :math:`j`.

    For the area under the ROC curve, as :func:`~lossary.auc_squared_hinge_loss`; pairs far in the
    wrong order pull with constant force instead of ever more, and no pair is ever done.

    The unit is a positive; negatives weigh nothing themselves, but one of zero ``weight`` is not
    compared with. Positives are compared within the batch, so micro-batches do not add up to the
    loss of the whole. Without negatives the loss is zero.

    Args:
        input: scores :math:`s`, of shape (N,).
        target: labels 0 and 1, of shape (N,); a number between counts in part on either side.
        scale: the steepness :math:`k`.

    References:
        Gao and Zhou, *On the Consistency of AUC Pairwise Optimization*, IJCAI 2015.

    >>> auc_logistic_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]))
    tensor(0.6931)
    """
    cost = F.softplus(-scale * (input.unsqueeze(1) - input))
    return reduce(_mean_of_negatives(cost, target, weight), weigh(target, weight), reduction)


@signature("real N, prob N -> N", margin="[0, inf)", temperature="(0, inf)")
def partial_auc_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Partial AUC loss, of each positive :math:`i` :math:`\lambda \log \frac1{n_-} \sum_j
    e^{\ell_{ij} / \lambda}` with :math:`\ell_{ij} = \max(0, m - (s_i - s_j))^2` over the
    :math:`n_-` negatives :math:`j`.

    For the left part of the ROC curve, where few negatives are let through: negatives of high score
    count more, by a distribution that is robust within a Kullback-Leibler distance. A large
    ``temperature`` gives :func:`~lossary.auc_squared_hinge_loss`, a small one the hardest negative
    alone. Over small batches it is less than over the whole data.

    The unit is a positive; negatives weigh nothing themselves, but one of zero ``weight`` is not
    compared with. Positives are compared within the batch, so micro-batches do not add up to the
    loss of the whole. Without negatives the loss is zero.

    Args:
        input: scores :math:`s`, of shape (N,).
        target: labels 0 and 1, of shape (N,); a number between counts in part on either side.
        margin: the wanted difference :math:`m`.
        temperature: :math:`\lambda`.

    References:
        Zhu et al., *When AUC meets DRO: Optimizing Partial AUC for Deep Learning with Non-Convex
        Convergence Guarantee*, ICML 2022.

    >>> x, y = torch.tensor([0.0, 0.0, -2.0]), torch.tensor([1.0, 0.0, 0.0])
    >>> partial_auc_loss(x, y)
    tensor(0.6201)
    """
    share = _negatives(target, weight)
    there = share > 0
    some = there.any()
    logs = _hinges(input, margin) / temperature + torch.where(there, share, 1.0).log()
    total = torch.where(there | ~some, logs, -torch.inf).logsumexp(1)
    units = temperature * (total - torch.where(some, share.sum(), 1.0).log())
    return reduce(torch.where(some, units, 0.0), weigh(target, weight), reduction)


def _hinges(score: Tensor, margin: float) -> Tensor:
    return (margin - (score.unsqueeze(1) - score)).clamp(min=0).square()


def _negatives(target: Tensor, weight: Tensor | None) -> Tensor:
    return 1 - target if weight is None else (1 - target) * (weight != 0)


def _mean_of_negatives(pairs: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    share = _negatives(target, weight)
    total = share.sum()
    return (pairs * share).sum(1) / torch.where(total == 0, 1.0, total)


class AUCSquaredHingeLoss(FunctionLoss):
    """Module form of :func:`auc_squared_hinge_loss`."""

    function = staticmethod(auc_squared_hinge_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class AUCLogisticLoss(FunctionLoss):
    """Module form of :func:`auc_logistic_loss`."""

    function = staticmethod(auc_logistic_loss)

    def __init__(self, *, scale: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


class PartialAUCLoss(FunctionLoss):
    """Module form of :func:`partial_auc_loss`."""

    function = staticmethod(partial_auc_loss)

    def __init__(
        self, *, margin: float = 1.0, temperature: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, temperature=temperature)


_EXEMPT = {"parts_add": "positives and negatives are compared across the whole batch"}

SPECS = (
    LossSpec(
        function=auc_squared_hinge_loss,
        module=AUCSquaredHingeLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"margin": 0.3}),
        paper="arXiv:1208.0645",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=auc_logistic_loss,
        module=AUCLogisticLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"scale": 3.0}),
        paper="arXiv:1208.0645",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=partial_auc_loss,
        module=PartialAUCLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"margin": 0.3, "temperature": 0.1}),
        paper="arXiv:2203.00176",
        exempt=_EXEMPT,
    ),
)
