"""Losses between the edges of images."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import mean_of_all, repeated_edges, steps


@signature("real N C H *, real N C H * -> N", alpha="[1, inf)")
def gradient_difference_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient difference loss, :math:`\sum_p \sum_i \bigl| |\partial_i x_p| - |\partial_i y_p|
    \bigr|^\alpha` over the differences :math:`\partial_i` of neighbouring pixels.

    Added to a loss of pixels it sharpens predicted images, of video for instance. It does not see
    the direction of an edge, nor brightness, so it is no loss by itself. It is a sum over the
    pixels and channels of each image.

    Args:
        input: images, of shape (N, C, H, ...).
        target: of the shape of ``input``; integers are converted.
        alpha: the power of each term.

    References:
        Mathieu, Couprie and LeCun, *Deep Multi-Scale Video Prediction Beyond Mean Square Error*,
        ICLR 2016, eq. 6.

    >>> x, y = torch.tensor([[[0.0, 3.0, 3.0]]]), torch.tensor([[[0.0, -1.0, 4.0]]])
    >>> gradient_difference_loss(x, y)  # |3 - 1| + |0 - 5|
    tensor(7.)
    """
    terms = []
    for dim in range(2, input.ndim):
        difference = steps(input, dim).abs() - steps(target, dim).abs()
        terms.append((difference.abs() ** alpha).flatten(1).sum(1))
    return reduce(torch.stack(terms).sum(0), weight, reduction)


@signature("real N C H W, real N C H W -> N")
def sobel_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sobel loss, the mean over all pixels and channels of :math:`|S_h * (x - y)| +
    |S_v * (x - y)|` with the kernels of Sobel, divided by 8.

    Added to a loss of pixels where edges have to be right: depth, matting, super-resolution. It
    knows the direction of an edge and no brightness. The edges of the image are repeated.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``; integers are converted.

    References:
        Sobel and Feldman, *A 3x3 Isotropic Gradient Operator for Image Processing*, 1968; Hu et
        al., *Revisiting Single Image Depth Estimation*, WACV 2019, section 3.2, for the loss.

    >>> x = torch.tensor([[[[0.0, 1.0, 2.0]]]])  # its slope is 1 in the middle, half at the ends
    >>> sobel_loss(x, torch.zeros(1, 1, 1, 3))
    tensor(0.6667)
    """
    error = repeated_edges(repeated_edges(input - target, 2), 3)
    units = mean_of_all(_slope(error, 2, 3).abs() + _slope(error, 3, 2).abs())
    return reduce(units, weight, reduction)


def _slope(x: Tensor, along: int, across: int) -> Tensor:
    height, width = (max(0, x.shape[dim] - 2) for dim in (along, across))
    left, middle, right = (
        x.narrow(across, i, width) for i in (0, min(1, width), min(2, 2 * width))
    )
    smooth = (left + 2 * middle + right) / 4
    return (smooth.narrow(along, min(2, 2 * height), height) - smooth.narrow(along, 0, height)) / 2


class GradientDifferenceLoss(FunctionLoss):
    """Module form of :func:`gradient_difference_loss`."""

    function = staticmethod(gradient_difference_loss)

    def __init__(self, *, alpha: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


class SobelLoss(FunctionLoss):
    """Module form of :func:`sobel_loss`."""

    function = staticmethod(sobel_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.SHIFT_INVARIANT

SPECS = (
    LossSpec(
        function=gradient_difference_loss,
        module=GradientDifferenceLoss,
        traits=_TRAITS,
        variants=({}, {"alpha": 2.0}),
        paper="arXiv:1511.05440",
    ),
    LossSpec(
        function=sobel_loss,
        module=SobelLoss,
        traits=_TRAITS | Trait.CONVEX,
        paper="arXiv:1803.08673",
    ),
)
