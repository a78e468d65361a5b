"""Divergence of rotated boxes as Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._gaussians import check, example

THIN = 1e-6  # the least side, as a share of the longest length of a pair


@signature("real * 5, real * 5 -> *", tau="[1, inf)")
def kullback_leibler_box_loss(
    input: Tensor,
    target: Tensor,
    *,
    tau: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Kullback-Leibler loss of rotated boxes, :math:`1 - 1 / (\tau + \ln(1 + D))` with the
    divergence :math:`D = \tfrac12 \delta^\top \Sigma_*^{-1} \delta + \tfrac12 \mathrm{tr}(
    \Sigma_*^{-1} \Sigma) + \tfrac12 \ln (|\Sigma_*| / |\Sigma|) - 1` of the predicted box from the
    true one, as Gaussians that have the centres of the boxes, :math:`\delta` apart, as means and
    :math:`R_\theta \, \mathrm{diag}(w^2/4, h^2/4) \, R_\theta^\top` as covariances.

    Unlike :func:`~lossary.gaussian_wasserstein_loss` it knows no scale, and the longer a box is
    the more its angle counts: for thin objects and strict thresholds. It has no seam where the
    angle wraps, and a gradient for boxes that do not touch. The divergence has a direction; swap
    the operands for the other one. A side shorter than a millionth of the longest length of its
    pair, the distance of the centres included, counts as that long.

    Args:
        input: predicted boxes (centre x, centre y, width, height, angle in radians), of shape
            (..., 5); the signs of the sides do not matter.
        target: of the shape of ``input``.
        tau: sets how steep the loss begins: its slope in D is there :math:`\tau^{-2}`, and what it
            costs to be right, :math:`1 - 1/\tau`.

    References:
        Yang et al., *Learning High-Precision Bounding Box for Rotated Object Detection via
        Kullback-Leibler Divergence*, NeurIPS 2021, section 3, with the logarithm.

    >>> box = torch.tensor([[0.0, 0.0, 4.0, 2.0, 0.0]])
    >>> truth = torch.tensor([[2.0, 0.0, 2.0, 4.0, 0.0]])  # D = 4 / 2 + (4 + 1 / 4) / 2 - 1
    >>> kullback_leibler_box_loss(box, truth)
    tensor(0.5863)
    """
    check("kullback_leibler_box_loss", input, target)
    (across, along), (width, height), (true_width, true_height) = _in_frame(input, target)
    turn = (input[..., 4] - target[..., 4]).sin().square()
    kept = 1 - turn
    spread = (kept * width.square() + turn * height.square()) / true_width.square()
    spread = spread + (turn * width.square() + kept * height.square()) / true_height.square()
    moved = (across / true_width).square() + (along / true_height).square()
    shrunk = true_width.log() + true_height.log() - width.log() - height.log()
    # half sides divide lengths, which makes the squared offsets four times as large
    distance = 2 * moved + (spread - 2) / 2 + shrunk
    return reduce(1 - 1 / (tau + distance.clamp(min=0).log1p()), weight, reduction)


Pair = tuple[Tensor, Tensor]


def _in_frame(input: Tensor, target: Tensor) -> tuple[Pair, Pair, Pair]:
    """Return the offset along the target's sides, and the sides of both, in a unit of the pair."""
    apart = input[..., :2] - target[..., :2]
    sides, true_sides = input[..., 2:4].abs(), target[..., 2:4].abs()
    longest = torch.cat([apart.abs(), sides, true_sides], -1).amax(-1, keepdim=True).detach()
    unit = torch.where(longest >= torch.finfo(longest.dtype).tiny, longest, 1.0)
    x, y = (apart / unit).unbind(-1)
    cosine, sine = target[..., 4].cos(), target[..., 4].sin()
    width, height = (sides / unit).clamp(min=THIN).unbind(-1)
    true_width, true_height = (true_sides / unit).clamp(min=THIN).unbind(-1)
    offset = (x * cosine + y * sine, y * cosine - x * sine)
    return offset, (width, height), (true_width, true_height)


class KullbackLeiblerBoxLoss(FunctionLoss):
    """Module form of :func:`kullback_leibler_box_loss`."""

    function = staticmethod(kullback_leibler_box_loss)

    def __init__(self, *, tau: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, tau=tau)


SPEC = LossSpec(
    function=kullback_leibler_box_loss,
    module=KullbackLeiblerBoxLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"tau": 3.0}),
    paper="arXiv:2106.01883",
    example=example,
)
