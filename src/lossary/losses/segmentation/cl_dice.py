"""Overlap of the centre lines of tubes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._regions import dice, pixels, ratio, region_maps


@signature("real N *, prob N * -> N", iterations="int [0, inf)", smooth="[0, inf)")
def cl_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    iterations: int = 3,
    smooth: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Centre-line Dice loss of one region in each sample, :math:`1 - 2 T_p T_s / (T_p + T_s)` with
    :math:`T_p = (\sum_i S(p)_i q_i + s) / (\sum_i S(p)_i + s)` and :math:`T_s = (\sum_i S(q)_i p_i
    + s) / (\sum_i S(q)_i + s)`, where :math:`S` is a soft skeleton and :math:`p = \sigma(x)`.

    For vessels, roads and neurites, where a gap counts for more than a width: the skeleton of the
    prediction should lie in the target and that of the target in the prediction. It does not see
    the width, so use it together with overlap: :func:`~lossary.dice_cl_dice_loss`. It passes
    ``iterations`` times over the image.

    Every dimension after the first is a direction in space, except those of size 1: give several
    channels as samples, with ``flatten(0, 1).unsqueeze(1)``.

    Args:
        input: logits, of shape (N, 1, ...) or (N, ...).
        target: 1 inside the region and 0 outside, of the shape of ``input``.
        iterations: how many pixels the skeleton is peeled; at least the radius of the widest tube.
        smooth: the number of pixels :math:`s` that are thought to agree beforehand.

    References:
        Shit et al., *clDice - a Novel Topology-Preserving Loss Function for Tubular Structure
        Segmentation*, CVPR 2021, section 3 and algorithm 1.

    >>> line = torch.tensor([[[0, 0, 0], [1, 1, 1], [0, 0, 0]]])
    >>> broken = torch.tensor([[[-50.0, -50, -50], [50, -50, 50], [-50, -50, -50]]])
    >>> cl_dice_loss(broken, line)
    tensor(0.1429)
    """
    return reduce(_cl_dice(input.sigmoid(), target, iterations, smooth), weight, reduction)


@signature("real N *, prob N * -> N", alpha="[0, 1]", iterations="int [0, inf)", smooth="[0, inf)")
def dice_cl_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    iterations: int = 3,
    smooth: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Dice and centre-line Dice loss, :math:`(1 - \alpha) D + \alpha L`, of one region in each
    sample, with :math:`D` of :func:`~lossary.sigmoid_dice_loss` and :math:`L` of
    :func:`~lossary.cl_dice_loss`.

    For vessels, roads and neurites of which both the connections and the width matter. Dimensions
    are those of :func:`~lossary.cl_dice_loss`, of which this has the costs.

    Args:
        input: logits, of shape (N, 1, ...) or (N, ...).
        target: 1 inside the region and 0 outside, of the shape of ``input``.
        alpha: the share of the centre lines; the paper takes 0.5 and less.
        iterations: how many pixels the skeleton is peeled; at least the radius of the widest tube.
        smooth: the number of pixels that are thought to agree beforehand, in both losses.

    References:
        Shit et al., *clDice - a Novel Topology-Preserving Loss Function for Tubular Structure
        Segmentation*, CVPR 2021, section 3.

    >>> line = torch.tensor([[[0, 0, 0], [1, 1, 1], [0, 0, 0]]])
    >>> broken = torch.tensor([[[-50.0, -50, -50], [50, -50, 50], [-50, -50, -50]]])
    >>> dice_cl_dice_loss(broken, line)
    tensor(0.1548)
    """
    overlap = dice(region_maps(input, target, None), smooth=smooth)
    lines = _cl_dice(input.sigmoid(), target, iterations, smooth)
    return reduce((1 - alpha) * overlap + alpha * lines, weight, reduction)


def _cl_dice(p: Tensor, q: Tensor, iterations: int, smooth: float) -> Tensor:
    precision = _share_inside(_skeleton(p, iterations), q, smooth)
    sensitivity = _share_inside(_skeleton(q, iterations), p, smooth)
    return 1 - ratio(2 * precision * sensitivity, precision + sensitivity)


def _share_inside(skeleton: Tensor, region: Tensor, smooth: float) -> Tensor:
    """Return the part of a skeleton that lies in a region; all of it if there is none."""
    skeleton, region = pixels(skeleton, 1), pixels(region, 1)
    return 1 - ratio((skeleton * (1 - region)).sum(1), skeleton.sum(1) + smooth)


def _skeleton(x: Tensor, iterations: int) -> Tensor:
    """Peel an image, and gather what no disc of the size of the peel fits into."""
    skeleton = (x - _dilated(_eroded(x))).relu()
    for _ in range(int(iterations)):
        x = _eroded(x)
        thin = (x - _dilated(_eroded(x))).relu()
        skeleton = skeleton + (thin - skeleton * thin).relu()
    return skeleton


def _eroded(x: Tensor) -> Tensor:
    """Return the least of each pixel and its neighbours along the axes."""
    least = x
    for dim in range(1, x.ndim):
        least = torch.minimum(least, _neighbours(x, dim, torch.minimum))
    return least


def _dilated(x: Tensor) -> Tensor:
    """Return the largest of each pixel and its neighbours, the diagonal ones among them."""
    for dim in range(1, x.ndim):
        x = _neighbours(x, dim, torch.maximum)
    return x


def _neighbours(x: Tensor, dim: int, pick: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    size = x.shape[dim]
    if size < 2:
        return x
    before = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([x.narrow(dim, 1, size - 1), x.narrow(dim, size - 1, 1)], dim)
    return pick(pick(x, before), after)


class ClDiceLoss(FunctionLoss):
    """Module form of :func:`cl_dice_loss`."""

    function = staticmethod(cl_dice_loss)

    def __init__(
        self,
        *,
        iterations: int = 3,
        smooth: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            iterations=iterations,
            smooth=smooth,
        )


class DiceClDiceLoss(FunctionLoss):
    """Module form of :func:`dice_cl_dice_loss`."""

    function = staticmethod(dice_cl_dice_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        iterations: int = 3,
        smooth: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            alpha=alpha,
            iterations=iterations,
            smooth=smooth,
        )


SPECS = (
    LossSpec(
        function=cl_dice_loss,
        module=ClDiceLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"iterations": 1, "smooth": 0.1}),
        paper="arXiv:2003.07311",
    ),
    LossSpec(
        function=dice_cl_dice_loss,
        module=DiceClDiceLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 0.3, "iterations": 1, "smooth": 0.1}),
        paper="arXiv:2003.07311",
    ),
)
