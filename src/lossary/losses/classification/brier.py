"""Proper scores besides the logarithm."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def brier_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Brier score, :math:`\sum_c (p_c - 1[c = y])^2` with :math:`p = \mathrm{softmax}(x)`.

    A proper score between 0 and 2: its minimum is the true distribution. Being sure and wrong
    costs no more than 2 and has next to no gradient, so it resists wrong labels and starts slowly.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Brier, *Verification of Forecasts Expressed in Terms of Probability*, Monthly Weather
        Review 1950, eq. 2.

    >>> brier_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.5000)
    """
    p = input.softmax(1)
    truth = F.one_hot(target, input.shape[1]).movedim(-1, 1)
    return reduce((p - truth).square().sum(1), weight, reduction)


@signature("real N C *, label N * -> N *")
def spherical_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Spherical score, :math:`1 - p_y / \lVert p \rVert_2` with :math:`p = \mathrm{softmax}(x)`.

    A proper score between 0 and 1, bounded like :func:`~lossary.brier_loss`.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Gneiting and Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, JASA
        2007, example 2.

    >>> spherical_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(0.2929)
    """
    # relative to the largest, the length cannot vanish
    p = (input - input.amax(1, keepdim=True)).exp()
    own = p.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(1 - own / p.square().sum(1).sqrt(), weight, reduction)


class BrierLoss(FunctionLoss):
    """Module form of :func:`brier_loss`."""

    function = staticmethod(brier_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


class SphericalLoss(FunctionLoss):
    """Module form of :func:`spherical_loss`."""

    function = staticmethod(spherical_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=brier_loss,
        module=BrierLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        paper="doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
        exempt={"learns_from_errors": "a bounded score is flat where the answer is sure and wrong"},
    ),
    LossSpec(
        function=spherical_loss,
        module=SphericalLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        paper="doi:10.1198/016214506000001437",
        exempt={"learns_from_errors": "a bounded score is flat where the answer is sure and wrong"},
    ),
)
