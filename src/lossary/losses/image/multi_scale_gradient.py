"""Loss between the slopes of depth maps at several scales."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N H W, real N H W, prob N H W -> N", scales="int [1, inf)")
def multi_scale_gradient_loss(
    input: Tensor,
    target: Tensor,
    mask: Tensor,
    *,
    scales: int = 4,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-scale gradient matching, :math:`\sum_{k=0}^{K-1} \frac{1}{n_k} \sum_p |\partial_h
    r^k_p| + |\partial_v r^k_p|` with the error :math:`r = x - y` of every :math:`2^k`-th pixel and
    differences of neighbours, both of which were measured; :math:`n_k` counts the measured pixels.

    Makes depth smooth where the true one is, and its edges sharp. Added to
    :func:`~lossary.silog_loss` of the same depths, here as logarithms, or to a loss of inverse
    depths that were aligned in shift and scale; by itself it does not know the shift. The steps
    over several pixels see what neighbours do not. See :func:`~lossary.depth_gradient_loss` for
    squares at one scale.

    Args:
        input: logarithms of depths, or aligned inverse depths, of shape (N, H, W).
        target: of the shape of ``input``; where nothing was measured any finite numbers.
        mask: 1 where a pixel was measured, else 0, of the same shape; booleans too. A difference
            counts by the product of its two pixels.
        scales: the number of scales K.

    References:
        Li and Snavely, *MegaDepth: Learning Single-View Depth Prediction from Internet Photos*,
        CVPR 2018, the gradient matching term; Ranftl et al., *Towards Robust Monocular Depth
        Estimation*, IEEE Transactions on Pattern Analysis and Machine Intelligence 2022.

    >>> x, y = torch.tensor([[[0.0, 1.0, 3.0]]]), torch.zeros(1, 1, 3)
    >>> multi_scale_gradient_loss(x, y, torch.ones(1, 1, 3), scales=2)  # 3 / 3 + 3 / 2
    tensor(2.5000)
    """
    error = torch.where(mask > 0, input - target, 0.0)
    total = torch.zeros_like(error.sum((1, 2)))
    for scale in range(int(scales)):
        step = 2**scale
        if scale and step >= max(error.shape[1:]):
            break  # of one pixel there is no difference
        coarse, there = error[:, ::step, ::step], mask[:, ::step, ::step]
        down = (coarse[:, 1:] - coarse[:, :-1]).abs() * (there[:, 1:] * there[:, :-1])
        across = (coarse[:, :, 1:] - coarse[:, :, :-1]).abs()
        across = across * (there[:, :, 1:] * there[:, :, :-1])
        count = there.sum((1, 2))
        found = down.sum((1, 2)) + across.sum((1, 2))
        total = total + found / torch.where(count == 0, 1.0, count)
    return reduce(total, weight, reduction)


class MultiScaleGradientLoss(FunctionLoss):
    """Module form of :func:`multi_scale_gradient_loss`."""

    function = staticmethod(multi_scale_gradient_loss)

    def __init__(self, *, scales: int = 4, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scales=scales)


SPEC = LossSpec(
    function=multi_scale_gradient_loss,
    module=MultiScaleGradientLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
    variants=({}, {"scales": 2}),
    paper="arXiv:1804.00607",
)
