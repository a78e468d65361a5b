"""Distance between the correlations of features."""

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
def style_loss(
    extractor: Callable[[Tensor], Features],
    input: Tensor,
    target: Tensor,
    *,
    layer_weights: Sequence[float] | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Style loss, :math:`\sum_l w_l \|G_l(x) - G_l(y)\|_F^2` with the Gram matrices
    :math:`G_l = \phi_l \phi_l^\top / (C_l H_l W_l)` of features :math:`\phi_l` of a trained
    network.

    For images that should share colours and textures wherever they lie. For their contents see
    :func:`~lossary.perceptual_loss`.

    Args:
        extractor: maps a batch of images (N, ...) to its features, one tensor (N, C, ...) or a
            sequence of them; for instance a :class:`~lossary.FeatureExtractor` of a trained
            network, whose description has a recipe for VGG.
        input: images, of shape (N, ...).
        target: images, of the shape of ``input``. Its features carry a gradient only if it does.
        layer_weights: the factor :math:`w_l` of each feature map; all 1 by default.

    References:
        Johnson, Alahi and Fei-Fei, *Perceptual Losses for Real-Time Style Transfer and
        Super-Resolution*, ECCV 2016, eq. 3 and 4; Gatys, Ecker and Bethge, *Image Style Transfer
        Using Convolutional Neural Networks*, CVPR 2016 (other constants).

    >>> same = lambda image: image
    >>> style_loss(same, torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[2.0, 1.0]]]))  # as bright
    tensor(0.)
    """
    units = input.new_zeros(len(input), dtype=torch.promote_types(input.dtype, torch.float32))
    for w, x, y in feature_pairs(extractor, input, target, layer_weights):
        units = units + w * (_gram(x) - _gram(y)).square().sum((1, 2))
    return reduce(units, weight, reduction)


def _gram(features: Tensor) -> Tensor:
    flat = features.unsqueeze(-1).flatten(2)
    return flat @ flat.mT / (flat.shape[1] * flat.shape[2])


class StyleLoss(FunctionLoss):
    """Module form of :func:`style_loss`.

    It owns the extractor and is called with ``(input, target)``.

    Args:
        extractor: maps images to features, for instance a :class:`~lossary.FeatureExtractor`.
    """

    function = staticmethod(style_loss)

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
    function=style_loss,
    module=StyleLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"layer_weights": (0.5, 2.0)}),
    paper="arXiv:1603.08155",
    owned={"extractor": "extractor"},
    example=example,
)
