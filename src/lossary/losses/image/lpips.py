"""Distance between normalized features of images, with a weight for each channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...features import Features, feature_pairs
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._example import TwoLayers


@signature("fn, real N *, real N * -> N")
def lpips_loss(
    extractor: Callable[[Tensor], Features],
    input: Tensor,
    target: Tensor,
    *,
    channel_weights: Sequence[Tensor] | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Learned perceptual image patch similarity, :math:`\sum_l \frac{1}{H_l W_l} \sum_{h, w}
    \sum_c v_{lc} (\hat\phi_{lc}(x) - \hat\phi_{lc}(y))^2` over features :math:`\hat\phi_l` of a
    trained network, of length 1 along their channels.

    Agrees with people better than distances of pixels, as a measure and as a loss. Unlike
    :func:`~lossary.perceptual_loss` no layer rules by the size of its features. The weights that
    were fitted to people's judgements belong to one network; this library has neither. Without
    them all channels count alike, the paper's baseline. As a loss it wants one of pixels beside it.

    Args:
        extractor: maps a batch of images (N, ...) to its features, one tensor (N, C, ...) or a
            sequence of them; for instance a :class:`~lossary.FeatureExtractor` of a trained
            network, whose input has the range that the network was trained on.
        input: images, of shape (N, ...).
        target: images, of the shape of ``input``. Its features carry a gradient only if it does.
        channel_weights: for each feature map the weights :math:`v_l` of its channels, of shape
            (C,), none below 0; the paper's program calls them ``lin``. All 1 by default.

    References:
        Zhang et al., *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, CVPR
        2018, eq. 1, where the weights are squared.

    >>> same = lambda image: image
    >>> lpips_loss(same, torch.tensor([[[3.0], [4.0]]]), torch.tensor([[[1.0], [0.0]]]))
    tensor(0.8000)
    """
    units = input.new_zeros(len(input), dtype=torch.promote_types(input.dtype, torch.float32))
    pairs = feature_pairs(extractor, input, target, None)
    if channel_weights is not None and len(channel_weights) != len(pairs):
        raise ValueError(
            f"channel_weights must have one tensor per layer, {len(pairs)}, got "
            f"{len(channel_weights)}"
        )
    for layer, (_, x, y) in enumerate(pairs):
        apart = (_direction(x) - _direction(y)).square()
        if channel_weights is not None:
            if channel_weights[layer].shape != x.shape[1:2]:
                raise ValueError(
                    f"channel_weights must have one number per channel, {x.shape[1]} in layer "
                    f"{layer}, got shape {tuple(channel_weights[layer].shape)}"
                )
            apart = apart * channel_weights[layer].to(apart).view(-1, *(1,) * (x.ndim - 2))
        units = units + apart.sum(1).unsqueeze(-1).flatten(1).mean(1)
    return reduce(units, weight, reduction)


def _direction(features: Tensor) -> Tensor:
    """Scale features to length 1 along their channels; those that are zero stay zero."""
    squares = features.square().sum(1, keepdim=True)
    return features * torch.where(squares == 0, 1.0, squares).rsqrt()


class LPIPSLoss(FunctionLoss):
    """Module form of :func:`lpips_loss`.

    It owns the extractor and is called with ``(input, target)``.

    Args:
        extractor: maps images to features, for instance a :class:`~lossary.FeatureExtractor`.
    """

    function = staticmethod(lpips_loss)

    def __init__(
        self,
        extractor: Callable[[Tensor], Features],
        *,
        channel_weights: Sequence[Tensor] | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, channel_weights=channel_weights)
        self.extractor = extractor

    def operands(self, input: Tensor, target: Tensor) -> tuple[object, ...]:
        return self.extractor, input, target


def _example(generator: Generator) -> tuple[object, ...]:
    input, target = torch.randn(2, 6, 2, 5, 5, generator=generator)
    return TwoLayers(generator), input, target


SPEC = LossSpec(
    function=lpips_loss,
    module=LPIPSLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"channel_weights": (torch.tensor([0.5, 2.0, 1.0]), torch.ones(4))}),
    paper="arXiv:1801.03924",
    owned={"extractor": "extractor"},
    example=_example,
)
