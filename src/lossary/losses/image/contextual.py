"""Likeness of images that are not aligned."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec
from ..metric._angles import normalize


@signature("real N P D, real N Q D -> N", bandwidth="(0, inf)", eps="(0, inf)")
def contextual_loss(
    input: Tensor,
    target: Tensor,
    *,
    bandwidth: float = 0.5,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Contextual loss, :math:`-\log\left( \tfrac1Q \sum_j \max_i CX_{ij} \right)` with
    :math:`CX_{ij} = \mathrm{softmax}_j \left( \tfrac1h \left( 1 - \frac{d_{ij}}{\min_k d_{ik} +
    \epsilon} \right) \right)` of the cosine distances :math:`d_{ij}` of features, after the mean of
    the target's is taken off.

    For pairs of images that show the same kinds of things in other places: style transfer,
    super-resolution with shifted pairs, translation of domains. Each feature of the target wants a
    feature of the input that is nearer to it than to all others. Where things are is lost; add a
    loss that knows. It takes P times Q numbers for each image: sample the features of large ones.

    Args:
        input: features of the generated images, of shape (N, P, D); of a feature map (N, C, H, W)
            they are ``map.flatten(2).transpose(1, 2)``.
        target: features of the real images, of shape (N, Q, D).
        bandwidth: :math:`h`; the smaller, the more the nearest counts alone.
        eps: steadies the ratio where a feature meets its equal.

    References:
        Mechrez, Talmi and Zelnik-Manor, *The Contextual Loss for Image Transformation with
        Non-Aligned Data*, ECCV 2018.

    >>> features = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> contextual_loss(features.flip(1), features)  # the same ones in other places
    tensor(0.)
    """
    if 0 in (input.shape[1], target.shape[1]):  # nothing to compare
        return reduce(0 * (input.sum((1, 2)) + target.sum((1, 2))), weight, reduction)
    places = target.shape[1]
    mean = target.sum(1, keepdim=True) / places
    x, y = normalize(input - mean), normalize(target - mean)
    distance = (1 - x @ y.transpose(1, 2)).clamp(min=0)
    relative = distance / (distance.amin(2, keepdim=True) + eps)
    log_likeness = torch.log_softmax((1 - relative) / bandwidth, 2).amax(1)
    return reduce(math.log(places) - log_likeness.logsumexp(1), weight, reduction)


class ContextualLoss(FunctionLoss):
    """Module form of :func:`contextual_loss`."""

    function = staticmethod(contextual_loss)

    def __init__(
        self, *, bandwidth: float = 0.5, eps: float = 1e-5, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, bandwidth=bandwidth, eps=eps)


SPEC = LossSpec(
    function=contextual_loss,
    module=ContextualLoss,
    variants=({}, {"bandwidth": 0.1, "eps": 0.1}),
    paper="arXiv:1803.02077",
)
