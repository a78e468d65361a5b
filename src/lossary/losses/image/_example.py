"""A small network with two layers of features, for the checker."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn


class TwoLayers(nn.Module):
    """Return the features of both of its layers."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 3, 2), nn.Conv2d(3, 4, 2)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:
        first = nn.functional.softplus(self.first(input))
        return first, self.second(first)


def example(generator: Generator) -> tuple[object, ...]:
    """Make the operands of a loss over features."""
    input, target = torch.randn(2, 4, 2, 5, 5, generator=generator)
    return TwoLayers(generator), input, target
