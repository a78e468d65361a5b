"""Columns: named features of mixed kind, some of them missing, made numbers inside each fold."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .errors import DataError, DataWarning

Kind = Literal["numeric", "categorical"]

MOST_CATEGORIES = 64
"""Of a column; the rarer ones share a feature. It bounds the width of the network's input."""

_DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes:
        values: numbers, or positions in ``categories``; nan where there is no value.
        categories: the texts that occur, sorted; none for numbers.
    """

    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of numbers and of categories, of equal length.

    Attributes:
        names: of the columns.
        values: of shape (N, columns): numbers, or positions in the categories of the column; nan
            where there is no value.
        categories: the texts of each column, none for a column of numbers.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    categories: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any]]) -> Columns:
        """Make columns of plain values: numbers, dates or texts; None is a missing value.

        >>> Columns.of({"age": [31, None], "city": ["Rome", "Oslo"]}).kinds
        {'age': 'numeric', 'city': 'categorical'}
        """
        return cls.join({name: column_of(name, values) for name, values in columns.items()})

    @classmethod
    def join(cls, columns: Mapping[str, Column]) -> Columns:
        """Put columns side by side.

        Raises:
            DataError: if they differ in length.
        """
        if len({len(column.values) for column in columns.values()}) != 1:
            lengths = ", ".join(f"{n}: {len(c.values)}" for n, c in columns.items())
            raise DataError(f"columns of equal length are needed, got {lengths or 'none'}")
        values = np.stack([column.values for column in columns.values()], 1)
        return cls(tuple(columns), values, tuple(c.categories for c in columns.values()))

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each column."""
        return {
            name: "categorical" if categories else "numeric"
            for name, categories in zip(self.names, self.categories, strict=True)
        }

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: Tensor) -> Columns:
        """Return columns of the samples of these indices, in this order."""
        return Columns(self.names, self.values[index.numpy()], self.categories)

    def content(self) -> bytes:
        """Return all that they hold, to make a fingerprint of."""
        # there are many nan; one of them stands for all
        plain = np.where(np.isnan(self.values), np.nan, self.values)
        return json.dumps([self.names, self.categories]).encode() + plain.tobytes()

    def prepared(self, train: Tensor) -> Tensor:
        """Return float32 features (N, F) of all samples, fitted on the training samples alone.

        A missing number becomes the median, and a further feature says where it was missing;
        then numbers are brought to mean 0 and deviation 1. Each category becomes a feature of 0
        and 1, a missing value too; rare ones share one, and so do those that the training samples
        do not have. So the number of features depends on the training samples.
        """
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import MissingIndicator, SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        kinds = list(self.kinds.values())
        numeric = [i for i, kind in enumerate(kinds) if kind == "numeric"]
        categorical = [i for i, kind in enumerate(kinds) if kind == "categorical"]
        learn = self.values[train.numpy()]
        impute = SimpleImputer(strategy="median", keep_empty_features=True)
        encode = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            # one sample teaches nothing about its category; of many samples, nor do a few
            min_frequency=min(10, max(2, len(learn) // 100)),
            max_categories=MOST_CATEGORIES,
            sparse_output=False,
        )
        transform = ColumnTransformer(
            [
                ("numbers", make_pipeline(impute, StandardScaler()), numeric),
                ("missing", MissingIndicator(error_on_new=False), numeric),
                ("categories", encode, categorical),
            ],
            sparse_threshold=0.0,
        )
        features = transform.fit(learn).transform(self.values)
        return torch.from_numpy(np.ascontiguousarray(features, np.float32))


def column_of(name: str, values: Sequence[Any]) -> Column:
    """Make a column of plain values.

    Args:
        name: for the errors.
        values: booleans, numbers, dates or texts, all of one kind; None, nan and empty texts are
            missing values. Dates become days since 1970.

    Raises:
        DataError: if they are of several kinds, or of another one.
    """
    kinds: dict[str, int] = {}
    for row, value in enumerate(values, 1):
        kinds.setdefault(_kind(name, row, value), row)
    kinds.pop("missing", None)
    if len(kinds) > 1:
        told = " and ".join(
            f"{kind} (row {row}: {values[row - 1]!r})" for kind, row in kinds.items()
        )
        raise DataError(f"column {name!r} mixes {told}; make them all the same")
    match next(iter(kinds), "numbers"):
        case "texts":
            texts = [None if is_missing(value) else str(value) for value in values]
            return categorical(texts)
        case "dates":
            return Column(np.array([nan_or(value, _days) for value in values], np.float64))
        case _:
            return Column(np.array([nan_or(value, float) for value in values], np.float64))


def categorical(texts: Sequence[str | None]) -> Column:
    """Make a column of texts, None where there is none."""
    found = tuple(sorted({text for text in texts if text is not None}))
    position: dict[str | None, float] = {text: float(i) for i, text in enumerate(found)}
    position[None] = math.nan
    return Column(np.array([position[text] for text in texts], np.float64), found)


def check_columns(columns: Mapping[str, Column]) -> None:
    """Warn of the columns from which nothing can be learnt; they stay, and do no harm.

    Raises:
        DataError: if a number is not finite, or nothing can be learnt from any column.
    """
    useless: dict[str, list[str]] = {}
    for name, column in columns.items():
        if len(infinite := np.isinf(column.values).nonzero()[0]):
            raise DataError(f"column {name!r} is not finite in row {infinite[0] + 1}; correct it")
        if (reason := _useless(column)) is not None:
            useless.setdefault(reason, []).append(name)
    for reason, names in useless.items():
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        told = f"column {', '.join(map(repr, names[:5]))}{more}: {reason}; remove it"
        warnings.warn(told, DataWarning, stacklevel=2)
    if sum(map(len, useless.values())) == len(columns):
        raise DataError("there is no column from which anything can be learnt")


def _useless(column: Column) -> str | None:
    present = column.values[~np.isnan(column.values)]
    if not len(present):
        return "there is no value in any row"
    rows, distinct = len(column.values), len(np.unique(present))
    if distinct == 1 and len(present) == rows > 1:
        return "the value is the same in every row"
    if column.categories and distinct == len(present) > 1:
        return "the text is another in every row, an identifier that teaches nothing"
    return None


def is_missing(value: object) -> bool:
    """Say whether a plain value stands for none: None, nan, an empty text, NA or NaT of pandas."""
    if value is None or isinstance(value, str):
        return not value
    # pandas need not be there, and its NA can be neither compared nor tested
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def nan_or(value: Any, number: Any) -> float:
    """Return nan for a missing value, and ``number(value)`` of any other."""
    return math.nan if is_missing(value) else float(number(value))


def _kind(name: str, row: int, value: object) -> str:
    if isinstance(value, np.ndarray | list | tuple | dict):
        raise DataError(
            f"column {name!r}, row {row}: a {type(value).__name__} is no single value; spread it "
            "over several columns"
        )
    if is_missing(value):
        return "missing"
    if isinstance(value, str):
        return "texts"
    if isinstance(value, date):
        return "dates"
    if isinstance(value, int | float | Real | Decimal | np.bool_):  # the common ones first: faster
        return "numbers"
    raise DataError(
        f"column {name!r}, row {row}: {value!r} is a {type(value).__name__}, neither number, "
        "date nor text; turn it into one of them or leave the column out"
    )


def _days(value: date) -> float:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() / _DAY
