"""A table of named columns, some of which are the target."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from .columns import Column, Columns, check_columns
from .errors import DataError, DataWarning
from .table import Table, Task
from .target import check_task, target_of

Target = str | Sequence[str]
"""The column with the label, or several."""


@dataclass(frozen=True, eq=False)
class Labels:
    """A column as target.

    Attributes:
        values: booleans, numbers or texts, of shape (N,).
        order: all texts in their order, if the column has one.
    """

    values: NDArray[Any]
    order: tuple[str, ...] = ()


class Named(Protocol):
    """What has named columns: a file, a data frame."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns."""

    def feature(self, name: str) -> Column:
        """Return a column as feature."""

    def labels(self, name: str, task: Task | None) -> Labels:
        """Return a column as target; one with missing values is refused."""


def table_of_named(
    name: str, source: Named, target: Target | None, task: Task | None = None
) -> Table:
    """Make a table of named columns.

    Args:
        name: what to call the data.
        source: has the columns. All but the target are features.
        target: the column with the label, or several.
        task: what is asked of the target; by default see :func:`~.target.default_task`.

    Raises:
        DataError: if there is no such column, or it does not fit the task.
    """
    check_task(task)
    targets = target_names(target, source.names)
    columns = {n: source.feature(n) for n in source.names if n not in targets}
    if not columns:
        raise DataError(f"there is no column besides the target {', '.join(map(repr, targets))}")
    labels = [source.labels(n, task) for n in targets]
    if len(targets) == 1 and task != "multilabel":
        values, order = labels[0].values, labels[0].order
    else:
        values, order = _side_by_side(targets, labels), ()
    y, task, classes = target_of(values, task, names=targets, order=order)
    return Table(name, features_of(columns), y, task, classes)


def features_of(columns: dict[str, Column]) -> torch.Tensor | Columns:
    """Return a tensor if all columns are numbers without gaps, else columns of mixed kind."""
    columns = without_row_numbers(columns)
    check_columns(columns)
    joined = Columns.join(columns)
    if any(joined.categories) or np.isnan(joined.values).any():
        return joined
    return torch.from_numpy(joined.values.astype(np.float32))


def target_names(target: Target | None, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the target's columns, all of which there are."""
    if not target:
        raise DataError(f"say which column is the target; there are {', '.join(names)}")
    targets = (target,) if isinstance(target, str) else tuple(target)
    for each in targets:
        if each not in names:
            near = get_close_matches(each, names, 1, 0.0)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(f"no column {each!r}{hint} There are {', '.join(names)}")
    if len(set(targets)) != len(targets):
        raise DataError(f"a column is named twice as target: {', '.join(targets)}")
    return targets


def without_row_numbers(columns: dict[str, Column]) -> dict[str, Column]:
    """Leave out what programs write beside the data: the numbers of the rows.

    They tell the order of the file, and so, often, the class.
    """
    kept = {}
    for name, column in columns.items():
        if name in ("", "Unnamed: 0"):
            steps = np.diff(column.values)
            if not column.categories and len(steps) and bool((steps == 1).all()):
                told = f"column {name!r} is left out: it has no name and numbers the rows"
                warnings.warn(told, DataWarning, stacklevel=2)
                continue
            if not name:
                raise DataError("a column has no name; name it or remove it")
        kept[name] = column
    return kept


def _side_by_side(names: Sequence[str], labels: Sequence[Labels]) -> NDArray[Any]:
    for name, each in zip(names, labels, strict=True):
        if each.values.dtype.kind not in "biuf":
            raise DataError(
                f"several columns are the target, so each must hold numbers; {name!r} holds "
                f"{each.values[0]!s}"
            )
    return np.stack([each.values for each in labels], 1)
