"""Hinge losses of several classes."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.by_hand import ByHand
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait

REDUCTIONS = {"mean": 1, "sum": 2}  # as torch's kernels number them


@signature("real N C *, label N * -> N *", p="[1, inf)", margin="[0, inf)", class_weight="weight C")
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: float = 1.0,
    margin: float = 1.0,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-class hinge loss of Weston and Watkins,
    :math:`\frac1C \sum_{c \neq y} \max(0, m - f_y + f_c)^p`.

    Every class that comes too near the true one costs. Like PyTorch's, it divides by the number
    of classes.

    Args:
        input: scores, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        p: the power; 1 is the hinge, 2 its square.
        margin: the lead :math:`m` that the true class has to have.
        class_weight: the weight of each class, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Weston and Watkins, *Support Vector Machines for Multi-Class Pattern Recognition*, ESANN
        1999, section 3.

    >>> multi_margin_loss(torch.tensor([[0.5, 1.0, 0.0]]), torch.tensor([0]))
    tensor(0.6667)
    """
    own = None if class_weight is None else class_weight[target]
    weight = weigh(own, weight)
    if p in (1, 2) and input.ndim == 2:
        return _MULTI_MARGIN.reduce(input, target, weight, reduction, p=int(p), margin=margin)
    return reduce(_units(input, target, p=p, margin=margin), weight, reduction)


def _units(input: Tensor, target: Tensor, *, p: float, margin: float) -> Tensor:
    return (_lead(input, target, margin).clamp(min=0) ** p).sum(1) / input.shape[1]


def _value(
    input: Tensor, target: Tensor, reduction: Reduction, *, p: int, margin: float
) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    if not math.isfinite(input.sum().item()):
        return None  # torch's kernel takes a nan for nothing
    return F.multi_margin_loss(input, target, p, margin, reduction=reduction), ()


def _gradient(
    incoming: Tensor, reduction: Reduction, input: Tensor, target: Tensor, *, p: int, margin: float
) -> Tensor:
    kernel, number = torch.ops.aten.multi_margin_loss_backward.default, REDUCTIONS[reduction]
    return cast(Tensor, kernel(incoming, input, target, p, margin, None, number))


_MULTI_MARGIN = ByHand(_units, _value, _gradient, recordable=False)


@signature("real N C *, label N * -> N *", margin="[0, inf)")
def crammer_singer_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-class hinge loss of Crammer and Singer,
    :math:`\max(0, m + \max_{c \neq y} f_c - f_y)`.

    Only the strongest wrong class costs.

    Args:
        input: scores, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        margin: the lead :math:`m` that the true class has to have.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Crammer and Singer, *On the Algorithmic Implementation of Multiclass Kernel-based Vector
        Machines*, Journal of Machine Learning Research 2001, eq. 2.

    >>> crammer_singer_loss(torch.tensor([[0.5, 1.0, 0.0]]), torch.tensor([0]))
    tensor(1.5000)
    """
    return reduce(_lead(input, target, margin).amax(1).clamp(min=0), weight, reduction)


def _lead(input: Tensor, target: Tensor, margin: float) -> Tensor:
    """Return for each class what the true class lacks of its lead over it; for itself nothing."""
    index = target.unsqueeze(1)
    # scores before the margin: added to a large score first, the margin would be rounded away
    return (margin + (input - input.gather(1, index))).scatter(1, index, 0.0)


class MultiMarginLoss(FunctionLoss):
    """Module form of :func:`multi_margin_loss`."""

    function = staticmethod(multi_margin_loss)

    def __init__(
        self,
        *,
        p: float = 1.0,
        margin: float = 1.0,
        class_weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, p=p, margin=margin, class_weight=class_weight, ignore_index=ignore_index
        )


class CrammerSingerLoss(FunctionLoss):
    """Module form of :func:`crammer_singer_loss`."""

    function = staticmethod(crammer_singer_loss)

    def __init__(
        self, *, margin: float = 1.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=multi_margin_loss,
        module=MultiMarginLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"p": 2.0, "margin": 0.5},
            {"class_weight": torch.tensor([0.5, 2.0, 1.0])},
        ),
        paper="Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition, "
        "ESANN 1999",
    ),
    LossSpec(
        function=crammer_singer_loss,
        module=CrammerSingerLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"margin": 0.5}),
        paper="Crammer and Singer, Journal of Machine Learning Research 2, 2001",
    ),
)
