"""Tversky loss: overlap in which false alarms and misses count differently."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import class_maps, power, reduce_classes, reduce_samples, region_maps, tversky


@signature(
    "real N C *, label N * | prob N C * -> N",
    alpha="[0, inf)",
    beta="[0, inf)",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 1e-5,
    class_weight: Tensor | None = None,
    skip_absent: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tversky loss of exclusive classes, the mean over the classes of :math:`1 - (I + s) / (I +
    \alpha F + \beta M + s)` with hits :math:`I = \sum_i p_i q_i`, false alarms :math:`F = \sum_i
    p_i (1 - q_i)`, misses :math:`M = \sum_i (1 - p_i) q_i` and :math:`p = \mathrm{softmax}(x)`.

    For regions so small that a network would rather miss them: with :math:`\beta > \alpha` recall
    counts for more than precision. With 0.5 and 0.5 it is :func:`~lossary.dice_loss`, with 1 and
    1 :func:`~lossary.jaccard_loss`, and it has no slope where the softmax saturates, as these.

    Some projects swap the two factors: here, as in the paper, alpha is that of the false alarms.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
            With shares the loss is least at 0 or 1, not at the share.
        alpha: the factor of false alarms, predicted but not in the target.
        beta: the factor of misses, in the target but not predicted.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        class_weight: the weight of each class, of shape (C,), in the mean over the classes.
        skip_absent: whether classes that are not in the target of a sample are left out of its
            mean; a sample without any weighs nothing.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Salehi et al., *Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional
        Deep Networks*, MLMI 2017; its best are 0.3 and 0.7.

    >>> tversky_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.5299)
    """
    maps = class_maps(input, target, mask)
    losses = tversky(maps, alpha=alpha, beta=beta, smooth=smooth)
    return reduce_classes(losses, maps, class_weight, skip_absent, weight, reduction)


@signature(
    "real N *, prob N * -> N",
    alpha="[0, inf)",
    beta="[0, inf)",
    smooth="[0, inf)",
    mask="weight N *",
)
def sigmoid_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tversky loss of one region, :math:`1 - (I + s) / (I + \alpha F + \beta M + s)` with hits
    :math:`I = \sum_i p_i q_i`, false alarms :math:`F = \sum_i p_i (1 - q_i)`, misses :math:`M =
    \sum_i (1 - p_i) q_i` and :math:`p = \sigma(x)`.

    For a foreground so small that a network would rather miss it. Channels have losses of their
    own with ``flatten(0, 1)``. See :func:`~lossary.tversky_loss` for when not to use it.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        alpha: the factor of false alarms, predicted but not in the target.
        beta: the factor of misses, in the target but not predicted.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Salehi et al., *Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional
        Deep Networks*, MLMI 2017; its best are 0.3 and 0.7.

    >>> sigmoid_tversky_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.6154)
    """
    maps = region_maps(input, target, mask)
    losses = tversky(maps, alpha=alpha, beta=beta, smooth=smooth)
    return reduce_samples(losses, maps, weight, reduction)


@signature(
    "real N C *, label N * | prob N C * -> N",
    alpha="[0, inf)",
    beta="[0, inf)",
    gamma="(0, inf)",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 1e-5,
    class_weight: Tensor | None = None,
    skip_absent: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal Tversky loss of exclusive classes, the mean over the classes of :math:`(1 -
    T_c)^{1/\gamma}`, with the index :math:`T_c` of :func:`~lossary.tversky_loss`.

    A ``gamma`` above 1 makes the loss steeper where a class is nearly right, which keeps small
    gains coming late in training; below 1 it turns to the classes that are mostly wrong. The
    paper advises the plain Tversky loss for the last layer, as steep means restless near the end.

    Many projects write gamma for the exponent itself, 0.75; here it is the paper's.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
        alpha: the factor of false alarms, predicted but not in the target.
        beta: the factor of misses, in the target but not predicted.
        gamma: one over the exponent, in the paper from 1 to 3; 1 gives the Tversky loss.
        smooth: the number of pixels that are thought to agree beforehand.
        class_weight: the weight of each class, of shape (C,), in the mean over the classes.
        skip_absent: whether classes that are not in the target of a sample are left out of its
            mean; a sample without any weighs nothing.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Abraham and Khan, *A Novel Focal Tversky Loss Function with Improved Attention U-Net for
        Lesion Segmentation*, ISBI 2019; here the mean instead of the sum. Its alpha is
        the factor of the misses; here it is that of the false alarms, as in the Tversky loss.

    >>> focal_tversky_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]), gamma=1.0)
    tensor(0.5299)
    """
    maps = class_maps(input, target, mask)
    losses = power(tversky(maps, alpha=alpha, beta=beta, smooth=smooth), 1 / gamma)
    return reduce_classes(losses, maps, class_weight, skip_absent, weight, reduction)


@signature(
    "real N *, prob N * -> N",
    alpha="[0, inf)",
    beta="[0, inf)",
    gamma="(0, inf)",
    smooth="[0, inf)",
    mask="weight N *",
)
def sigmoid_focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal Tversky loss of one region, :math:`(1 - T)^{1/\gamma}`, with the index :math:`T` of
    :func:`~lossary.sigmoid_tversky_loss`.

    For foreground against background; see :func:`~lossary.focal_tversky_loss`. Channels have
    losses of their own with ``flatten(0, 1)``.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        alpha: the factor of false alarms, predicted but not in the target.
        beta: the factor of misses, in the target but not predicted.
        gamma: one over the exponent, in the paper from 1 to 3; 1 gives the Tversky loss.
        smooth: the number of pixels that are thought to agree beforehand.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Abraham and Khan, *A Novel Focal Tversky Loss Function with Improved Attention U-Net for
        Lesion Segmentation*, ISBI 2019. Its alpha is the factor of the misses; here it is
        that of the false alarms, as in the Tversky loss.

    >>> sigmoid_focal_tversky_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 0, 1]]), gamma=2.0)
    tensor(0.7845)
    """
    maps = region_maps(input, target, mask)
    losses = power(tversky(maps, alpha=alpha, beta=beta, smooth=smooth), 1 / gamma)
    return reduce_samples(losses, maps, weight, reduction)


class TverskyLoss(FunctionLoss):
    """Module form of :func:`tversky_loss`."""

    function = staticmethod(tversky_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        smooth: float = 1e-05,
        class_weight: Tensor | None = None,
        skip_absent: bool = False,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            alpha=alpha,
            beta=beta,
            smooth=smooth,
            class_weight=class_weight,
            skip_absent=skip_absent,
            mask=mask,
        )


class SigmoidTverskyLoss(FunctionLoss):
    """Module form of :func:`sigmoid_tversky_loss`."""

    function = staticmethod(sigmoid_tversky_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            alpha=alpha,
            beta=beta,
            smooth=smooth,
            mask=mask,
        )


class FocalTverskyLoss(FunctionLoss):
    """Module form of :func:`focal_tversky_loss`."""

    function = staticmethod(focal_tversky_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 4 / 3,
        smooth: float = 1e-05,
        class_weight: Tensor | None = None,
        skip_absent: bool = False,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            smooth=smooth,
            class_weight=class_weight,
            skip_absent=skip_absent,
            mask=mask,
        )


class SigmoidFocalTverskyLoss(FunctionLoss):
    """Module form of :func:`sigmoid_focal_tversky_loss`."""

    function = staticmethod(sigmoid_focal_tversky_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 4 / 3,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            smooth=smooth,
            mask=mask,
        )


_EXEMPT = {"learns_from_errors": "where the softmax saturates, overlap has no slope"}

SPECS = (
    LossSpec(
        function=tversky_loss,
        module=TverskyLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"alpha": 0.9, "beta": 0.1, "smooth": 1.0, "skip_absent": True},
            {"smooth": 0.1, "class_weight": torch.tensor([0.0, 2.0, 1.0])},
        ),
        paper="arXiv:1706.05721",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=sigmoid_tversky_loss,
        module=SigmoidTverskyLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 0.9, "beta": 0.1, "smooth": 0.0}),
        paper="arXiv:1706.05721",
    ),
    LossSpec(
        function=focal_tversky_loss,
        module=FocalTverskyLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"alpha": 0.9, "beta": 0.1, "smooth": 1.0, "skip_absent": True, "gamma": 2.0},
            {"gamma": 0.5, "smooth": 0.1, "class_weight": torch.tensor([0.0, 2.0, 1.0])},
        ),
        paper="arXiv:1810.07842",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=sigmoid_focal_tversky_loss,
        module=SigmoidFocalTverskyLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 0.9, "beta": 0.1, "smooth": 0.0, "gamma": 0.5}),
        paper="arXiv:1810.07842",
    ),
)
