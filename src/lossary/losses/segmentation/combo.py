"""Combo loss: Dice loss and a cross-entropy that tells misses from false alarms."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import average, dice, reduce_samples, region_maps


@signature(
    "real N *, prob N * -> N",
    alpha="[0, 1]",
    beta="[0, 1]",
    smooth="[0, inf)",
    mask="weight N *",
)
def combo_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Combo loss, :math:`\alpha H + (1 - \alpha) D`, of one region in each sample, with :math:`H`
    the mean of :math:`-\beta q \log p - (1 - \beta)(1 - q) \log(1 - p)` over the pixels, and
    :math:`D` of :func:`~lossary.sigmoid_dice_loss`.

    For foreground against background where misses and false alarms cost differently: ``beta``
    above 0.5 punishes misses more, and moves the probabilities away from the true ones. Channels
    have losses of their own with ``flatten(0, 1)``.

    The paper subtracts the Dice coefficient; one minus it, as here, is the same loss, moved by
    :math:`1 - \alpha` so that it ends at 0.

    Args:
        input: logits, of shape (N, ...).
        target: 1 inside the region and 0 outside, or shares, of the shape of ``input``.
        alpha: the share of the cross-entropy; the rest is that of the Dice loss.
        beta: the factor of the pixels inside the region; those outside have ``1 - beta``.
        smooth: the number of pixels that are thought to agree beforehand in the Dice loss.
        mask: how much each pixel counts, of the shape of ``input``.

    References:
        Taghanaki et al., *Combo Loss: Handling Input and Output Imbalance in Multi-Organ
        Segmentation*, Computerized Medical Imaging and Graphics 2019.

    >>> combo_loss(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 1]]))
    tensor(0.3733)
    """
    maps = region_maps(input, target, mask)
    yes, no = -F.logsigmoid(maps.logits), -F.logsigmoid(-maps.logits)
    entropies = beta * maps.q * yes + (1 - beta) * (1 - maps.q) * no
    units = alpha * average(entropies, maps.mask) + (1 - alpha) * dice(maps, smooth=smooth)
    return reduce_samples(units, maps, weight, reduction)


class ComboLoss(FunctionLoss):
    """Module form of :func:`combo_loss`."""

    function = staticmethod(combo_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        beta: float = 0.5,
        smooth: float = 1.0,
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


SPEC = LossSpec(
    function=combo_loss,
    module=ComboLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"alpha": 0.3, "beta": 0.8, "smooth": 0.0}),
    paper="arXiv:1805.02798",
)
