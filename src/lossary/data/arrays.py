"""Arrays of features and labels, from Python and from NPZ files."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .columns import Columns
from .errors import DataError
from .frames import Frame, is_frame, is_series, labels_of
from .named import Labels, Target, features_of, target_names
from .table import Table, Task
from .target import check_task, target_of


def table_of(
    x: Any,
    y: Any,
    task: Task | None = None,
    name: str = "data",
    *,
    names: Sequence[str] = (),
) -> Table:
    """Make a table of arrays or tensors.

    Args:
        x: features of shape (N, ...), where nan in shape (N, F) is a missing value; or a data
            frame. Images of a segmentation may lack the dimension of one channel.
        y: labels of shape (N,), (N, labels), or (N, height, width); or a series of a data frame.
        task: what is asked of the target; by default text, booleans and whole numbers are classes,
            numbers with a fraction are numbers, several columns of 0 and 1 are labels, other
            columns are numbers, and masks are classes of pixels.
        name: what to call the data.
        names: of the labels, if there are several.

    Raises:
        DataError: if they do not fit each other or the task.
    """
    check_task(task)
    found = labels_of(y) if is_series(y) else Labels(array_of(y))
    labels = found.values
    features = _frame_features(x) if is_frame(x) else _features(array_of(x))
    if labels.ndim == 0 or len(features) != len(labels):
        shape = tuple(features.shape) if isinstance(features, Tensor) else (len(features),)
        raise DataError(
            f"one label per sample is needed, got features {shape}, labels {labels.shape}"
        )
    if not len(labels):
        raise DataError("there is no sample")
    target, task, classes = target_of(labels, task, names=names, order=found.order)
    if task == "segmentation" and isinstance(features, Tensor) and features.ndim == 3:
        features = features[:, None]
    return Table(name, features, target, task, classes)


def table_of_npz(path: Path, target: Target | None, task: Task | None) -> Table:
    """Make a table of an NPZ file with the features in ``x`` and the labels in ``y``.

    Args:
        path: the file.
        target: the array with the labels instead of ``y``, or several arrays, one per label.
        task: as for :func:`table_of`.

    Raises:
        DataError: if it is no NPZ file, holds pickled objects, or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not an NPZ file of plain arrays: {error}") from error
    for key in ("x", *target_names(target or "y", ("y", *arrays))):
        if key not in arrays:
            raise DataError(f"{path} has no array {key!r}; it has {', '.join(arrays)}")
    if target is None or isinstance(target, str):
        return table_of(arrays["x"], arrays[target or "y"], task, path.stem)
    shapes = {arrays[key].shape for key in target}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise DataError(f"several arrays are the target, so each must be (N,), got {shapes}")
    stacked = np.stack([arrays[key] for key in target], 1)
    return table_of(arrays["x"], stacked, task, path.stem, names=target)


def array_of(value: Any) -> NDArray[Any]:
    """Return a tensor, an array or a list as array."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        # NumPy has no bfloat16
        value = value.float() if value.dtype == torch.bfloat16 else value
    try:
        found: NDArray[Any] = np.asarray(value)
    except ValueError as error:  # lists of different length
        raise DataError(f"this is no array: {error}") from error
    return found


def _frame_features(frame: Any) -> Tensor | Columns:
    source = Frame(frame)
    return features_of({name: source.feature(name) for name in source.names})


def _features(values: NDArray[Any]) -> Tensor | Columns:
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == bool):
        raise DataError(
            f"the features must be numbers, got {values.dtype}; a data frame may have texts too"
        )
    if np.issubdtype(values.dtype, np.complexfloating):
        raise DataError("the features must be real numbers, got complex ones")
    if values.ndim < 2:
        raise DataError(
            f"features of shape (N, ...) are needed, got shape {values.shape}; if there is one "
            "feature, reshape(-1, 1)"
        )
    if values.ndim == 2 and np.isnan(values).any():
        names = tuple(str(i) for i in range(values.shape[1]))
        return Columns(names, _finite(values.astype(np.float64), nan=True), ((),) * len(names))
    return torch.from_numpy(_finite(np.ascontiguousarray(values, np.float32), nan=False))


def _finite(values: NDArray[Any], *, nan: bool) -> NDArray[Any]:
    """Return the values, or raise DataError if some are infinite, or nan unless that is allowed."""
    fine = np.isfinite(values) | (np.isnan(values) & nan)
    if not fine.all():
        row = int(np.argwhere(~fine)[0][0])
        raise DataError(f"the features of sample {row} are not finite; fill or remove it")
    return values
