"""Total variation of an image."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import root, steps


@signature("real N C H * -> N")
def total_variation_loss(
    input: Tensor,
    *,
    isotropic: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Total variation, :math:`\sum_p |\partial_1 x_p| + |\partial_2 x_p| + \dots`, or
    :math:`\sum_p \sqrt{(\partial_1 x_p)^2 + (\partial_2 x_p)^2 + \dots}` if isotropic, with
    differences :math:`\partial_i` of neighbouring pixels.

    A regulariser that removes noise and keeps edges: denoising, inpainting, style transfer. It is
    a sum over the pixels and channels of each image, so its factor depends on their number; too
    strong, it turns shades into plateaus. The isotropic form favours no direction.

    Args:
        input: images, of shape (N, C, H, ...): signals, pictures or volumes.
        isotropic: whether edges along the axes cost the same as slanted ones. Where nothing
            changes, its gradient is 0.

    References:
        Rudin, Osher and Fatemi, *Nonlinear Total Variation Based Noise Removal Algorithms*,
        Physica D 1992, eq. 2.1; Chambolle, *An Algorithm for Total Variation Minimization and
        Applications*, 2004, for the differences.

    >>> x = torch.tensor([[[[0.0, 4.0], [3.0, 4.0]]]])
    >>> total_variation_loss(x), total_variation_loss(x, isotropic=True)
    (tensor(8.), tensor(6.))
    """
    axes = range(2, input.ndim)
    if isotropic:
        squares = sum(_forward(input, dim).square() for dim in axes)
        units = root(torch.as_tensor(squares)).flatten(1).sum(1)
    else:
        # every sum starts from shape (N, ...), so images of one pixel have a gradient too
        units = torch.stack([steps(input, dim).abs().flatten(1).sum(1) for dim in axes]).sum(0)
    return reduce(units, weight, reduction)


def _forward(x: Tensor, dim: int) -> Tensor:
    """Return the next pixel less this one, 0 at the last."""
    size = x.shape[dim]
    last = x.narrow(dim, max(0, size - 1), min(1, size))
    return torch.cat([x.narrow(dim, min(1, size), max(0, size - 1)), last], dim) - x


class TotalVariationLoss(FunctionLoss):
    """Module form of :func:`total_variation_loss`."""

    function = staticmethod(total_variation_loss)

    def __init__(self, *, isotropic: bool = False, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, isotropic=isotropic)


SPEC = LossSpec(
    function=total_variation_loss,
    module=TotalVariationLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"isotropic": True}),
    paper="doi:10.1016/0167-2789(92)90242-F",
)
