"""Tables: features and a target, from scikit-learn's bundled sets, CSV, Parquet or NPZ files."""

from __future__ import annotations

import csv
import hashlib
import math
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

Task = Literal["classification", "regression"]
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")


class DataError(ValueError):
    """The data cannot be used as they are; the message says why and what would help."""


@dataclass(frozen=True)
class Table:
    """Features and a target.

    Attributes:
        name: what to call the data.
        x: features, of shape (N, F), or images, of shape (N, channels, height, width).
        y: class indices of shape (N,), or numbers of shape (N,).
        task: what is asked of the target.
        classes: the names of the classes, none for a regression.
    """

    name: str
    x: Tensor
    y: Tensor
    task: Task
    classes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A fingerprint of the data."""
        found = hashlib.sha256()
        for tensor in (self.x, self.y):
            found.update(tensor.contiguous().numpy().tobytes())
        return found.hexdigest()[:16]

    def imbalanced(self, fraction: float, seed: int = 0) -> Table:
        """Return a table whose classes shrink geometrically, the last to ``fraction`` of the first.

        The samples that stay are drawn with ``seed``; a class that is small already stays whole.
        """
        if self.task != "classification":
            raise DataError("only classes can be made imbalanced; the target is a number")
        if not 0 < fraction <= 1:
            raise DataError(f"the imbalance must lie in (0, 1], got {fraction}")
        generator = torch.Generator().manual_seed(seed)
        counts = torch.bincount(self.y, minlength=len(self.classes))
        kept = []
        for k, count in enumerate(counts.tolist()):
            share = fraction ** (k / max(len(self.classes) - 1, 1))
            wanted = min(count, max(1, round(share * int(counts.max()))))
            members = (self.y == k).nonzero().squeeze(1)
            kept.append(members[torch.randperm(count, generator=generator)[:wanted]])
        index = torch.cat(kept).sort().values
        return replace(self, x=self.x[index], y=self.y[index])


def load_table(source: str | Path, target: str | None = None, task: Task | None = None) -> Table:
    """Load a table.

    Args:
        source: the name of a set bundled with scikit-learn, or the path of a ``.csv``,
            ``.parquet`` or ``.npz`` file. A CSV file has a header; an NPZ file has the features in
            its array ``x``.
        target: the column, or the NPZ array, with the label; by default the bundled set's own, or
            ``y`` of an NPZ file.
        task: whether the target is a class or a number. By default text, booleans and integers
            are classes, and numbers with a fraction are numbers.

    Raises:
        DataError: if the data cannot be read, or hold something that is not a number.
    """
    if task not in (None, *get_args(Task)):
        raise DataError(f"the task must be classification or regression, got {task!r}")
    name, path = str(source), Path(source)
    if name in BUNDLED:
        return _bundled(name, target, task)
    if path.suffix.lower() not in (".csv", ".parquet", ".npz"):
        near = get_close_matches(name, BUNDLED, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(
            f"no data {name!r}: give a .csv, .parquet or .npz file, or one of {', '.join(BUNDLED)}"
            f"{hint}"
        )
    if not path.is_file():
        raise DataError(f"no file {path}")
    if path.suffix.lower() == ".npz":
        return _npz(path, target, task)
    columns = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    return _of_columns(path.stem, columns, target, task)


def table_of(x: Any, y: Any, task: Task | None = None, name: str = "data") -> Table:
    """Make a table of arrays: features (N, ...) and labels (N,)."""
    features, labels = np.asarray(x), np.asarray(y)
    if labels.ndim != 1 or len(features) != len(labels):
        raise DataError(
            f"one label per sample is needed, got features {features.shape}, labels {labels.shape}"
        )
    if not np.issubdtype(features.dtype, np.number):
        raise DataError(f"the features must be numbers, got {features.dtype}")
    return _table(name, features.astype(np.float32), labels, task)


def _table(name: str, x: Any, y: Any, task: Task | None) -> Table:
    features = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    if not bool(features.isfinite().all()):
        row = int((~features.isfinite()).reshape(len(x), -1).any(1).nonzero()[0])
        raise DataError(f"the features of sample {row} are not finite; fill or remove it")
    if task is None:
        task = "regression" if np.issubdtype(y.dtype, np.floating) else "classification"
    if task == "regression":
        if not np.issubdtype(y.dtype, np.number):
            raise DataError(f"a regression needs a number as target, got {y.dtype}")
        numbers = torch.from_numpy(y.astype(np.float32))
        if not bool(numbers.isfinite().all()):
            raise DataError("the target is not finite everywhere; remove those samples")
        return Table(name, features, numbers, task)
    classes, index = np.unique(y, return_inverse=True)
    labels = torch.from_numpy(index.astype(np.int64))
    return Table(name, features, labels, task, tuple(str(c) for c in classes))


def _bundled(name: str, target: str | None, task: Task | None) -> Table:
    from sklearn import datasets

    if target not in (None, "target"):
        raise DataError(f"{name} has one target, called target, not {target!r}")
    bunch = getattr(datasets, f"load_{name}")()
    x, y = bunch.data, bunch.target
    if name == "digits":
        x = bunch.images[:, None]
    table = _table(name, x, y, task)
    if table.task == "classification" and hasattr(bunch, "target_names"):
        return replace(table, classes=tuple(str(c) for c in bunch.target_names))
    return table


def _npz(path: Path, target: str | None, task: Task | None) -> Table:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not an NPZ file of plain arrays: {error}") from error
    label = target or "y"
    for key in ("x", label):
        if key not in arrays:
            raise DataError(f"{path} has no array {key!r}; it has {', '.join(arrays)}")
    return table_of(arrays["x"], arrays[label], task, path.stem)


def _csv(path: Path) -> dict[str, list[Any]]:
    """Read a CSV file with a header; numbers become numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if len(rows) < 2:
        raise DataError(f"{path} needs a header and at least one row, it has {len(rows)} lines")
    header = [name.strip() for name in rows[0]]
    if repeated := [name for name, count in Counter(header).items() if count > 1]:
        raise DataError(f"{path} has the column {repeated[0]!r} more than once")
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: {len(row)} cells, the header has {len(header)}")
    return {
        name: [_cell(cell) for cell in column]
        for name, column in zip(header, zip(*rows[1:], strict=True), strict=True)
    }


def _cell(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


def _parquet(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as missing:
        raise DataError('Parquet files need pyarrow: pip install "lossary[data]"') from missing
    try:
        return dict(pyarrow.parquet.read_table(path).to_pydict())
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error


def _of_columns(
    name: str, columns: dict[str, list[Any]], target: str | None, task: Task | None
) -> Table:
    if target is None:
        raise DataError(f"say which column is the target; there are {', '.join(columns)}")
    if target not in columns:
        near = get_close_matches(target, columns, 1, 0.0)
        raise DataError(
            f"no column {target!r}; did you mean {near[0]!r}? There are {', '.join(columns)}"
        )
    features = {key: values for key, values in columns.items() if key != target}
    if not features:
        raise DataError(f"there is no column besides the target {target!r}")
    x = np.stack([_numbers(key, values) for key, values in features.items()], 1)
    return _table(name, x, _labels(target, columns[target]), task)


def _numbers(name: str, values: Sequence[Any]) -> Any:
    for row, value in enumerate(values, 1):
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            raise DataError(
                f"column {name!r} has no value in row {row}; fill it or leave the column out"
            )
        if not isinstance(value, int | float):
            raise DataError(
                f"column {name!r}, row {row}: {value!r} is not a number; turn it into numbers or "
                "leave the column out"
            )
    return np.asarray(values, np.float32)


def _labels(name: str, values: Sequence[Any]) -> Any:
    for row, value in enumerate(values, 1):
        if value is None or value == "":
            raise DataError(f"the target {name!r} has no value in row {row}; remove that row")
    if any(isinstance(value, str) for value in values):
        return np.asarray([str(value) for value in values])
    return np.asarray(values)
