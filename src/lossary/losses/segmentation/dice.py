"""Dice loss: overlap of regions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import Maps, class_maps, dice, pixels, reduce_classes, reduce_samples, region_maps


@signature(
    "real N C *, label N * | prob N C * -> N",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def dice_loss(
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
    r"""Dice loss of exclusive classes, the mean over the classes of :math:`1 - (2 \sum_i p_i q_i +
    s) / (\sum_i p_i + \sum_i q_i + s)`, with :math:`p = \mathrm{softmax}(x)` and sums over the
    pixels of one sample.

    For segmentation where small regions must not drown in a large background: each class counts
    alike, whatever its size. Once the softmax saturates on the wrong class it has no slope, and
    its probabilities are overconfident: add a cross-entropy, as
    :func:`~lossary.dice_cross_entropy_loss` does, and prefer one where probabilities matter.

    Projects differ in the sums: here each sample and class has its own, so that batches may be
    split; :class:`~lossary.WholeBatch` sums over the samples of a batch too. A class that is
    neither in the target nor predicted costs 0; one that is predicted but not in the target costs
    1, however little is predicted, unless ``smooth`` is of its size.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
            With shares the loss is least at 0 or 1, not at the share, unless ``squared``.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q`, as Milletari et al. do.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand. With 1 and
            more, predicting less of an absent class is rewarded.
        class_weight: the weight of each class, of shape (C,), in the mean over the classes; 0 for
            the background leaves it out.
        skip_absent: whether classes that are not in the target of a sample are left out of its
            mean; a sample without any weighs nothing.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Milletari et al., *V-Net*, 3DV 2016, section 3 (``squared``, ``smooth=0``); Drozdzal et
        al., *The Importance of Skip Connections in Biomedical Image Segmentation*, 2016.

    >>> dice_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.5333)
    """
    maps = class_maps(input, target, mask)
    losses = dice(maps, squared=squared, smooth=smooth)
    return reduce_classes(losses, maps, class_weight, skip_absent, weight, reduction)


@signature("real N *, prob N * -> N", smooth="[0, inf)", mask="weight N *")
def sigmoid_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    squared: bool = False,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss of one region, :math:`1 - (2 \sum_i p_i q_i + s) / (\sum_i p_i + \sum_i q_i + s)`
    with :math:`p = \sigma(x)` and sums over the pixels of one sample.

    For foreground against background. Of several regions that may overlap, in channels, each has
    a loss of its own with ``input.flatten(0, 1)`` and ``target.flatten(0, 1)``; as they are, all
    channels form one region. See :func:`~lossary.dice_loss` for when not to use it.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``. With
            shares the loss is least at 0 or 1, not at the share, unless ``squared``.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q`, as Milletari et al. do.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand. With 1 and
            more, predicting less where the target is empty is rewarded.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Milletari et al., *V-Net*, 3DV 2016, section 3 (``squared``, ``smooth=0``); Drozdzal et
        al., *The Importance of Skip Connections in Biomedical Image Segmentation*, 2016.

    >>> sigmoid_dice_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.5000)
    """
    maps = region_maps(input, target, mask)
    return reduce_samples(dice(maps, squared=squared, smooth=smooth), maps, weight, reduction)


@signature("prob N *, prob N * -> N", smooth="[0, inf)", mask="weight N *")
def probability_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    squared: bool = False,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice loss of probabilities, :math:`1 - (2 \sum_i p_i q_i + s) / (\sum_i p_i + \sum_i q_i +
    s)`, with sums over the pixels of one sample.

    For a network that ends in a sigmoid or softmax, and for two masks to compare. From logits use
    :func:`~lossary.dice_loss` or :func:`~lossary.sigmoid_dice_loss`. Channels have losses of their
    own with ``flatten(0, 1)``.

    Args:
        input: probabilities, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        squared: sum :math:`p^2 + q^2` instead of :math:`p + q`, as Milletari et al. do.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Milletari et al., *V-Net*, 3DV 2016, section 3 (``squared``, ``smooth=0``); Drozdzal et
        al., *The Importance of Skip Connections in Biomedical Image Segmentation*, 2016.

    >>> probability_dice_loss(torch.tensor([[1.0, 0.5]]), torch.tensor([[1, 0]]), smooth=0.0)
    tensor(0.2000)
    """
    p, q = pixels(input, 1), pixels(target, 1)
    if mask is not None:
        mask = pixels(mask, 1)
        p, q = p.masked_fill(mask == 0, 0.0), q.masked_fill(mask == 0, 0.0)
    maps = Maps(p, p, 1 - p, q, mask)
    return reduce_samples(dice(maps, squared=squared, smooth=smooth), maps, weight, reduction)


class DiceLoss(FunctionLoss):
    """Module form of :func:`dice_loss`."""

    function = staticmethod(dice_loss)

    def __init__(
        self,
        *,
        squared: bool = False,
        smooth: float = 1e-5,
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


class SigmoidDiceLoss(FunctionLoss):
    """Module form of :func:`sigmoid_dice_loss`."""

    function = staticmethod(sigmoid_dice_loss)

    def __init__(
        self,
        *,
        squared: bool = False,
        smooth: float = 1e-5,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, squared=squared, smooth=smooth, mask=mask)


class ProbabilityDiceLoss(FunctionLoss):
    """Module form of :func:`probability_dice_loss`."""

    function = staticmethod(probability_dice_loss)

    def __init__(
        self,
        *,
        squared: bool = False,
        smooth: float = 1e-5,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, squared=squared, smooth=smooth, mask=mask)


SPECS = (
    LossSpec(
        function=dice_loss,
        module=DiceLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"squared": True},
            {"smooth": 1.0, "skip_absent": True},
            {"smooth": 0.1, "class_weight": torch.tensor([0.0, 2.0, 1.0])},
        ),
        paper="arXiv:1606.04797",
        exempt={"learns_from_errors": "where the softmax saturates, overlap has no slope"},
    ),
    LossSpec(
        function=sigmoid_dice_loss,
        module=SigmoidDiceLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"squared": True, "smooth": 0.0}, {"smooth": 1.0}),
        paper="arXiv:1606.04797",
    ),
    LossSpec(
        function=probability_dice_loss,
        module=ProbabilityDiceLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
        variants=({}, {"squared": True, "smooth": 0.0}, {"smooth": 1.0}),
        paper="arXiv:1606.04797",
    ),
)
