"""Generalized Dice loss: one overlap of all classes, each weighted by its size."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import Maps, class_maps, overlap, ratio, reduce_samples, total


@signature("real N C *, label N * | prob N C * -> N", exponent="[0, inf)", mask="weight N *")
def generalized_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    exponent: float = 2.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generalized Dice loss, :math:`1 - 2 \sum_c w_c \sum_i p_{ic} q_{ic} / \sum_c w_c \sum_i
    (p_{ic} + q_{ic})` with :math:`w_c = (\sum_i q_{ic})^{-k}`, :math:`p = \mathrm{softmax}(x)`
    and sums over the pixels of one sample.

    For classes of very different sizes: one fraction for all classes, in which the pixels of small
    ones count for more. It jumps when a class disappears from the target, and has no slope where
    the softmax saturates; :func:`~lossary.dice_loss` is steadier.

    A class that is not in the target has no size; it gets the largest weight of the others, so
    predicting it costs as much as predicting the smallest class that is there.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
        exponent: how strongly sizes count, :math:`k`; 0 makes all classes one region.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Sudre et al., *Generalised Dice Overlap as a Deep Learning Loss Function for Highly
        Unbalanced Segmentations*, DLMIA 2017.

    >>> generalized_dice_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.6250)
    """
    maps = class_maps(input, target, mask)
    _, false_alarms, misses = overlap(maps)
    apart, sizes = false_alarms + misses, total(maps.p + maps.q, maps.mask)
    shares = _shares(maps, exponent)
    units = ratio((shares * apart).sum(1), (shares * sizes).sum(1))
    return reduce_samples(units, maps, weight, reduction)


def _shares(maps: Maps, exponent: float) -> Tensor:
    """Return the weights (N, C) of the classes, that of the smallest being 1."""
    sizes = total(maps.q, maps.mask)
    present = sizes >= torch.finfo(sizes.dtype).tiny
    smallest = sizes.masked_fill(~present, torch.inf).amin(1, keepdim=True)
    return torch.where(present, smallest / torch.where(present, sizes, 1.0), 1.0) ** exponent


class GeneralizedDiceLoss(FunctionLoss):
    """Module form of :func:`generalized_dice_loss`."""

    function = staticmethod(generalized_dice_loss)

    def __init__(
        self,
        *,
        exponent: float = 2.0,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            exponent=exponent,
            mask=mask,
        )


SPEC = LossSpec(
    function=generalized_dice_loss,
    module=GeneralizedDiceLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"exponent": 1.0}, {"exponent": 0.0}),
    paper="arXiv:1707.03237",
    exempt={"learns_from_errors": "where the softmax saturates, overlap has no slope"},
)
