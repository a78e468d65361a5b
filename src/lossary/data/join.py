"""Joining a table with one of the same kind: training and test samples that came apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from .columns import Columns
from .errors import DataError
from .table import Table


def join(first: Table, second: Table) -> Table:
    """Return the samples of the first table and then those of the second.

    Args:
        first: says name, task and classes.
        second: its classes must be among those of the first.

    Raises:
        DataError: if they do not have the same features or the same kind of target.
    """
    if first.task != second.task:
        raise DataError(f"{first.name} is for {first.task}, {second.name} for {second.task}")
    if unknown := [name for name in second.classes if name not in first.classes]:
        raise DataError(f"{second.name} has the class {unknown[0]!r}, which {first.name} has not")
    if first.y.shape[1:] != second.y.shape[1:]:
        raise DataError(
            f"the targets differ in shape: {tuple(first.y.shape[1:])} in {first.name}, "
            f"{tuple(second.y.shape[1:])} in {second.name}"
        )
    y = second.y
    if first.task == "multilabel" and first.classes != second.classes:
        raise DataError(f"the labels of {second.name} are not those of {first.name}, in its order")
    if first.classes and first.task != "multilabel":
        places = torch.tensor([first.classes.index(name) for name in second.classes])
        y = places[y]
    return replace(first, x=_joined(first, second), y=torch.cat([first.y, y]))


def _joined(first: Table, second: Table) -> Tensor | Columns:
    x, other = first.x, second.x
    if isinstance(x, Tensor) and isinstance(other, Tensor):
        if x.shape[1:] != other.shape[1:]:
            raise DataError(
                f"the features differ in shape: {tuple(x.shape[1:])} in {first.name}, "
                f"{tuple(other.shape[1:])} in {second.name}"
            )
        return torch.cat([x, other])
    # only one of them has gaps: numbers without any came as a plain tensor
    x = x if isinstance(x, Columns) else _as_columns(x, other)
    other = other if isinstance(other, Columns) else _as_columns(other, x)
    if x.names != other.names:
        raise DataError(f"{first.name} has the columns {x.names}, {second.name} {other.names}")
    for name, kind in x.kinds.items():
        if other.kinds[name] != kind:
            raise DataError(
                f"the column {name!r} is {kind} in {first.name}, {other.kinds[name]} in "
                f"{second.name}"
            )
    values, categories = other.values.copy(), []
    for i, (mine, theirs) in enumerate(zip(x.categories, other.categories, strict=True)):
        categories.append(tuple(sorted({*mine, *theirs})))
        values[:, i] = _renumbered(other.values[:, i], theirs, categories[-1])
    before = np.stack(
        [
            _renumbered(x.values[:, i], mine, now)
            for i, (mine, now) in enumerate(zip(x.categories, categories, strict=True))
        ],
        1,
    )
    return Columns(x.names, np.concatenate([before, values]), tuple(categories))


def _as_columns(x: Tensor, like: Tensor | Columns) -> Columns:
    names = like.names if isinstance(like, Columns) else ()
    if x.ndim != 2 or x.shape[1] != len(names):
        raise DataError(f"features of shape {tuple(x.shape[1:])} are not the columns {names}")
    return Columns(names, x.double().numpy(), ((),) * len(names))


def _renumbered(values: np.ndarray, was: tuple[str, ...], now: tuple[str, ...]) -> np.ndarray:
    """Return positions in other categories; nan stays."""
    if not was:
        return values
    places = np.array([now.index(name) for name in was], float)
    known = ~np.isnan(values)
    found = values.copy()
    found[known] = places[values[known].astype(int)]
    return found
