"""Losses whose probabilities can be exactly zero."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def sparsemax_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sparsemax loss, :math:`\tfrac12 \lVert y - z \rVert^2 - \tfrac12 \lVert p - z \rVert^2`
    with :math:`p = \mathrm{sparsemax}(z)`, the point of the simplex nearest to the logits
    :math:`z`.

    Predictions are exactly zero for most classes, and the loss is exactly zero from a margin of 1
    on. For attention-like outputs and for many classes of which few apply. Predict with the
    sparsemax, not with the softmax.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Martins and Astudillo, *From Softmax to Sparsemax*, ICML 2016, eq. 14.

    >>> sparsemax_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.2500)
    """
    z = input - input.amax(1, keepdim=True)
    ordered = z.sort(1, descending=True).values
    rank = _ranks(z)
    threshold = (ordered.cumsum(1) - 1) / rank
    inside = (ordered > threshold).sum(1, keepdim=True).clamp(min=1)
    threshold = threshold.gather(1, inside - 1)
    p = (z - threshold).clamp(min=0)
    # the dual problem: its slope is p wherever a class begins to count
    units = threshold.squeeze(1) + p.square().sum(1) / 2 + 0.5 - _own(z, target)
    return reduce(units, weight, reduction)


@signature("real N C *, label N * -> N *")
def entmax15_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""1.5-entmax loss, :math:`(p - y)^\top z + \tfrac43 (1 - \sum_c p_c^{3/2})` with :math:`p =
    \mathrm{entmax}_{1.5}(z)` of the logits :math:`z`.

    Half way between the cross-entropy and the sparsemax loss: predictions may be exactly zero, and
    the loss is smooth. Predict with the 1.5-entmax.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Peters et al., *Sparse Sequence-to-Sequence Models*, ACL 2019, eq. 13 and algorithm 2.

    >>> entmax15_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.3905)
    """
    z = input - input.amax(1, keepdim=True)
    half = z / 2
    ordered = half.sort(1, descending=True).values
    rank = _ranks(z)
    mean = ordered.cumsum(1) / rank
    spread = ordered.square().cumsum(1) - rank * mean.square()
    room = (1 - spread) / rank
    nothing = room <= 0  # its root would have an infinite slope, and the class is outside anyway
    threshold = mean - torch.where(nothing, 0.0, torch.where(nothing, 1.0, room).sqrt())
    inside = (threshold <= ordered).sum(1, keepdim=True).clamp(min=1)
    root = (half - threshold.gather(1, inside - 1)).clamp(min=0)
    units = (root.square() * z).sum(1) - _own(z, target) + 4 / 3 * (1 - (root**3).sum(1))
    return reduce(units, weight, reduction)


def _ranks(z: Tensor) -> Tensor:
    """Return 1, 2, ... C along the classes."""
    ranks = torch.arange(1, z.shape[1] + 1, dtype=z.dtype, device=z.device)
    return ranks.reshape(-1, *(1,) * (z.ndim - 2))


def _own(z: Tensor, target: Tensor) -> Tensor:
    return z.gather(1, target.unsqueeze(1)).squeeze(1)


class SparsemaxLoss(FunctionLoss):
    """Module form of :func:`sparsemax_loss`."""

    function = staticmethod(sparsemax_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


class Entmax15Loss(FunctionLoss):
    """Module form of :func:`entmax15_loss`."""

    function = staticmethod(entmax15_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=sparsemax_loss,
        module=SparsemaxLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        paper="arXiv:1602.02068",
    ),
    LossSpec(
        function=entmax15_loss,
        module=Entmax15Loss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        paper="arXiv:1905.05702",
    ),
)
