"""FeatureExtractor: the activations of a network's layers, for losses over features."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn


class FeatureExtractor(nn.Module):
    """Run a network and return the outputs of some of its layers.

    The network is frozen: its parameters get no gradient and it stays in evaluation mode, whatever
    mode the extractor is in. Gradients reach the images. Features are copies, so layers that work
    in place, as the ReLU of VGG does, do not change those of the layer before.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU())
    >>> [tuple(f.shape) for f in FeatureExtractor(network, ["1", "3"])(torch.zeros(2, 3, 9, 9))]
    [(2, 4, 7, 7), (2, 8, 5, 5)]

    A recipe for the VGG-16 of the perceptual losses, with torchvision at hand::

        weights = torchvision.models.VGG16_Weights.IMAGENET1K_FEATURES
        network = torchvision.models.vgg16(weights=weights).features
        extractor = FeatureExtractor(network, ["3", "8", "15", "22"])  # relu1_2 to relu4_3

    whose images are normalised first, as ``weights.transforms()`` says. To compile a loss, write
    a module that returns its features instead: ``torch.compile`` does not trace hooks.

    Args:
        network: any module.
        layers: names of layers, as ``network.named_modules()`` gives them, in the order that their
            features are wanted in.

    Raises:
        ValueError: if there is no layer of a name, or, when called, if a layer did not run.
        TypeError: when called, if a layer's output is not a tensor.
    """

    def __init__(self, network: nn.Module, layers: Sequence[str]) -> None:
        super().__init__()
        known = [name for name, _ in network.named_modules() if name]
        for layer in layers:
            if layer not in known:
                near = get_close_matches(layer, known, 3, 0.0)
                raise ValueError(
                    f"the network has no layer {layer!r}; near it are {', '.join(near)}"
                )
        self.network = network.eval().requires_grad_(False)
        self.layers = tuple(layers)

    def train(self, mode: bool = True) -> FeatureExtractor:
        """Leave the network in evaluation mode."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        """Return the output of each layer."""
        found: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            def hook(module: nn.Module, args: object, output: object) -> None:
                if not isinstance(output, Tensor):
                    raise TypeError(
                        f"the output of layer {name!r} must be a tensor, got "
                        f"{type(output).__name__}; choose a layer inside it or after it"
                    )
                found[name] = output.clone()

            return hook

        # hooks live for one call, so that copies and pickles carry none
        hooks = [self.network.get_submodule(n).register_forward_hook(keep(n)) for n in self.layers]
        try:
            self.network(input)
        finally:
            for hook in hooks:
                hook.remove()
        if idle := [name for name in self.layers if name not in found]:
            raise ValueError(f"the network did not run its layers {idle}, so they have no features")
        return tuple(found[name] for name in self.layers)


Features = Tensor | Sequence[Tensor]


def feature_pairs(
    extractor: Any, input: Tensor, target: Tensor, layer_weights: Sequence[float] | None
) -> list[tuple[float, Tensor, Tensor]]:
    """Return for each layer its weight and its features of both images, in wide precision."""
    of_input = _listed(extractor(input), input)
    with torch.set_grad_enabled(torch.is_grad_enabled() and target.requires_grad):
        of_target = _listed(extractor(target), target)
    weights = [1.0] * len(of_input) if layer_weights is None else list(layer_weights)
    if len(weights) != len(of_input):
        raise ValueError(
            f"layer_weights must have one number per layer, {len(of_input)}, got {len(weights)}"
        )
    wide = torch.promote_types(of_input[0].dtype, torch.float32)
    return [
        (w, x.to(wide), y.to(wide)) for w, x, y in zip(weights, of_input, of_target, strict=True)
    ]


def _listed(features: Features, images: Tensor) -> list[Tensor]:
    listed = [features] if isinstance(features, Tensor) else list(features)
    if not listed or any(
        not isinstance(f, Tensor) or f.ndim < 2 or len(f) != len(images) for f in listed
    ):
        got = [tuple(f.shape) if isinstance(f, Tensor) else type(f).__name__ for f in listed]
        raise ValueError(
            f"extractor must return a tensor of shape (N, C, ...) with N = {len(images)}, or a "
            f"sequence of them, got {got}"
        )
    return listed
