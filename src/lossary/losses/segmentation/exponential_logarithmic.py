"""Powers of the logarithms of overlap and of probabilities."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import Maps, average, class_maps, dice, pixels, power, reduce_samples, total


@signature(
    "real N C *, label N * -> N",
    dice_weight="[0, inf)",
    cross_entropy_weight="[0, inf)",
    dice_gamma="(0, inf)",
    cross_entropy_gamma="(0, inf)",
    smooth="(0, inf)",
    class_weight="weight C",
    mask="weight N *",
)
def exponential_logarithmic_loss(
    input: Tensor,
    target: Tensor,
    *,
    dice_weight: float = 0.8,
    cross_entropy_weight: float = 0.2,
    dice_gamma: float = 0.3,
    cross_entropy_gamma: float = 0.3,
    smooth: float = 1.0,
    class_weight: Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Exponential logarithmic loss of exclusive classes in each sample, :math:`a \,
    \mathrm{mean}_c (-\log D_c)^{\gamma_D} + b \, \mathrm{mean}_i \, w_{y_i} (-\log
    p_{i y_i})^{\gamma_H}` with :math:`p = \mathrm{softmax}(x)` and the Dice coefficients
    :math:`D_c = (2 \sum_i p_{ic} q_{ic} + s) / (\sum_i p_{ic} + \sum_i q_{ic} + s)`.

    For objects of very different sizes: the logarithm makes classes that are mostly missed weigh
    more, as they do in a cross-entropy. Exponents below 1 are steep near perfection and flat for
    bad errors, above 1 the other way round. The many numbers want tuning; begin with
    :func:`~lossary.dice_cross_entropy_loss`.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        dice_weight: the factor :math:`a` of the overlap.
        cross_entropy_weight: the factor :math:`b` of the cross-entropy.
        dice_gamma: the exponent :math:`\gamma_D` of the overlap.
        cross_entropy_gamma: the exponent :math:`\gamma_H` of the cross-entropy.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.
        class_weight: the weight :math:`w` of each class, of shape (C,), in the cross-entropy; the
            paper takes the root of one over the frequency. The mean is over the pixels, it is not
            divided by these weights.
        mask: how much each pixel counts, of shape (N, ...); False or 0 for pixels to ignore.

    References:
        Wong et al., *3D Segmentation with Exponential Logarithmic Loss for Highly Unbalanced
        Object Sizes*, MICCAI 2018, section 2.

    >>> exponential_logarithmic_loss(torch.zeros(1, 2, 4), torch.tensor([[0, 0, 0, 1]]))
    tensor(0.8426)
    """
    maps = class_maps(input, target, mask)
    overlap = power(_negative_log_dice(maps, smooth), dice_gamma).mean(1)
    index = pixels(target, 1).unsqueeze(1)
    # -log p as softplus of what the other classes are ahead: keeps its digits where p is near 1
    ahead = maps.logits - maps.logits.gather(1, index)
    others = ahead.scatter(1, index, torch.finfo(ahead.dtype).min / 2).logsumexp(1)
    losses = power(F.softplus(others), cross_entropy_gamma)
    if class_weight is not None:
        losses = class_weight[index.squeeze(1)] * losses
    entropy = average(losses, None if maps.mask is None else maps.mask.squeeze(1))
    units = dice_weight * overlap + cross_entropy_weight * entropy
    return reduce_samples(units, maps, weight, reduction)


def _negative_log_dice(maps: Maps, smooth: float) -> Tensor:
    """Return -log D, which keeps its digits where D is near 1 and is finite where it is near 0."""
    near = dice(maps, smooth=smooth)
    both, sizes = total(maps.p * maps.q, maps.mask), total(maps.p + maps.q, maps.mask)
    far = (sizes + smooth).log() - (2 * both + smooth).log()
    return torch.where(near < 0.5, -torch.log1p(-near.clamp(max=0.5)), far)


class ExponentialLogarithmicLoss(FunctionLoss):
    """Module form of :func:`exponential_logarithmic_loss`."""

    function = staticmethod(exponential_logarithmic_loss)

    def __init__(
        self,
        *,
        dice_weight: float = 0.8,
        cross_entropy_weight: float = 0.2,
        dice_gamma: float = 0.3,
        cross_entropy_gamma: float = 0.3,
        smooth: float = 1.0,
        class_weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            dice_weight=dice_weight,
            cross_entropy_weight=cross_entropy_weight,
            dice_gamma=dice_gamma,
            cross_entropy_gamma=cross_entropy_gamma,
            smooth=smooth,
            class_weight=class_weight,
            mask=mask,
        )


SPEC = LossSpec(
    function=exponential_logarithmic_loss,
    module=ExponentialLogarithmicLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=(
        {},
        {"dice_gamma": 1.0, "cross_entropy_gamma": 1.0, "smooth": 0.1},
        {
            "dice_gamma": 2.0,
            "cross_entropy_gamma": 0.5,
            "class_weight": torch.tensor([0.5, 2.0, 1.0]),
            "dice_weight": 0.3,
            "cross_entropy_weight": 0.6,
        },
    ),
    paper="arXiv:1809.00076",
)
