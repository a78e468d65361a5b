"""Dice loss through a logarithm of a hyperbolic cosine."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import class_maps, dice, reduce_classes, reduce_samples, region_maps


@signature(
    "real N C *, label N * | prob N C * -> N",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def log_cosh_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    squared: bool = False,
    smooth: float = 1e-5,
    class_weight: Tensor | None = None,
    skip_absent: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Log-cosh Dice loss of exclusive classes, the mean over the classes of :math:`\log\cosh
    D_c`, with the Dice loss :math:`D_c` of the class.

    Nearly :math:`D_c^2 / 2`: classes that are nearly right count for less than in
    :func:`~lossary.dice_loss`, and the slope fades towards the end of training. It has no slope
    where the softmax saturates, as the Dice loss.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q`.
        smooth: the number of pixels that are thought to agree beforehand.
        class_weight: the weight of each class, of shape (C,), in the mean over the classes.
        skip_absent: whether classes that are not in the target of a sample are left out of its
            mean; a sample without any weighs nothing.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Jadon, *A Survey of Loss Functions for Semantic Segmentation*, CIBCB 2020.

    >>> log_cosh_dice_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.1427)
    """
    maps = class_maps(input, target, mask)
    losses = _log_cosh(dice(maps, squared=squared, smooth=smooth))
    return reduce_classes(losses, maps, class_weight, skip_absent, weight, reduction)


@signature("real N *, prob N * -> N", smooth="[0, inf)", mask="weight N *")
def sigmoid_log_cosh_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    squared: bool = False,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Log-cosh Dice loss of one region, :math:`\log\cosh D`, with the loss :math:`D` of
    :func:`~lossary.sigmoid_dice_loss`.

    For foreground against background; see :func:`~lossary.log_cosh_dice_loss`. Channels have
    losses of their own with ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q`.
        smooth: the number of pixels that are thought to agree beforehand.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Jadon, *A Survey of Loss Functions for Semantic Segmentation*, CIBCB 2020.

    >>> sigmoid_log_cosh_dice_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.1201)
    """
    maps = region_maps(input, target, mask)
    losses = _log_cosh(dice(maps, squared=squared, smooth=smooth))
    return reduce_samples(losses, maps, weight, reduction)


def _log_cosh(x: Tensor) -> Tensor:
    # cosh x = 1 + 2 sinh(x/2)^2 keeps the digits near 0; x is at most 1, so nothing overflows
    return torch.log1p(2 * torch.sinh(x / 2).square())


class LogCoshDiceLoss(FunctionLoss):
    """Module form of :func:`log_cosh_dice_loss`."""

    function = staticmethod(log_cosh_dice_loss)

    def __init__(
        self,
        *,
        squared: bool = False,
        smooth: float = 1e-05,
        class_weight: Tensor | None = None,
        skip_absent: bool = False,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            squared=squared,
            smooth=smooth,
            class_weight=class_weight,
            skip_absent=skip_absent,
            mask=mask,
        )


class SigmoidLogCoshDiceLoss(FunctionLoss):
    """Module form of :func:`sigmoid_log_cosh_dice_loss`."""

    function = staticmethod(sigmoid_log_cosh_dice_loss)

    def __init__(
        self,
        *,
        squared: bool = False,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            squared=squared,
            smooth=smooth,
            mask=mask,
        )


SPECS = (
    LossSpec(
        function=log_cosh_dice_loss,
        module=LogCoshDiceLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"squared": True, "skip_absent": True},
            {"smooth": 0.1, "class_weight": torch.tensor([0.0, 2.0, 1.0])},
        ),
        paper="arXiv:2006.14822",
        exempt={"learns_from_errors": "where the softmax saturates, overlap has no slope"},
    ),
    LossSpec(
        function=sigmoid_log_cosh_dice_loss,
        module=SigmoidLogCoshDiceLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"squared": True, "smooth": 0.0}),
        paper="arXiv:2006.14822",
    ),
)
