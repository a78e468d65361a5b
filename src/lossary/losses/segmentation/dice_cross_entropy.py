"""Dice loss and cross-entropy together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ..classification.cross_entropy import cross_entropy
from ._regions import (
    average,
    class_maps,
    class_mean,
    dice,
    pixel_mean,
    pixels,
    reduce_samples,
    region_maps,
)


@signature(
    "real N C *, label N * | prob N C * -> N",
    dice_weight="[0, inf)",
    cross_entropy_weight="[0, inf)",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def dice_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    dice_weight: float = 1.0,
    cross_entropy_weight: float = 1.0,
    squared: bool = False,
    smooth: float = 1e-5,
    class_weight: Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss plus cross-entropy, :math:`a D + b H`, of exclusive classes in each sample, with
    :math:`D` of :func:`~lossary.dice_loss` and :math:`H` the mean of :math:`-\log p_y` over the
    pixels.

    The usual choice for medical images: the cross-entropy has a slope wherever the network is
    wrong, and the Dice loss sees small regions. If calibrated probabilities matter more than
    overlap, use :func:`~lossary.cross_entropy` alone. For one region, with one channel, use
    :func:`~lossary.dice_binary_cross_entropy_loss`: a softmax over one class knows nothing.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
        dice_weight: the factor :math:`a` of the Dice loss.
        cross_entropy_weight: the factor :math:`b` of the cross-entropy.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q` in the Dice loss.
        smooth: the number of pixels that are thought to agree beforehand in the Dice loss.
        class_weight: the weight of each class, of shape (C,), in both means: over the classes and,
            by their class, over the pixels of a sample.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Isensee et al., *nnU-Net*, Nature Methods 2021, online methods.

    >>> dice_cross_entropy_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(1.2265)
    """
    maps = class_maps(input, target, mask)
    overlap = class_mean(dice(maps, squared=squared, smooth=smooth), class_weight)
    labels = maps.q if target.is_floating_point() else pixels(target, 1)
    entropies = cross_entropy(maps.logits, labels, class_weight=class_weight, reduction="none")
    units = dice_weight * overlap
    units = units + cross_entropy_weight * pixel_mean(entropies, maps, class_weight)
    return reduce_samples(units, maps, weight, reduction)


@signature(
    "real N *, prob N * -> N",
    dice_weight="[0, inf)",
    cross_entropy_weight="[0, inf)",
    smooth="[0, inf)",
    mask="weight N *",
)
def dice_binary_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    dice_weight: float = 1.0,
    cross_entropy_weight: float = 1.0,
    squared: bool = False,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss plus binary cross-entropy, :math:`a D + b H`, of one region in each sample, with
    :math:`D` of :func:`~lossary.sigmoid_dice_loss` and :math:`H` the mean of :math:`-q \log p -
    (1 - q) \log(1 - p)` over the pixels.

    For foreground against background: the cross-entropy has a slope wherever the network is
    wrong, and the Dice loss sees small regions. If calibrated probabilities matter more than
    overlap, use :func:`~lossary.binary_cross_entropy_with_logits` alone. Channels have losses of
    their own with ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        dice_weight: the factor :math:`a` of the Dice loss.
        cross_entropy_weight: the factor :math:`b` of the cross-entropy.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q` in the Dice loss.
        smooth: the number of pixels that are thought to agree beforehand in the Dice loss.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Isensee et al., *nnU-Net*, Nature Methods 2021, online methods.

    >>> dice_binary_cross_entropy_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(1.1931)
    """
    maps = region_maps(input, target, mask)
    entropies = F.binary_cross_entropy_with_logits(maps.logits, maps.q, reduction="none")
    units = dice_weight * dice(maps, squared=squared, smooth=smooth)
    units = units + cross_entropy_weight * average(entropies, maps.mask)
    return reduce_samples(units, maps, weight, reduction)


class DiceCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`dice_cross_entropy_loss`."""

    function = staticmethod(dice_cross_entropy_loss)

    def __init__(
        self,
        *,
        dice_weight: float = 1.0,
        cross_entropy_weight: float = 1.0,
        squared: bool = False,
        smooth: float = 1e-05,
        class_weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            dice_weight=dice_weight,
            cross_entropy_weight=cross_entropy_weight,
            squared=squared,
            smooth=smooth,
            class_weight=class_weight,
            mask=mask,
        )


class DiceBinaryCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`dice_binary_cross_entropy_loss`."""

    function = staticmethod(dice_binary_cross_entropy_loss)

    def __init__(
        self,
        *,
        dice_weight: float = 1.0,
        cross_entropy_weight: float = 1.0,
        squared: bool = False,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            dice_weight=dice_weight,
            cross_entropy_weight=cross_entropy_weight,
            squared=squared,
            smooth=smooth,
            mask=mask,
        )


SPECS = (
    LossSpec(
        function=dice_cross_entropy_loss,
        module=DiceCrossEntropyLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"dice_weight": 0.5, "cross_entropy_weight": 2.0, "squared": True},
            {"smooth": 1.0, "class_weight": torch.tensor([0.5, 2.0, 1.0])},
        ),
        paper="doi:10.1038/s41592-020-01008-z",
    ),
    LossSpec(
        function=dice_binary_cross_entropy_loss,
        module=DiceBinaryCrossEntropyLoss,
        traits=Trait.NONNEGATIVE,
        variants=(
            {},
            {"dice_weight": 0.5, "cross_entropy_weight": 2.0, "squared": True, "smooth": 0.5},
        ),
        paper="doi:10.1038/s41592-020-01008-z",
    ),
)
