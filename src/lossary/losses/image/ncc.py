"""Normalised cross-correlation of images, of whole ones and of every neighbourhood."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N H *, real N H * -> N")
def ncc_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Normalised cross-correlation loss, :math:`1 - \frac{\sum_p (x_p - \bar x)(y_p - \bar y)}
    {\sqrt{\sum_p (x_p - \bar x)^2 \sum_p (y_p - \bar y)^2}}`, of each image.

    For registration of images that agree up to brightness and contrast, both of which it ignores.
    If they vary over the image see :func:`~lossary.local_ncc_loss`. An image without contrast has
    correlation 0.

    Args:
        input: images, of shape (N, H, ...), for instance (N, C, H, W).
        target: of the shape of ``input``; integers are converted.

    References:
        Lewis, *Fast Normalized Cross-Correlation*, Vision Interface 1995, eq. 2.

    >>> ncc_loss(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[9.0, 7.0, 5.0]]))
    tensor(2.)
    """
    x, y = _centred(input), _centred(target)
    correlation = (normalize(x) * normalize(y)).sum(1)
    return reduce(1 - correlation, weight, reduction)


def _centred(x: Tensor) -> Tensor:
    x = x.unsqueeze(-1).flatten(1)
    return x - x.sum(1, keepdim=True) / max(1, x.shape[1])


@signature("real N C H *, real N C H * -> N", window_size="int [1, inf)", eps="(0, inf)")
def local_ncc_loss(
    input: Tensor,
    target: Tensor,
    *,
    window_size: int = 9,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Local normalised cross-correlation loss, one minus the mean over all windows of
    :math:`\frac{\mathrm{cov}(x, y)^2}{\mathrm{var}(x)\,\mathrm{var}(y) + \epsilon}`.

    For registration of images whose brightness and contrast differ from place to place, of
    different scanners for instance. The square makes a structure and its negative alike. A window
    without contrast has similarity 0; ``eps`` says which contrasts are noise, so it depends on the
    range of the data. Windows lie inside the image.

    Args:
        input: images, of shape (N, C, H), (N, C, H, W) or (N, C, D, H, W).
        target: of the shape of ``input``; integers are converted.
        window_size: the number of pixels along each side of the window.
        eps: the product of variances below which a window counts as flat.

    Raises:
        ValueError: if the images are smaller than the window, or have more than three dimensions.

    References:
        Avants et al., *Symmetric Diffeomorphic Image Registration with Cross-Correlation*, Medical
        Image Analysis 2008, eq. 5.

    >>> x, y = torch.tensor([[[0.0, 2.0, 0.0]]]), torch.tensor([[[0.0, -1.0, -1.0]]])
    >>> local_ncc_loss(x, y, window_size=2)  # of two windows one agrees and one is flat
    tensor(0.5000)
    """
    spatial = input.shape[2:]
    if len(spatial) > 3 or any(size < window_size for size in spatial):
        raise ValueError(
            "local_ncc_loss: input must have one to three dimensions of at least window_size = "
            f"{window_size} pixels, got {tuple(spatial)}"
        )
    if not input.shape[1]:
        return reduce((input - target).flatten(1).sum(1), weight, reduction)
    # variances do not depend on the level of the image; without it they keep their digits
    axes = tuple(range(2, input.ndim))
    x = input - input.mean(axes, keepdim=True).detach()
    y = target - target.mean(axes, keepdim=True).detach()
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(spatial) - 1]
    size = int(window_size)
    mean_x, mean_y = pool(x, size, 1), pool(y, size, 1)
    var_x = (pool(x * x, size, 1) - mean_x.square()).clamp(min=0)
    var_y = (pool(y * y, size, 1) - mean_y.square()).clamp(min=0)
    cov = pool(x * y, size, 1) - mean_x * mean_y
    similarity = (cov.square() / (var_x * var_y + eps)).flatten(1).mean(1)
    return reduce(1 - similarity, weight, reduction)


class NCCLoss(FunctionLoss):
    """Module form of :func:`ncc_loss`."""

    function = staticmethod(ncc_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class LocalNCCLoss(FunctionLoss):
    """Module form of :func:`local_ncc_loss`."""

    function = staticmethod(local_ncc_loss)

    def __init__(
        self, *, window_size: int = 9, eps: float = 1e-5, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, window_size=window_size, eps=eps)


def _example(generator: Generator) -> tuple[object, ...]:
    x, y = torch.randn(2, 3, 2, 5, 4, generator=generator)
    return x, y


SPECS = (
    LossSpec(
        function=ncc_loss,
        module=NCCLoss,
        traits=Trait.SYMMETRIC | Trait.SHIFT_INVARIANT,
        paper="Lewis, Fast Normalized Cross-Correlation, Vision Interface 1995",
    ),
    LossSpec(
        function=local_ncc_loss,
        module=LocalNCCLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC | Trait.SHIFT_INVARIANT,
        variants=({"window_size": 3}, {"window_size": 2, "eps": 0.1}),
        paper="doi:10.1016/j.media.2007.06.004",
        example=_example,
    ),
)
