"""How two boxes lie to each other, with finite gradients wherever they lie."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Overlap(NamedTuple):
    """How an input box lies to its target box, in units of the longer side of the hull.

    In a unit of its own the areas of small and large boxes neither vanish nor overflow. The
    losses do not depend on the unit, so that no gradient flows through it.

    Attributes:
        iou: intersection over union; of two boxes without area 0.
        union: area of the union.
        offset: from the target's centre to the input's, (x, y).
        sides: (width, height) of the input.
        target_sides: (width, height) of the target.
        hull: (width, height) of the smallest box around both.
    """

    iou: Tensor
    union: Tensor
    offset: tuple[Tensor, Tensor]
    sides: tuple[Tensor, Tensor]
    target_sides: tuple[Tensor, Tensor]
    hull: tuple[Tensor, Tensor]


def corners(loss: str, name: str, box: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return x1 <= x2 and y1 <= y2 of boxes, as (x1, y1, x2, y2); swapped if they came swapped."""
    if box.shape[-1] != 4:
        raise ValueError(
            f"{loss}: {name} must have the corners x1, y1, x2, y2 as its last dimension, got "
            f"{tuple(box.shape)}"
        )
    x1, y1, x2, y2 = box.unbind(-1)
    # a choice instead of minimum and maximum: these would halve the gradient of an empty box
    turned_x, turned_y = x2 < x1, y2 < y1
    return (
        torch.where(turned_x, x2, x1),
        torch.where(turned_y, y2, y1),
        torch.where(turned_x, x1, x2),
        torch.where(turned_y, y1, y2),
    )


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Return ``part / whole``, and 0 with zero gradient where the whole is nothing."""
    some = whole >= torch.finfo(whole.dtype).tiny
    return torch.where(some, part, 0.0) / torch.where(some, whole, 1.0)


def overlap(loss: str, input: Tensor, target: Tensor) -> Overlap:
    """Measure boxes of shape (..., 4) against their targets."""
    ends = corners(loss, "input", input)
    target_ends = corners(loss, "target", target)
    left, top = (torch.minimum(ends[i], target_ends[i]) for i in (0, 1))
    longer = torch.maximum(
        torch.maximum(ends[2], target_ends[2]) - left, torch.maximum(ends[3], target_ends[3]) - top
    ).detach()
    unit = torch.where(longer >= torch.finfo(longer.dtype).tiny, longer, 1.0)
    x1, y1, x2, y2 = (end / unit for end in ends)
    a1, b1, a2, b2 = (end / unit for end in target_ends)
    sides, target_sides = (x2 - x1, y2 - y1), (a2 - a1, b2 - b1)
    common_x = torch.minimum(x2, a2) - torch.maximum(x1, a1)
    common_y = torch.minimum(y2, b2) - torch.maximum(y1, b1)
    common = common_x.clamp(min=0) * common_y.clamp(min=0)
    union = sides[0] * sides[1] + target_sides[0] * target_sides[1] - common
    return Overlap(
        ratio(common, union),
        union,
        ((x1 - a1 + x2 - a2) / 2, (y1 - b1 + y2 - b2) / 2),
        sides,
        target_sides,
        (
            torch.maximum(x2, a2) - torch.minimum(x1, a1),
            torch.maximum(y2, b2) - torch.minimum(y1, b1),
        ),
    )


def centre_distance(lie: Overlap) -> Tensor:
    """Return the squared distance of the centres over the squared diagonal of the hull."""
    return ratio(
        lie.offset[0].square() + lie.offset[1].square(),
        lie.hull[0].square() + lie.hull[1].square(),
    )


def side_errors(lie: Overlap) -> tuple[Tensor, Tensor]:
    """Return how much the sides differ, as shares of the longer ones."""
    width, height = (
        ratio((a - b).abs(), torch.maximum(a, b))
        for a, b in zip(lie.sides, lie.target_sides, strict=True)
    )
    return width, height


def example(generator: Generator) -> tuple[object, ...]:
    """Make pairs of boxes: overlapping ones, a contained one and distant ones."""
    centre = torch.rand(7, 2, generator=generator) * 2
    side = torch.rand(7, 2, generator=generator) + 0.3
    move = (
        torch.randn(7, 2, generator=generator)
        * torch.tensor([0.05, 0.2, 0.3, 0.3, 0.4, 1, 3])[:, None]
    )
    grow = 0.4 + 1.2 * torch.rand(7, 2, generator=generator)
    box = torch.cat([centre - side / 2, centre + side / 2], 1)
    other = torch.cat([centre + move - grow * side / 2, centre + move + grow * side / 2], 1)
    return other, box
