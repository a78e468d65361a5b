"""Difference of an image and one that was warped to it."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N C H W, real N C H W, prob N H W -> N",
    alpha="[0, 1]",
    k1="(0, inf)",
    k2="(0, inf)",
    data_range="(0, inf)",
)
def photometric_loss(
    input: Tensor,
    target: Tensor,
    mask: Tensor,
    *,
    alpha: float = 0.85,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Photometric loss, the mean over pixels and channels of :math:`\alpha \frac{1 -
    \mathrm{SSIM}(x, y)}{2} + (1 - \alpha) |x - y|` with windows of 3 x 3 pixels.

    For self-supervised depth, stereo and flow, where ``input`` is another view warped to the
    target by what the network predicts. It assumes that surfaces look the same from everywhere, and
    knows nothing of what is hidden in the other view: mask that. Between untextured surfaces it has
    no gradient; see :func:`~lossary.edge_aware_smoothness_loss`. At the border the windows mirror
    the image.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``; integers are converted.
        mask: which pixels count, and how much, of shape (N, H, W); booleans too. Those that do not
            count still show in the windows of their neighbours. An image without any pixel weighs
            nothing.
        alpha: the share of structural similarity.
        k1: the constant that steadies the comparison of means.
        k2: the constant that steadies the comparison of structure.
        data_range: the largest value less the smallest that pixels can have.

    References:
        Godard, Mac Aodha and Brostow, *Unsupervised Monocular Depth Estimation with Left-Right
        Consistency*, CVPR 2017, eq. 2; windows at the border as in *Digging into Self-Supervised
        Monocular Depth Prediction*, ICCV 2019.

    >>> half, one = torch.full((1, 1, 3, 3), 0.5), torch.ones(1, 1, 3, 3)
    >>> photometric_loss(half, one, torch.ones(1, 3, 3))
    tensor(0.1600)
    """
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    x, y = _windows(input), _windows(target)
    mean_x, mean_y = x.mean(0), y.mean(0)
    off_x, off_y = x - mean_x, y - mean_y
    both, covariance = off_x.square() + off_y.square(), (off_x * off_y).mean(0)
    similar = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    similar = similar * (2 * covariance + c2) / (both.mean(0) + c2)
    pixels = alpha * ((1 - similar) / 2).clamp(0, 1) + (1 - alpha) * (input - target).abs()
    pixels = pixels.sum(1) / max(1, input.shape[1])
    count = mask.sum((1, 2))
    some = count > 0
    total = torch.where(mask > 0, mask * pixels, 0.0).sum((1, 2))
    return reduce(total / torch.where(some, count, 1.0), weigh(some, weight), reduction)


def _windows(images: Tensor) -> Tensor:
    """Return the 9 pixels around each, along a new first dimension."""
    height, width = images.shape[2:]
    around = images
    for dim, size in ((2, height), (3, width)):
        ends = min(1, size)
        before, after = (
            around.narrow(dim, max(0, at), ends) for at in (min(1, size - 1), size - 2)
        )
        around = torch.cat([before, around, after], dim)
    views = [around[..., i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return torch.stack(views)


def _example(generator: Generator) -> tuple[object, ...]:
    x, y = torch.randn(2, 4, 2, 2, 3, generator=generator, dtype=torch.float64)
    some, all_, none = [[1.0, 0.0, 1.0], [0.5, 1.0, 0.0]], [[1.0] * 3] * 2, [[0.0] * 3] * 2
    return x, y, torch.tensor([some, all_, none, some])


class PhotometricLoss(FunctionLoss):
    """Module form of :func:`photometric_loss`."""

    function = staticmethod(photometric_loss)

    def __init__(
        self,
        *,
        alpha: float = 0.85,
        k1: float = 0.01,
        k2: float = 0.03,
        data_range: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, k1=k1, k2=k2, data_range=data_range)


SPEC = LossSpec(
    function=photometric_loss,
    module=PhotometricLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"alpha": 0.3, "data_range": 2.0, "k1": 0.1, "k2": 0.2}),
    paper="arXiv:1609.03677",
    example=_example,
)
