"""Dice loss and focal loss together."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ..binary.sigmoid_focal import sigmoid_focal_loss
from ..classification.focal import focal_loss
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
    "real N C *, label N * -> N",
    dice_weight="[0, inf)",
    focal_weight="[0, inf)",
    gamma="[0, inf)",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def dice_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    dice_weight: float = 1.0,
    focal_weight: float = 1.0,
    gamma: float = 2.0,
    squared: bool = False,
    smooth: float = 1e-5,
    class_weight: Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss plus focal loss, :math:`a D + b F`, of exclusive classes in each sample, with
    :math:`D` of :func:`~lossary.dice_loss` and :math:`F` the mean of :math:`-(1 - p_y)^\gamma
    \log p_y` over the pixels.

    For small structures in images that are mostly easy background: as
    :func:`~lossary.dice_cross_entropy_loss`, but pixels that are right by far count for less. The
    probabilities are less reliable for it.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        dice_weight: the factor :math:`a` of the Dice loss.
        focal_weight: the factor :math:`b` of the focal loss; the paper takes 0.5.
        gamma: focusing strength of the focal loss; 0 gives cross-entropy.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q` in the Dice loss.
        smooth: the number of pixels that are thought to agree beforehand in the Dice loss.
        class_weight: the weight of each class, of shape (C,), in both means: over the classes and,
            by their class, over the pixels of a sample.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Zhu et al., *AnatomyNet*, Medical Physics 2019, which sums the Dice losses over the
        classes instead of taking their mean.

    >>> dice_focal_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.7066)
    """
    maps = class_maps(input, target, mask)
    overlap = class_mean(dice(maps, squared=squared, smooth=smooth), class_weight)
    hard = focal_loss(
        maps.logits, pixels(target, 1), gamma=gamma, class_weight=class_weight, reduction="none"
    )
    units = dice_weight * overlap + focal_weight * pixel_mean(hard, maps, class_weight)
    return reduce_samples(units, maps, weight, reduction)


@signature(
    "real N *, prob N * -> N",
    dice_weight="[0, inf)",
    focal_weight="[0, inf)",
    alpha="[0, 1]",
    gamma="[0, inf)",
    smooth="[0, inf)",
    mask="weight N *",
)
def sigmoid_dice_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    dice_weight: float = 1.0,
    focal_weight: float = 1.0,
    alpha: float | None = None,
    gamma: float = 2.0,
    squared: bool = False,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss plus focal loss, :math:`a D + b F`, of one region in each sample, with :math:`D`
    of :func:`~lossary.sigmoid_dice_loss` and :math:`F` the mean of
    :func:`~lossary.sigmoid_focal_loss` over the pixels.

    For a small foreground in images that are mostly easy background, and for masks of promptable
    segmentation. The probabilities are less reliable than those of
    :func:`~lossary.dice_binary_cross_entropy_loss`. Channels have losses of their own with
    ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        dice_weight: the factor :math:`a` of the Dice loss.
        focal_weight: the factor :math:`b` of the focal loss; 20 in Segment Anything.
        alpha: the factor of the positive pixels in the focal loss; the negative ones have
            ``1 - alpha``; None for no factors.
        gamma: focusing strength of the focal loss; 0 gives binary cross-entropy.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q` in the Dice loss.
        smooth: the number of pixels that are thought to agree beforehand in the Dice loss.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Kirillov et al., *Segment Anything*, ICCV 2023, section 3; Zhu et al., *AnatomyNet*,
        Medical Physics 2019.

    >>> sigmoid_dice_focal_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.6733)
    """
    maps = region_maps(input, target, mask)
    hard = sigmoid_focal_loss(maps.logits, maps.q, alpha=alpha, gamma=gamma, reduction="none")
    units = dice_weight * dice(maps, squared=squared, smooth=smooth)
    units = units + focal_weight * average(hard, maps.mask)
    return reduce_samples(units, maps, weight, reduction)


class DiceFocalLoss(FunctionLoss):
    """Module form of :func:`dice_focal_loss`."""

    function = staticmethod(dice_focal_loss)

    def __init__(
        self,
        *,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
        gamma: float = 2.0,
        squared: bool = False,
        smooth: float = 1e-05,
        class_weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            dice_weight=dice_weight,
            focal_weight=focal_weight,
            gamma=gamma,
            squared=squared,
            smooth=smooth,
            class_weight=class_weight,
            mask=mask,
        )


class SigmoidDiceFocalLoss(FunctionLoss):
    """Module form of :func:`sigmoid_dice_focal_loss`."""

    function = staticmethod(sigmoid_dice_focal_loss)

    def __init__(
        self,
        *,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
        alpha: float | None = None,
        gamma: float = 2.0,
        squared: bool = False,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            dice_weight=dice_weight,
            focal_weight=focal_weight,
            alpha=alpha,
            gamma=gamma,
            squared=squared,
            smooth=smooth,
            mask=mask,
        )


SPECS = (
    LossSpec(
        function=dice_focal_loss,
        module=DiceFocalLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"dice_weight": 0.5, "focal_weight": 2.0, "squared": True, "gamma": 0.5},
            {"smooth": 1.0, "class_weight": torch.tensor([0.5, 2.0, 1.0])},
        ),
        paper="arXiv:1808.05238",
    ),
    LossSpec(
        function=sigmoid_dice_focal_loss,
        module=SigmoidDiceFocalLoss,
        traits=Trait.NONNEGATIVE,
        variants=(
            {},
            {
                "focal_weight": 20.0,
                "alpha": 0.25,
                "squared": True,
                "gamma": 0.5,
                "dice_weight": 0.5,
                "smooth": 0.5,
            },
        ),
        paper="arXiv:2304.02643",
    ),
)
