"""Overlap of rotated boxes as Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._gaussians import check, example, shape
from ._overlap import ratio


@signature("real * 5, real * 5 -> *")
def probiou_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""ProbIoU loss of rotated boxes, the Hellinger distance :math:`\sqrt{1 - e^{-B}}` with
    :math:`B = \tfrac18 \delta^\top \Sigma^{-1} \delta + \tfrac12 \ln (|\Sigma| / \sqrt{|\Sigma_1|
    |\Sigma_2|})` of the Gaussians that have the centres of the boxes, :math:`\delta` apart, as
    means and :math:`R_\theta \, \mathrm{diag}(w^2/12, h^2/12) \, R_\theta^\top` as covariances,
    :math:`\Sigma` being their mean.

    Like the IoU it lies between 0 and 1 and knows no scale; like
    :func:`~lossary.gaussian_wasserstein_loss` it has no seam where the angle wraps. Boxes far
    apart get hardly any gradient: for pairs that an assignment has made overlap. A box without
    extent shares nothing with others: it costs 1 and gets no gradient.

    Args:
        input: predicted boxes (centre x, centre y, width, height, angle in radians), of shape
            (..., 5); the signs of the sides do not matter.
        target: of the shape of ``input``.

    References:
        Llerena et al., *Gaussian Bounding Boxes and Probabilistic Intersection-over-Union for
        Object Detection*, 2021, section 3, the loss of the Hellinger distance.

    >>> box = torch.tensor([[0.0, 0.0, 4.0, 2.0, 0.0]])
    >>> truth = torch.tensor([[0.0, 0.0, 2.0, 2.0, 0.0]])  # exp(-B) = (2 * 4 * 2 / (16 + 4)) ** 0.5
    >>> probiou_loss(box, truth)
    tensor(0.3249)
    """
    check("probiou_loss", input, target)
    # in units of the longest length; the distance does not depend on it, nor does the gradient
    apart = input[..., :2] - target[..., :2]
    lengths = torch.cat([apart, input[..., 2:4], target[..., 2:4]], -1).abs()
    longest = lengths.amax(-1, keepdim=True).detach()
    unit = torch.where(longest >= torch.finfo(longest.dtype).tiny, longest, 1.0)
    dx, dy = (apart / unit).unbind(-1)
    m, d, g = shape(input / unit, 1 / 12)
    n, e, h = shape(target / unit, 1 / 12)
    turn, angles = input[..., 4] - target[..., 4], (2 * input[..., 4], 2 * target[..., 4])
    # |2 Sigma| - 4 sqrt(|Sigma_1| |Sigma_2|), as squares: the difference itself would cancel
    excess = (
        (g - h).square()
        + 2 * ratio((d * h - e * g).square(), m * n + g * h + d * e)
        + 4 * d * e * turn.sin().square()
    )
    both, whole = 4 * g * h, (excess + 4 * g * h)
    # a box so thin counts as one without extent: the ratios below would overflow
    some = both >= 16 * torch.finfo(both.dtype).eps ** 2
    both, whole = torch.where(some, both, 1.0), torch.where(some, whole, 1.0)
    along = d * angles[0].cos() + e * angles[1].cos()
    across = d * angles[0].sin() + e * angles[1].sin()
    stretch = (
        (m + n) * (dx.square() + dy.square())
        - along * (dx.square() - dy.square())
        - 2 * across * dx * dy
    )
    distance = stretch / whole / 4 + torch.log1p(torch.where(some, excess, 0.0) / both) / 2
    square = torch.where(some, -torch.expm1(-distance), 1.0)
    positive = square > 0
    root = torch.where(positive, square, 1.0).sqrt()
    return reduce(torch.where(positive, root, 0.0), weight, reduction)


class ProbIoULoss(FunctionLoss):
    """Module form of :func:`probiou_loss`."""

    function = staticmethod(probiou_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=probiou_loss,
    module=ProbIoULoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    paper="arXiv:2106.06072",
    example=example,
)
