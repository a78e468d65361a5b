"""Networks: a sensible one for the data, or the user's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..data.tables import Task
from ..lookup import import_from

NetworkFactory = Callable[[tuple[int, ...], int], nn.Module]
"""A function of the shape of one sample and the number of outputs."""

WIDTH = 64


def default_network(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return a small convolutional network for images, a multi-layer perceptron for tables."""
    if len(shape) == 3:
        channels, height, width = shape
        return nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * (height // 2) * (width // 2), WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, outputs),
        )
    features = 1
    for size in shape:
        features *= size
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(features, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, outputs),
    )


class UNet(nn.Module):
    """A small U-Net: classes of pixels, from their surroundings at three scales.

    Ronneberger et al., *U-Net: Convolutional Networks for Biomedical Image Segmentation*, MICCAI
    2015, with padding, group norm and fewer channels. Images of any size.

    Args:
        channels: of the images.
        outputs: numbers per pixel.
        width: channels of the finest scale.
    """

    def __init__(self, channels: int, outputs: int, width: int = 16) -> None:
        super().__init__()
        self.fine, self.middle = _block(channels, width), _block(width, 2 * width)
        self.coarse = _block(2 * width, 4 * width)
        self.to_middle = _block(6 * width, 2 * width)
        self.to_fine = _block(3 * width, width)
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return numbers (N, outputs, H, W) of images (N, channels, H, W)."""
        fine = self.fine(x)
        middle = self.middle(_smaller(fine))
        coarse = self.coarse(_smaller(middle))
        middle = self.to_middle(torch.cat([_as_large(coarse, middle), middle], 1))
        found: Tensor = self.head(self.to_fine(torch.cat([_as_large(middle, fine), fine], 1)))
        return found


def _block(channels: int, out: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.GroupNorm(4, out),
        nn.ReLU(),
        nn.Conv2d(out, out, 3, padding=1),
        nn.ReLU(),
    )


def _smaller(x: Tensor) -> Tensor:
    return nn.functional.max_pool2d(x, 2, ceil_mode=True)


def _as_large(x: Tensor, other: Tensor) -> Tensor:
    return nn.functional.interpolate(x, other.shape[-2:], mode="nearest")


def _segmenting_network(shape: tuple[int, ...], outputs: int) -> nn.Module:
    return UNet(shape[0], outputs)


def network_factory(network: str | NetworkFactory, task: Task) -> NetworkFactory:
    """Return ``"default"`` for a task, what ``module:factory`` names, or the function itself."""
    if network == "default":
        return _segmenting_network if task == "segmentation" else default_network
    if isinstance(network, str):
        found: NetworkFactory = import_from(network)
        return found
    return network
