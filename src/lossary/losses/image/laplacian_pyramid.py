"""Loss between the details of images, from fine to coarse."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import repeated_edges


@signature("real N C H W, real N C H W -> N", levels="int [1, inf)")
def laplacian_pyramid_loss(
    input: Tensor,
    target: Tensor,
    *,
    levels: int = 5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Laplacian pyramid loss, :math:`\tfrac1n \sum_{j=0}^{J-1} 4^j \|L^j(x) - L^j(y)\|_1`, where
    :math:`L^j` is what level j of a pyramid of blurred and halved images has more than the next
    one, and the last level what is left; n is the number of pixels and channels.

    The absolute error of edges and textures at every size, and of the coarse image: sharper than
    the error of the pixels alone, for generated and interpolated pictures and mattes. The factors
    make up for the smaller number of pixels.

    An image is blurred by (1, 4, 6, 4, 1) / 16 along both dimensions, its edges repeated, and every
    second pixel is kept; it is enlarged with the same weights. A level needs an image of at least
    2 pixels along one dimension; there are as many as that allows.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``; integers are converted.
        levels: the number of levels J, the last one included.

    References:
        Bojanowski et al., *Optimizing the Latent Space of Generative Networks*, ICML 2018, section
        3, with the mean over the image in place of the sum; Burt and Adelson, *The Laplacian
        Pyramid as a Compact Image Code*, IEEE Transactions on Communications 1983.

    >>> x, y = torch.full((1, 1, 4, 4), 3.0), torch.ones(1, 1, 4, 4)
    >>> laplacian_pyramid_loss(x, y, levels=2)  # no details; 4 * 2 * 2 of four pixels, over 16
    tensor(2.)
    """
    image = input - target  # the pyramid of a difference is the difference of the pyramids
    count = max(1, input[0].numel() if len(input) else 0)
    total = torch.zeros_like(image.flatten(1).sum(1))
    factor = 1.0 / count
    for _ in range(int(levels) - 1):
        if max(image.shape[2:]) < 2:
            break
        small = _halved(_halved(image, 2), 3)
        detail = image - _doubled(_doubled(small, 2, image.shape[2]), 3, image.shape[3])
        total = total + factor * detail.abs().flatten(1).sum(1)
        image, factor = small, 4 * factor
    return reduce(total + factor * image.abs().flatten(1).sum(1), weight, reduction)


def _halved(x: Tensor, dim: int) -> Tensor:
    """Blur along a dimension and keep every second place."""
    size = x.shape[dim]
    if not size:
        return x
    wide = repeated_edges(repeated_edges(x, dim), dim)
    parts = [wide.narrow(dim, k, size) for k in range(5)]
    blurred = (parts[0] + parts[4] + 4 * (parts[1] + parts[3]) + 6 * parts[2]) / 16
    places = torch.arange(0, size, 2, device=x.device)
    return blurred.index_select(dim, places)


def _doubled(x: Tensor, dim: int, size: int) -> Tensor:
    """Put places between those of a dimension, with the weights of the blur."""
    if not size:
        return x
    wide, half = repeated_edges(x, dim), x.shape[dim]
    before, here, after = (wide.narrow(dim, k, half) for k in range(3))
    at, between = (before + 6 * here + after) / 8, (here + after) / 2
    return torch.stack([at, between], dim + 1).flatten(dim, dim + 1).narrow(dim, 0, size)


class LaplacianPyramidLoss(FunctionLoss):
    """Module form of :func:`laplacian_pyramid_loss`."""

    function = staticmethod(laplacian_pyramid_loss)

    def __init__(self, *, levels: int = 5, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, levels=levels)


SPEC = LossSpec(
    function=laplacian_pyramid_loss,
    module=LaplacianPyramidLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
    variants=({}, {"levels": 2}, {"levels": 1}),
    paper="arXiv:1707.05776",
)
