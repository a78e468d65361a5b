"""Data sets that come with scikit-learn."""

from __future__ import annotations

from dataclasses import replace

from .arrays import table_of
from .errors import DataError
from .named import Target
from .table import ONE_CLASS, Table, Task

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def bundled(name: str, target: Target | None, task: Task | None) -> Table:
    """Load one of :data:`BUNDLED`."""
    from sklearn import datasets

    if target not in (None, "target"):
        raise DataError(f"{name} has one target, called target, not {target!r}")
    bunch = getattr(datasets, f"load_{name}")()
    x = bunch.images[:, None] if name == "digits" else bunch.data
    table = table_of(x, bunch.target, task, name)
    if table.task in ONE_CLASS and hasattr(bunch, "target_names"):
        return replace(table, classes=tuple(str(c) for c in bunch.target_names))
    return table
