"""Distance of rotated boxes as Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._gaussians import check, example, shape
from ._overlap import ratio


@signature("real * 5, real * 5 -> *", tau="[1, inf)")
def gaussian_wasserstein_loss(
    input: Tensor,
    target: Tensor,
    *,
    tau: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gaussian Wasserstein loss of rotated boxes, :math:`1 - 1 / (\tau + \ln(1 + W^2))` with the
    squared 2-Wasserstein distance :math:`W^2 = |\mu - \mu^*|^2 + \mathrm{tr}(\Sigma + \Sigma^* -
    2 (\Sigma^{1/2} \Sigma^* \Sigma^{1/2})^{1/2})` of the Gaussians that have the boxes' centres as
    means and :math:`R_\theta \, \mathrm{diag}(w^2/4, h^2/4) \, R_\theta^\top` as covariances.

    Has no seam where the angle wraps or the sides change roles, and a gradient for boxes that do
    not touch. The angle of a square is free. The distance is in the unit of the boxes: small
    objects weigh less than under losses of the IoU.

    Args:
        input: predicted boxes (centre x, centre y, width, height, angle in radians), of shape
            (..., 5); the signs of the sides do not matter.
        target: of the shape of ``input``.
        tau: sets how steep the loss begins: its slope in :math:`W^2` is there :math:`\tau^{-2}`,
            and what it costs to be right, :math:`1 - 1/\tau`.

    References:
        Yang et al., *Rethinking Rotated Object Detection with Gaussian Wasserstein Distance Loss*,
        ICML 2021, section 3, with the logarithm.

    >>> box = torch.tensor([[0.0, 0.0, 4.0, 2.0, 0.0]])
    >>> truth = torch.tensor([[1.0, 0.0, 2.0, 4.0, 0.0]])  # W² = 1 + (2 - 1)² + (1 - 2)² = 3
    >>> gaussian_wasserstein_loss(box, truth)
    tensor(0.5809)
    """
    check("gaussian_wasserstein_loss", input, target)
    moved = (input[..., :2] - target[..., :2]).square().sum(-1)
    mean, spread, area = shape(input, 1 / 4)
    target_mean, target_spread, target_area = shape(target, 1 / 4)
    turn = (input[..., 4] - target[..., 4]).sin().square()
    # With eigenvalues m ± d and determinant g², the trace above is (m + m*)² less t over its own
    # root: two sums of squares, in which no large numbers cancel as they do in the definition.
    apart = (
        (spread - target_spread).square()
        + 4 * spread * target_spread * turn
        + (area - target_area).square()
    )
    square = (mean + target_mean).square() - apart
    some = square >= torch.finfo(square.dtype).tiny
    root = torch.where(some, torch.where(some, square, 1.0).sqrt(), 0.0)
    distance = moved + 2 * ratio(apart, mean + target_mean + root)
    return reduce(1 - 1 / (tau + distance.clamp(min=0).log1p()), weight, reduction)


class GaussianWassersteinLoss(FunctionLoss):
    """Module form of :func:`gaussian_wasserstein_loss`."""

    function = staticmethod(gaussian_wasserstein_loss)

    def __init__(self, *, tau: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, tau=tau)


SPEC = LossSpec(
    function=gaussian_wasserstein_loss,
    module=GaussianWassersteinLoss,
    traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
    variants=({}, {"tau": 3.0}),
    paper="arXiv:2101.11952",
    example=example,
)
