"""The folder of a comparison: settings, and one line per finished cell."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..tasks.kinds import KINDS
from .settings import CompareError, Settings

SETTINGS, RESULTS, REPORT = "settings.json", "results.jsonl", "report.html"
RECORD = {
    *("loss", "seed", "fold", "learning_rate", "hyperparameters", "trials"),
    *("metrics", "details", "curve", "diverged"),
    *("epochs_to_near_best", "seconds_per_step", "peak_memory", "seconds"),
}
"""What the record of a cell tells."""


class Store:
    """The folder of a comparison. A killed run leaves whole lines, and goes on from there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, settings: Settings, about: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the records that are there already, of a run with the same settings.

        Raises:
            CompareError: if the folder holds a comparison with other settings, or something else.
        """
        if (self.folder / SETTINGS).is_file():
            before, now = self._about()["settings"], settings.as_json()
            both = {**now, **before}
            if different := [key for key in both if now.get(key) != before.get(key)]:
                told = "; ".join(f"{k} was {before.get(k)}, is {now.get(k)}" for k in different)
                raise CompareError(
                    f"{self.folder} holds a comparison with other settings ({told}); give another "
                    "--out, or remove the folder"
                )
            return self._records(settings)
        self._begin(settings, about)
        return []

    def read(self) -> tuple[Settings, dict[str, Any], list[dict[str, Any]]]:
        """Return settings, what else is known, and the records of a folder.

        Raises:
            CompareError: if there is no comparison in it.
        """
        if not (self.folder / SETTINGS).is_file():
            raise CompareError(f"{self.folder} holds no comparison: it has no {SETTINGS}")
        about = self._about()
        try:
            settings = Settings.of_json(about.pop("settings"))
        except TypeError as error:
            raise CompareError(
                f"{self.folder / SETTINGS} is of another version of lossary: {error}"
            ) from error
        return settings, about, self._records(settings)

    def _about(self) -> dict[str, Any]:
        file = self.folder / SETTINGS
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            found["settings"].keys(), found["versions"].keys(), found["command"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CompareError(f"{file} is damaged; give another --out") from error
        return found

    def _begin(self, settings: Settings, about: dict[str, Any]) -> None:
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise CompareError(
                f"{self.folder} exists and is no comparison; give another --out, or an empty folder"
            )
        text = json.dumps({"settings": settings.as_json(), **about}, indent=2)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / SETTINGS, text + "\n")

    def _records(self, settings: Settings) -> list[dict[str, Any]]:
        """Read the records; half a line, of a run killed while it wrote, is dropped."""
        file = self.folder / RESULTS
        if not file.exists():
            return []
        try:
            whole, _, half = file.read_text(encoding="utf-8").rpartition("\n")
            records = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise CompareError(f"{file} is damaged: {error}; give another --out") from error
        wanted = KINDS[settings.task].metrics.keys()
        for record in records:
            if type(record) is not dict or not (
                record.keys() >= RECORD and record["metrics"].keys() >= wanted
            ):
                raise CompareError(
                    f"{file} is of another version of lossary, its cells tell something else; "
                    "give another --out, or remove the folder"
                )
        if half:
            with writing(self.folder):
                write_whole(file, whole + "\n" if whole else "")
        return records

    def append(self, record: dict[str, Any]) -> None:
        """Add a record by a single write, and see it through to the disk."""
        line = (json.dumps(record) + "\n").encode()
        with writing(self.folder):
            place = os.open(self.folder / RESULTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                # of a disk that gets full, a part is written without an error
                if os.write(place, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(place)
            finally:
                os.close(place)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise CompareError if a folder cannot be written to."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise CompareError(
            f"{folder} cannot be written: {error}; what is there stays, and the same command goes "
            "on from it"
        ) from error
