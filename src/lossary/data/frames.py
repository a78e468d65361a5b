"""Data frames of pandas, polars, pyarrow and others, and Parquet files, through narwhals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from .columns import Column, categorical, column_of, is_missing
from .errors import DataError
from .named import Labels, Named, Target, table_of_named
from .table import Table, Task

if TYPE_CHECKING:
    import narwhals as nw

_DAY_MS = 86_400_000.0


def _narwhals() -> Any:
    try:
        import narwhals
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            'data frames need narwhals: pip install "lossary[data]"', name=missing.name
        ) from missing
    return narwhals


# so that arrays do without narwhals
_PLAIN = (np.ndarray, Tensor, list, tuple)


def is_series(value: object) -> bool:
    """Say whether a value is a series that narwhals knows."""
    return not isinstance(value, _PLAIN) and bool(_narwhals().dependencies.is_into_series(value))


def is_frame(value: object) -> bool:
    """Say whether a value is a data frame that narwhals knows, lazy ones included."""
    if isinstance(value, _PLAIN):
        return False
    dependencies = _narwhals().dependencies
    return bool(
        dependencies.is_into_dataframe(value)
        or dependencies.is_narwhals_lazyframe(value)
        or dependencies.is_polars_lazyframe(value)
    )


class Frame:
    """The columns of a data frame.

    Raises:
        DataError: if two columns have one name, or there is no row.
    """

    def __init__(self, frame: Any) -> None:
        nw = _narwhals()
        if type(frame).__module__.partition(".")[0] == "pandas":
            # names may be numbers there, and twice the same, of which narwhals knows nothing
            names = [str(name) for name in frame.columns]
            _check_distinct(names)
            frame = frame.set_axis(names, axis=1)
        elif hasattr(frame, "column_names"):
            _check_distinct(list(frame.column_names))
        found = nw.from_native(frame)
        if isinstance(found, nw.LazyFrame):
            found = found.collect()
        self.frame = found
        if not len(self.frame):
            raise DataError("the data frame has no rows")
        # what pandas writes into a file for the names of its rows
        self.names = tuple(n for n in self.frame.columns if not n.startswith("__index_level_"))

    def feature(self, name: str) -> Column:
        """Return a column of numbers, of dates as days since 1970, or of texts.

        Raises:
            DataError: if it is of another kind, such as lists.
        """
        nw, series = _narwhals(), self.frame[name]
        dtype = series.dtype
        if dtype.is_numeric() or dtype == nw.Boolean:
            return Column(_floats(series))
        if isinstance(dtype, nw.Date | nw.Datetime):
            return Column(_floats(series.dt.timestamp("ms")) / _DAY_MS)
        if isinstance(dtype, nw.Duration):
            return Column(_floats(series.dt.total_milliseconds()) / _DAY_MS)
        if isinstance(dtype, nw.Categorical | nw.Enum):
            # categories may be numbers, which are names nevertheless
            return categorical([None if is_missing(v) else str(v) for v in series.to_list()])
        return column_of(name, series.to_list())

    def labels(self, name: str, task: Task | None) -> Labels:
        """Return a column as booleans, whole numbers, numbers or texts."""
        return labels_of(self.frame[name], name)


def labels_of(series: Any, name: str = "y") -> Labels:
    """Return a series, of narwhals or of what it knows, as target.

    Raises:
        DataError: if a value is missing, or they are neither numbers, booleans nor texts.
    """
    nw = _narwhals()
    series = nw.from_native(series, series_only=True)
    plain = series.to_list()
    for row, value in enumerate(plain, 1):
        if is_missing(value):
            raise DataError(f"the target {name!r} has no value in row {row}; remove that row")
    if series.dtype.is_integer():
        return Labels(np.array(plain, np.int64))
    if series.dtype.is_numeric():
        return Labels(np.array(plain, np.float64))
    if isinstance(series.dtype, nw.Categorical | nw.Enum):
        return Labels(np.array([str(value) for value in plain]), _order(series))
    kinds = {type(value) for value in plain}
    if kinds <= {bool, np.bool_}:
        return Labels(np.array(plain, bool))
    if all(issubclass(kind, str) for kind in kinds):
        return Labels(np.array(plain, str))
    if all(issubclass(kind, int | np.integer) for kind in kinds):
        return Labels(np.array(plain, np.int64))
    if all(issubclass(kind, int | float | np.number) for kind in kinds):
        return Labels(np.array(plain, np.float64))
    told = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(f"the target {name!r} holds {told}; it must hold numbers, booleans or texts")


def table_of_frame(
    frame: Any, target: Target | None, task: Task | None = None, name: str = "data"
) -> Table:
    """Make a table of a data frame.

    Args:
        frame: of pandas, polars, pyarrow or another package that narwhals knows. A lazy one is
            collected.
        target: the column with the label, or several. All others are features.
        task: what is asked of the target; by default whole numbers, booleans and texts are
            classes, and several columns of 0 and 1 are labels.
        name: what to call the data.

    Raises:
        DataError: if there is no such column, or it does not fit the task.
    """
    source: Named = Frame(frame)
    return table_of_named(name, source, target, task)


def table_of_parquet(path: Path, target: Target | None, task: Task | None) -> Table:
    """Make a table of a Parquet file.

    Raises:
        DataError: if it is none, or see :func:`table_of_frame`.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            'Parquet files need pyarrow: pip install "lossary[data]"', name=missing.name
        ) from missing
    try:
        frame = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error
    return table_of_frame(frame, target, task, path.stem)


def _check_distinct(names: list[str]) -> None:
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"the data frame has the column {repeated[0]!r} more than once")


def _floats(series: nw.Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return numbers, nan where there is none."""
    return np.asarray(series.cast(_narwhals().Float64).to_numpy(), np.float64)


def _order(series: nw.Series[Any]) -> tuple[str, ...]:
    """Return the categories of an ordered categorical in their order, or nothing."""
    if isinstance(series.dtype, _narwhals().Enum):
        return tuple(str(value) for value in series.dtype.categories)
    native = series.to_native()
    # narwhals does not tell whether a dictionary of pyarrow is ordered
    if getattr(getattr(native, "type", None), "ordered", False):
        chunk = native.unify_dictionaries().chunk(0)
        return tuple(str(value) for value in chunk.dictionary.to_pylist())
    return ()
