"""Dice loss in which confusing similar classes costs less."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import class_maps, pixels, ratio, reduce_samples, total


@signature(
    "real N C *, label N * -> N",
    class_distance="weight C C",
    background="int [0, inf)",
    smooth="[0, inf)",
    mask="weight N *",
)
def wasserstein_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_distance: Tensor | None = None,
    background: int = 0,
    smooth: float = 1e-5,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Wasserstein Dice loss of exclusive classes in each sample, :math:`\sum_i W_i / (2 \sum_i
    M_{y_i b} (1 - W_i) + \sum_i W_i + s)`, with :math:`W_i = \sum_c M_{y_i c} p_{ic}`, the distance
    of the prediction from the label in the metric :math:`M` of classes, :math:`p =
    \mathrm{softmax}(x)`, and the background :math:`b`.

    For classes that form a hierarchy, such as parts of a tumour: taking a class for a similar one
    costs less than taking it for the background. A sample that is all background costs 1 for
    the least of errors, unless ``smooth`` is of their size; and there is no slope where the softmax
    saturates. Add a cross-entropy.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        class_distance: the distance :math:`M` of each two classes, of shape (C, C): symmetric,
            0 on the diagonal. It is divided by its largest. None for 1 between any two.
        background: the class :math:`b` of the background.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    Raises:
        ValueError: if the background is none of the classes.

    References:
        Fidon et al., *Generalised Wasserstein Dice Score for Imbalanced Multi-Class Segmentation
        Using Holistic Convolutional Networks*, BrainLes 2017, section 2.

    >>> wasserstein_dice_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.6667)
    """
    classes = input.shape[1]
    if background >= classes:
        raise ValueError(
            f"wasserstein_dice_loss: background must be one of the {classes} classes, "
            f"got {background}"
        )
    if class_distance is None:
        class_distance = 1 - torch.eye(classes, dtype=input.dtype, device=input.device)
    distance = ratio(class_distance, class_distance.amax())
    maps = class_maps(input, target, mask)
    labels = pixels(target, 1)
    apart = (distance[labels].movedim(-1, 1) * maps.p).sum(1)
    found = distance[:, int(background)][labels] * (1 - apart)
    pixel_mask = None if maps.mask is None else maps.mask.squeeze(1)
    errors = total(apart, pixel_mask)
    units = ratio(errors, 2 * total(found, pixel_mask) + errors + smooth)
    return reduce_samples(units, maps, weight, reduction)


class WassersteinDiceLoss(FunctionLoss):
    """Module form of :func:`wasserstein_dice_loss`."""

    function = staticmethod(wasserstein_dice_loss)

    def __init__(
        self,
        *,
        class_distance: Tensor | None = None,
        background: int = 0,
        smooth: float = 1e-05,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_distance=class_distance,
            background=background,
            smooth=smooth,
            mask=mask,
        )


SPEC = LossSpec(
    function=wasserstein_dice_loss,
    module=WassersteinDiceLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=(
        {},
        {
            "smooth": 0.1,
            "class_distance": torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.5], [1.0, 0.5, 0.0]]),
        },
        {"background": 1},
    ),
    paper="arXiv:1707.00478",
    exempt={"learns_from_errors": "where the softmax saturates, overlap has no slope"},
)
