"""How the tensors of a call lie in memory: which dimensions are units, and which one is inner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..signature import Sizes
from .graph import NotFusible

Lanes = Literal["inner", "units"]
Axes = tuple[str | None, ...]

LONGEST = 1 << 16  # pixels of a sample that is taken at once
DEEPEST = 1 << 13  # places of an inner axis behind which others are, a line of memory each
PRIMES = (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)


@dataclass(frozen=True)
class Layout:
    """Rows of units, the inner axis, trailing units.

    Attributes:
        names: of all dimensions.
        axes: for each tensor, the names of its dimensions; None for size 1.
        full: the place of a tensor that has all of them.
        inner: the name of the inner axis, "" if there is none.
        length: its length.
        batch: the names of the other dimensions.
        rows: how many units there are in front of the inner axis.
        trailing: how many there are behind it.
        lanes: the axis that is last in memory.
    """

    names: tuple[str, ...]
    axes: tuple[Axes, ...]
    full: int
    inner: str
    length: int
    batch: tuple[str, ...]
    rows: int
    trailing: int
    lanes: Lanes

    @property
    def kind(self) -> tuple[object, ...]:
        """What compiled code depends on: all but the sizes of the batch."""
        return self.axes, self.inner, self.length, self.batch, self.lanes

    def sizes(self, which: int) -> dict[str, int]:
        """Return sizes to trace at, all different; the batch has others for each ``which``."""
        taken = [p for p in PRIMES if p != self.length]
        count = len(self.batch)
        if 2 * count > len(taken):
            raise NotFusible("it has too many dimensions")
        sizes = dict(zip(self.batch, taken[which * count :], strict=False))
        return {**sizes, self.inner: self.length} if self.inner else sizes


def arrange(
    shapes: Sequence[Sequence[int]], axes: Sequence[Axes], whole: int, units: Sequence[str]
) -> Layout:
    """Find the layout of a call.

    Args:
        shapes: of the tensors.
        axes: the names of their dimensions; one tensor has all.
        whole: how many of the tensors have all units; the others, hyperparameters, have none.
        units: the names of the dimensions of a unit's loss.
    """
    full = max(range(whole), key=lambda i: len(axes[i]))  # the first of those with all dimensions
    names = tuple(str(n) for n in axes[full])
    size = dict(zip(names, shapes[full], strict=True))
    everywhere = [set(a) for a in axes[:whole] if a]
    batch = tuple(
        n
        for n in names
        if n in units
        and all(n in found for found in everywhere)
        and not any(n in found for found in axes[whole:])
    )
    inner = [n for n in names if n not in batch and size[n] != 1]
    if len(inner) > 1 or not batch:
        raise NotFusible("it has more than one dimension that is not a unit's")
    if inner and inner[0].startswith("*") and size[inner[0]] > LONGEST:
        raise NotFusible("its samples do not fit in the cache")
    for found in axes:
        known = [n for n in found if n is not None]
        if known != [n for n in names if n in known]:
            raise NotFusible("its tensors have different dimensions, or in another order")
    given = tuple(
        tuple(n if n is not None and (n in batch or size[n] != 1) else None for n in found)
        for found in axes
    )
    if not inner:
        return Layout(names, given, full, "", 1, batch, 1, math.prod(shapes[full]), "units")
    at = names.index(inner[0])
    rows, length = math.prod(shapes[full][:at]), shapes[full][at]
    behind = any(n in batch for n in names[at + 1 :])
    lanes: Lanes = "units" if behind else "inner"
    if behind and length > DEEPEST:
        raise NotFusible("its units do not fit in the cache")
    trailing = math.prod(shapes[full][at + 1 :])
    return Layout(names, given, full, inner[0], length, batch, rows, trailing, lanes)


def aligned(shape: Sequence[int], against: Sequence[int], names: Axes) -> Axes:
    """Return the names of the dimensions of a tensor that broadcasts against another."""
    if len(shape) > len(against):
        raise NotFusible("a hyperparameter has more dimensions than the input")
    behind = len(against) - len(shape)
    return tuple(None if n == 1 else name for n, name in zip(shape, names[behind:], strict=True))


def names_of(dims: Sequence[str], sizes: Sizes) -> tuple[str, ...]:
    """Return a name for each dimension: ``*`` stands for several."""
    names: list[str] = []
    for dim in dims:
        names += [dim] if dim != "*" else [f"*{i}" for i in range(len(sizes[dim]))]
    return tuple(names)
