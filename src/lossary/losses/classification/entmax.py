"""Losses between cross-entropy and sparsemax."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

HALVINGS = 30  # of an interval no longer than 1
NEWTON = 3  # steps after these, to the last digit


@signature("real N C *, label N * -> N *", alpha="(1, 2]")
def entmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.5,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Entmax loss, :math:`(p - y)^\top z + \frac{1}{\alpha (\alpha - 1)} (1 - \sum_c p_c^\alpha)`
    with :math:`p = \mathrm{entmax}_\alpha(z)`, that is :math:`p_c = \max(0, (\alpha - 1) z_c -
    \tau)^{1 / (\alpha - 1)}` with the threshold :math:`\tau` for which they sum up to 1.

    The Fenchel-Young loss of the Tsallis entropy: from the cross-entropy, near an ``alpha`` of 1,
    to the sparsemax loss at 2. The larger it is, the more predictions are exactly zero. Predict
    with the entmax of the same ``alpha``. For 1.5 and 2, :func:`~lossary.entmax15_loss` and
    :func:`~lossary.sparsemax_loss` give the same numbers in less time; below about 1.05 take
    :func:`~lossary.cross_entropy`.

    Args:
        input: logits :math:`z`, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        alpha: the sparsity :math:`\alpha`.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Peters et al., *Sparse Sequence-to-Sequence Models*, ACL 2019; Blondel et al., *Learning
        with Fenchel-Young Losses*, JMLR 2020.

    >>> entmax_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), alpha=2.0)
    tensor(0.2500)
    """
    z = input - input.amax(1, keepdim=True)
    power = 1 / (alpha - 1)
    scaled = (alpha - 1) * z
    threshold, share = _solve(scaled.detach(), alpha)
    threshold = threshold + (share * (scaled - scaled.detach())).sum(1, keepdim=True)
    # the dual problem: where the threshold solves it, its own slope does not matter
    least = (threshold.squeeze(1) + 1 / alpha) * power
    gain = _powers(scaled - threshold, alpha * power).sum(1) / alpha
    own = z.gather(1, target.unsqueeze(1)).squeeze(1)
    units = least + gain - own
    return reduce(units + (-units.detach()).clamp(min=0), weight, reduction)  # rounding below zero


def _solve(scaled: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the threshold, and its derivative in each of ``scaled``."""
    power = 1 / (alpha - 1)
    low = torch.full_like(scaled[:, :1], -1.0)
    high = torch.full_like(low, -((1 / scaled.shape[1]) ** (alpha - 1)))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = _powers(scaled - middle, power).sum(1, keepdim=True) >= 1
        low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
    threshold = low
    for _ in range(NEWTON):
        room = scaled - threshold
        slopes = power * _powers(room, power - 1)
        excess = _powers(room, power).sum(1, keepdim=True) - 1
        threshold = threshold + excess / slopes.sum(1, keepdim=True)
    slopes = power * _powers(scaled - threshold, power - 1)
    return threshold, slopes / slopes.sum(1, keepdim=True)


def _powers(room: Tensor, power: float) -> Tensor:
    """Return powers of what is positive, and zero elsewhere."""
    inside = room > 0
    return torch.where(inside, torch.where(inside, room, 1.0) ** power, 0.0)


class EntmaxLoss(FunctionLoss):
    """Module form of :func:`entmax_loss`."""

    function = staticmethod(entmax_loss)

    def __init__(
        self, *, alpha: float = 1.5, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, ignore_index=ignore_index)


SPEC = LossSpec(
    function=entmax_loss,
    module=EntmaxLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 1.2}, {"alpha": 2.0}),
    paper="arXiv:1905.05702",
)
