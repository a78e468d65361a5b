"""Networks: a sensible one for the data, or the user's own."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

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


def network_factory(network: str | NetworkFactory) -> NetworkFactory:
    """Return ``"default"``, what ``module:factory`` names, or the function itself."""
    if network == "default":
        return default_network
    if isinstance(network, str):
        found: NetworkFactory = import_from(network)
        return found
    return network
