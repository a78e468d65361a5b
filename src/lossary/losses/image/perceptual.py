"""Distance between the features of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...features import Features, feature_pairs
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._example import example


@signature("fn, real N *, real N * -> N")
def perceptual_loss(
    extractor: Callable[[Tensor], Features],
    input: Tensor,
    target: Tensor,
    *,
    layer_weights: Sequence[float] | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Perceptual loss, :math:`\sum_l w_l \|\phi_l(x) - \phi_l(y)\|^2 / (C_l H_l W_l)` over
    features :math:`\phi_l` of a trained network.

    For images that should look alike without agreeing pixel by pixel: super-resolution, style
    transfer, synthesis. It says what the network sees; against patterns that the network is blind
    to add a pixel loss.

    Args:
        extractor: maps a batch of images (N, ...) to its features, one tensor (N, C, ...) or a
            sequence of them; for instance a :class:`~lossary.FeatureExtractor` of a trained
            network, whose description has a recipe for VGG.
        input: images, of shape (N, ...).
        target: images, of the shape of ``input``. Its features carry a gradient only if it does.
        layer_weights: the factor :math:`w_l` of each feature map; all 1 by default.

    References:
        Johnson, Alahi and Fei-Fei, *Perceptual Losses for Real-Time Style Transfer and
        Super-Resolution*, ECCV 2016, eq. 2.

    >>> edges = lambda image: image[..., 1:] - image[..., :-1]
    >>> perceptual_loss(edges, torch.tensor([[[0.0, 1.0, 4.0]]]), torch.tensor([[[0.0, 0.0, 0.0]]]))
    tensor(5.)
    """
    units = input.new_zeros(len(input), dtype=torch.promote_types(input.dtype, torch.float32))
    for w, x, y in feature_pairs(extractor, input, target, layer_weights):
        units = units + w * (x - y).square().flatten(1).mean(1)
    return reduce(units, weight, reduction)


class PerceptualLoss(FunctionLoss):
    """Module form of :func:`perceptual_loss`.

    It owns the extractor and is called with ``(input, target)``.

    Args:
        extractor: maps images to features, for instance a :class:`~lossary.FeatureExtractor`.
    """

    function = staticmethod(perceptual_loss)

    def __init__(
        self,
        extractor: Callable[[Tensor], Features],
        *,
        layer_weights: Sequence[float] | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, layer_weights=layer_weights)
        self.extractor = extractor

    def operands(self, input: Tensor, target: Tensor) -> tuple[object, ...]:
        return self.extractor, input, target


SPEC = LossSpec(
    function=perceptual_loss,
    module=PerceptualLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"layer_weights": (0.5, 2.0)}),
    paper="arXiv:1603.08155",
    owned={"extractor": "extractor"},
    example=example,
)
