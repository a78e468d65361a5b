"""Jaccard loss: intersection over union of regions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import class_maps, reduce_classes, reduce_samples, region_maps, tversky


@signature(
    "real N C *, label N * | prob N C * -> N",
    smooth="[0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1e-5,
    class_weight: Tensor | None = None,
    skip_absent: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Jaccard loss of exclusive classes, the mean over the classes of :math:`1 - (I + s) / (U +
    s)` with :math:`I = \sum_i p_i q_i`, :math:`U = \sum_i p_i + \sum_i q_i - I`, :math:`p =
    \mathrm{softmax}(x)` and sums over the pixels of one sample.

    For segmentation that is judged by intersection over union. It orders predictions as
    :func:`~lossary.dice_loss` does and has its faults: no slope where the softmax saturates, and
    overconfident probabilities. :func:`~lossary.lovasz_softmax_loss` follows the measure itself.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...); or shares, of the shape of ``input``.
            With shares the loss is least at 0 or 1, not at the share.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        class_weight: the weight of each class, of shape (C,), in the mean over the classes.
        skip_absent: whether classes that are not in the target of a sample are left out of its
            mean; a sample without any weighs nothing.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Rahman and Wang, *Optimizing Intersection-Over-Union in Deep Neural Networks for Image
        Segmentation*, ISVC 2016.

    >>> jaccard_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.6857)
    """
    maps = class_maps(input, target, mask)
    losses = tversky(maps, alpha=1.0, beta=1.0, smooth=smooth)
    return reduce_classes(losses, maps, class_weight, skip_absent, weight, reduction)


@signature("real N *, prob N * -> N", smooth="[0, inf)", mask="weight N *")
def sigmoid_jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Jaccard loss of one region, :math:`1 - (I + s) / (U + s)` with :math:`I = \sum_i p_i q_i`,
    :math:`U = \sum_i p_i + \sum_i q_i - I`, :math:`p = \sigma(x)` and sums over the pixels of one
    sample.

    For foreground against background that is judged by intersection over union. Channels have
    losses of their own with ``flatten(0, 1)``. See :func:`~lossary.jaccard_loss` for when not to
    use it.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Rahman and Wang, *Optimizing Intersection-Over-Union in Deep Neural Networks for Image
        Segmentation*, ISVC 2016.

    >>> sigmoid_jaccard_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.6667)
    """
    maps = region_maps(input, target, mask)
    losses = tversky(maps, alpha=1.0, beta=1.0, smooth=smooth)
    return reduce_samples(losses, maps, weight, reduction)


class JaccardLoss(FunctionLoss):
    """Module form of :func:`jaccard_loss`."""

    function = staticmethod(jaccard_loss)

    def __init__(
        self,
        *,
        smooth: float = 1e-05,
        class_weight: Tensor | None = None,
        skip_absent: bool = False,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            smooth=smooth,
            class_weight=class_weight,
            skip_absent=skip_absent,
            mask=mask,
        )


class SigmoidJaccardLoss(FunctionLoss):
    """Module form of :func:`sigmoid_jaccard_loss`."""

    function = staticmethod(sigmoid_jaccard_loss)

    def __init__(
        self,
        *,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            smooth=smooth,
            mask=mask,
        )


SPECS = (
    LossSpec(
        function=jaccard_loss,
        module=JaccardLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=(
            {},
            {"smooth": 1.0, "skip_absent": True},
            {"smooth": 0.1, "class_weight": torch.tensor([0.0, 2.0, 1.0])},
        ),
        paper="doi:10.1007/978-3-319-50835-1_22",
        exempt={"learns_from_errors": "where the softmax saturates, overlap has no slope"},
    ),
    LossSpec(
        function=sigmoid_jaccard_loss,
        module=SigmoidJaccardLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"smooth": 0.0}),
        paper="doi:10.1007/978-3-319-50835-1_22",
    ),
)
