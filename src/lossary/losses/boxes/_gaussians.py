"""Rotated boxes as Gaussians."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Shape(NamedTuple):
    """The covariance of a box, up to the direction of its first side.

    Attributes:
        mean: mean of the eigenvalues.
        spread: half their difference, positive where the first side is the longer one.
        area: root of the determinant.
    """

    mean: Tensor
    spread: Tensor
    area: Tensor


def check(loss: str, input: Tensor, target: Tensor) -> None:
    """Raise ValueError unless the last dimensions hold rotated boxes."""
    for name, box in (("input", input), ("target", target)):
        if box.shape[-1] != 5:
            raise ValueError(
                f"{loss}: {name} must have x, y, width, height and angle as its last dimension, "
                f"got {tuple(box.shape)}"
            )


def shape(box: Tensor, share: float) -> Shape:
    """Return the covariance of a box whose variances are ``share`` of its squared sides."""
    across, along = share * box[..., 2].square(), share * box[..., 3].square()
    return Shape(
        (across + along) / 2, (across - along) / 2, share * (box[..., 2] * box[..., 3]).abs()
    )


def example(generator: Generator) -> tuple[object, ...]:
    """Make pairs of rotated boxes that are not far apart."""
    boxes = torch.randn(2, 6, 5, generator=generator)
    boxes[..., 2:4] = boxes[..., 2:4].abs() + 0.3
    return boxes[0], boxes[1]
