"""Binary classification from positives and samples without a label."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real N, prob N -> N", prior="(0, 1)")
def pu_loss(
    input: Tensor,
    target: Tensor,
    *,
    prior: float,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Unbiased positive-unlabelled loss, whose mean is :math:`\pi \, \overline{\ell(x) -
    \ell(-x)}^{\,+} + \overline{\ell(-x)}^{\,u}` with :math:`\ell(z) = \log(1 + e^{-z})` and the
    means over positives and over samples without a label.

    For data of which only some positives are marked, and the others may be either. In expectation
    it is the cross-entropy of fully labelled data, if the marked positives are as the others and
    ``prior`` is right. A flexible network drives it below zero and overfits; for such see
    :func:`~lossary.nnpu_loss`.

    Each unit is multiplied by the number of units over that of its kind, counted over those of the
    batch that take part, so micro-batches do not add up to the loss of the whole.

    Args:
        input: logits, of shape (N,).
        target: 1 for positives, 0 for samples without a label, of shape (N,).
        prior: the part :math:`\pi` of positives among the samples without a label.

    References:
        du Plessis et al., *Convex Formulation for Learning from Positive and Unlabeled Data*, ICML
        2015.

    >>> pu_loss(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0]), prior=0.5)
    tensor(0.1931)
    """
    positive, negative = _risks(input, target, prior, weight)
    return reduce(positive + negative, weight, reduction)


@signature("real N, prob N -> N", prior="(0, 1)", beta="[0, inf)")
def nnpu_loss(
    input: Tensor,
    target: Tensor,
    *,
    prior: float,
    beta: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Non-negative positive-unlabelled loss, whose mean is :math:`\pi \, \overline{\ell(x)}^{\,+}
    + \max\big(-\beta, \overline{\ell(-x)}^{\,u} - \pi \, \overline{\ell(-x)}^{\,+}\big)` with
    :math:`\ell(z) = \log(1 + e^{-z})` and the means over positives and over samples without a
    label.

    For data of which only some positives are marked, and networks flexible enough to overfit
    :func:`~lossary.pu_loss`: the part that stands for the negatives cannot be below zero in truth,
    so where it is, it is not followed. (The paper's algorithm climbs back there; here its
    :math:`\gamma` is 0.) Batches need enough positives for their mean to say something.

    Each unit is multiplied by the number of units over that of its kind, counted over those of the
    batch that take part, so micro-batches do not add up to the loss of the whole.

    Args:
        input: logits, of shape (N,).
        target: 1 for positives, 0 for samples without a label, of shape (N,).
        prior: the part :math:`\pi` of positives among the samples without a label.
        beta: how far below zero, :math:`\beta`, the part for the negatives may fall.

    References:
        Kiryo et al., *Positive-Unlabeled Learning with Non-Negative Risk Estimator*, NeurIPS 2017,
        with the logistic loss.

    >>> nnpu_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), prior=0.5)
    tensor(0.6931)
    """
    positive, negative = _risks(input, target, prior, weight)
    there = torch.ones_like(input) if weight is None else (weight != 0).to(input.dtype)
    risk = (negative * there).sum() / there.sum().clamp(min=1)
    return reduce(positive + torch.where(risk > -beta, negative, -beta), weight, reduction)


def _risks(x: Tensor, target: Tensor, prior: float, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the shares of the units in the risks of positives and of negatives."""
    there = torch.ones_like(x) if weight is None else (weight != 0).to(x.dtype)
    marked, rest = target * there, (1 - target) * there
    marked = prior * target * _inverse_share(marked, there)
    rest = (1 - target) * _inverse_share(rest, there)
    return marked * F.softplus(-x), (rest - marked) * F.softplus(x)


def _inverse_share(part: Tensor, whole: Tensor) -> Tensor:
    total = part.sum()
    return whole.sum() / torch.where(total == 0, 1.0, total)


class PULoss(FunctionLoss):
    """Module form of :func:`pu_loss`."""

    function = staticmethod(pu_loss)

    def __init__(self, *, prior: float, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, prior=prior)


class NNPULoss(FunctionLoss):
    """Module form of :func:`nnpu_loss`."""

    function = staticmethod(nnpu_loss)

    def __init__(self, *, prior: float, beta: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, prior=prior, beta=beta)


_EXEMPT = {"parts_add": "positives and others are counted over the whole batch"}

SPECS = (
    LossSpec(
        function=pu_loss,
        module=PULoss,
        variants=({"prior": 0.3}, {"prior": 0.7}),
        paper="du Plessis et al., Convex Formulation for Learning from PU Data, ICML 2015",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=nnpu_loss,
        module=NNPULoss,
        variants=({"prior": 0.3}, {"prior": 0.9, "beta": 0.1}),
        paper="arXiv:1703.00593",
        exempt=_EXEMPT,
    ),
)
