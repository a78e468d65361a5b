"""CSV files: text, of which cells that look like numbers are numbers."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from .columns import Column, categorical, column_of
from .errors import DataError
from .named import Labels
from .table import ONE_CLASS, Task

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?"})
"""Cells without a value, in a column that else holds numbers or dates; case does not matter."""

MOSTLY = 0.9
"""Of a column's cells. If more are numbers and some are not, these are mistakes."""

_IF_A_CLASS = "if it is a class, give the task classification"

# of at most 18 digits, which fit 64 bits
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


class CSVFile:
    """The columns of a CSV file with a header.

    Cells are separated by commas, or by semicolons, tabs or bars if the header has more of them.

    Raises:
        DataError: if it is not UTF-8, has no rows, a row of another length than the header, or two
            columns of one name.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                first = file.readline()
                file.seek(0)
                # ties go to the first of them
                separator = max(",;\t|", key=first.count)
                rows = [row for row in csv.reader(file, delimiter=separator) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path} is not a CSV file in UTF-8: {error}") from error
        if len(rows) < 2:
            raise DataError(f"{path} needs a header and at least one row, it has {len(rows)} lines")
        header = [name.strip() for name in rows[0]]
        if repeated := [name for name, count in Counter(header).items() if count > 1]:
            raise DataError(f"{path} has the column {repeated[0]!r} more than once")
        for line, row in enumerate(rows[1:], 2):
            if len(row) != len(header):
                raise DataError(
                    f"{path}, line {line}: {len(row)} cells, the header has {len(header)}"
                )
        columns = zip(*rows[1:], strict=True)
        self.cells = {n: [cell.strip() for cell in c] for n, c in zip(header, columns, strict=True)}
        self.names = tuple(header)

    def feature(self, name: str) -> Column:
        """Return a column of numbers, of dates as ISO 8601 has them, or else of texts.

        Raises:
            DataError: if nearly all cells are numbers, but not all; or if their points are commas.
        """
        cells = self.cells[name]
        present = [cell for cell in cells if cell.lower() not in MISSING]
        if None not in map(_number, present):
            numbers = [math.nan if cell.lower() in MISSING else float(cell) for cell in cells]
            return Column(np.array(numbers, np.float64))
        if None not in map(_date, present):
            dates = [None if cell.lower() in MISSING else _date(cell) for cell in cells]
            return column_of(name, dates)
        wrong = [cell for cell in present if _number(cell) is None]
        _check_mostly(name, cells, wrong, "an empty cell is a missing value")
        if all(_DECIMAL_COMMA.fullmatch(cell) for cell in cells if cell):
            raise DataError(
                f"column {name!r} has commas in its numbers, as in {next(filter(None, cells))!r}; "
                "write points"
            )
        return categorical([cell or None for cell in cells])

    def labels(self, name: str, task: Task | None) -> Labels:
        """Return a column of whole numbers, of numbers, or else of texts."""
        cells = self.cells[name]
        for row, cell in enumerate(cells, 1):
            if not cell:
                raise DataError(f"the target {name!r} has no value in row {row}; remove that row")
        wrong = [cell for cell in cells if _number(cell) is None]
        if not wrong:
            if all(_WHOLE.fullmatch(cell) for cell in cells):
                return Labels(np.array([int(cell) for cell in cells], np.int64))
            return Labels(np.array([_number(cell) for cell in cells], np.float64))
        if task is None and all(cell.lower() in MISSING for cell in wrong):
            raise _not_a_number(name, cells, wrong, _IF_A_CLASS)
        if task is None:
            _check_mostly(name, cells, wrong, _IF_A_CLASS)
        elif task not in ONE_CLASS:
            raise _not_a_number(name, cells, wrong, f"a {task} needs numbers")
        return Labels(np.array(cells))


def _check_mostly(name: str, cells: Sequence[str], wrong: Sequence[str], hint: str) -> None:
    """Raise DataError if a few cells of many are no numbers."""
    if 0 < len(wrong) < (1 - MOSTLY) * (len(wrong) + _numbers(cells)):
        raise _not_a_number(name, cells, wrong, hint)


def _not_a_number(name: str, cells: Sequence[str], wrong: Sequence[str], hint: str) -> DataError:
    numbers = _numbers(cells)
    return DataError(
        f"column {name!r}, row {cells.index(wrong[0]) + 1}: {wrong[0]!r} is not a number, as "
        f"{numbers} of {numbers + len(wrong)} cells are; correct it; {hint}"
    )


def _numbers(cells: Sequence[str]) -> int:
    return sum(_number(cell) is not None for cell in cells)


def _number(cell: str) -> float | None:
    if "_" in cell:  # Python would take it for a separator of digits
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _date(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None
