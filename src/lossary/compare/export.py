"""The results as one SQLite file, for pandas, polars, R or a query."""

from __future__ import annotations

import functools
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from ..files import write_whole
from .result import Comparison

DATABASE = "results.sqlite"
CELL = ("loss TEXT", "seed INTEGER", "fold INTEGER")
COST = (
    "diverged INTEGER",
    "epochs_to_near_best INTEGER",
    "seconds_per_step REAL",
    "peak_memory INTEGER",
    "seconds REAL",
)


def write_database(comparison: Comparison) -> Path:
    """Write ``results.sqlite`` and return its path.

    Table ``cells`` has a row per cell: loss, seed, fold, what was chosen, every metric and the
    cost. Table ``curves`` has a row per cell and epoch, with the metrics that are drawn.
    """
    file = comparison.folder / DATABASE
    write_whole(file, functools.partial(_fill, comparison))
    return file


def _fill(comparison: Comparison, file: Path) -> None:
    file.unlink(missing_ok=True)  # half of one, of a run that was killed
    metrics = list(comparison.metrics)
    drawn = sorted({comparison.primary, *comparison.kind.curves})
    measured = [f"{name} REAL" for name in metrics]
    with closing(sqlite3.connect(file)) as database, database:
        _table(
            database,
            "cells",
            [*CELL, "learning_rate REAL", "hyperparameters TEXT", *measured, *COST],
            [
                (
                    *(r[name] for name in _names(CELL)),
                    r["learning_rate"],
                    json.dumps(r["hyperparameters"]),
                    *(r["metrics"][m] for m in metrics),
                    *(r[name] for name in _names(COST)),
                )
                for r in comparison.records
            ],
        )
        _table(
            database,
            "curves",
            [*CELL, "epoch INTEGER", *(f"{name} REAL" for name in drawn)],
            [
                (*(r[name] for name in _names(CELL)), epoch, *(found[m] for m in drawn))
                for r in comparison.records
                for epoch, found in enumerate(r["curve"], 1)
            ],
        )


def _names(columns: tuple[str, ...]) -> list[str]:
    return [column.split()[0] for column in columns]


def _table(
    database: sqlite3.Connection, name: str, columns: list[str], rows: list[tuple[object, ...]]
) -> None:
    database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
    marks = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608 - our names
