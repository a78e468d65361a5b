"""Data sets of torch, read into memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from .arrays import array_of, table_of
from .errors import DataError
from .image_folder import pixels_of
from .table import ONE_CLASS, Table, Task


def table_of_dataset(dataset: Any, task: Task | None = None, name: str | None = None) -> Table:
    """Make a table of a map-style data set whose samples are pairs of features and target.

    Args:
        dataset: has a length, and its samples under the indices from 0. Features are tensors,
            arrays, numbers or images of Pillow, all of one shape. If it names its ``classes``, as
            those of torchvision do, so does the table.
        task: as for :func:`~.arrays.table_of`.
        name: what to call the data; by default the name of its class.

    Raises:
        DataError: if it cannot be read so; the message names the sample.
    """
    name = name or type(dataset).__name__
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise DataError(
            f"{name} can only be iterated; a data set with a length and samples under indices is "
            "needed, or a pair (x, y) of all its features and targets"
        )
    if not len(dataset):
        raise DataError(f"{name} has no samples")
    features: list[NDArray[Any]] = []
    targets: list[NDArray[Any]] = []
    for i in range(len(dataset)):
        try:
            sample = dataset[i]
        except Exception as error:  # a user's code raises anything
            raise DataError(
                f"sample {i} of {name} could not be read: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            got = f"of {len(sample)}" if isinstance(sample, tuple | list) else "of something else"
            raise DataError(
                f"sample {i} of {name} must be a pair of features and target, got a "
                f"{type(sample).__name__} {got}"
            )
        for kind, part, parts in zip(
            ("features", "target"), sample, (features, targets), strict=True
        ):
            found = _plain(part, f"the {kind} of sample {i} of {name}")
            if parts and found.shape != parts[0].shape:
                raise DataError(
                    f"the {kind} of sample {i} of {name} have shape {found.shape}, those of sample "
                    f"0 {parts[0].shape}; make them the same"
                )
            parts.append(found)
    table = table_of(np.stack(features), np.stack(targets), task, name)
    return _named(table, dataset, np.stack(targets))


def _plain(value: Any, what: str) -> NDArray[Any]:
    # Pillow need not be there
    found = pixels_of(value) if type(value).__module__.startswith("PIL.") else array_of(value)
    if found.dtype == object:
        raise DataError(f"{what} is a {type(value).__name__}; a tensor, array or number is needed")
    return found


def _named(table: Table, dataset: Any, targets: NDArray[Any]) -> Table:
    """Give the classes the names that the data set has for them."""
    names = getattr(dataset, "classes", None)
    if table.task not in ONE_CLASS or not isinstance(names, list | tuple):
        return table
    if targets.dtype.kind not in "iu" or targets.min() < 0 or targets.max() >= len(names):
        return table
    return replace(table, classes=tuple(str(names[int(k)]) for k in table.classes))
