"""Numbers of steps and epochs in files."""

from __future__ import annotations

import csv
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Protocol, cast

from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from ...files import write_whole
from ..run import Run
from .base import Callback, check_every, finished


class _StepLog(Callback, ABC):
    def __init__(self, every: int) -> None:
        self.every = check_every(every)
        self._rates: dict[str, float] = {}

    def on_epoch_begin(self, run: Run) -> None:
        self._rates = _rates(run)

    def on_step_end(self, run: Run) -> None:
        if run.rank == 0 and run.total_steps % self.every == 0:
            self.write(run, _numbers(run, self._rates))
        self._rates = _rates(run)  # by now a scheduler has set those of the next step

    @abstractmethod
    def write(self, run: Run, numbers: dict[str, float]) -> None:
        """Write the numbers of a step."""


class CSVLog(_StepLog):
    """Write one row per step to a CSV file, and one per epoch to a second one beside it.

    The rows of ``log.csv`` have ``epoch``, ``step`` (in the epoch), ``total_steps``, ``loss``, the
    named parts, ``learning_rate`` (``learning_rate_1`` and so on are of further parameter groups)
    and ``gradient_norm`` if it is computed. ``log-epochs.csv`` has the records of the epochs, with
    what callbacks that are listed before this one have put there.

    Each row is given to the system at once, so a killed process loses at most the row that it was
    writing. A resumed training drops the rows of the steps that it does again, so that each step
    is there once; the files are those of one training, and another one from the start begins them
    anew.

    Args:
        path: the file; its folder is made where there is none.
        every: write each step that is a multiple of this, counted from the first epoch on.

    Raises:
        ValueError: when training begins, if there is a file of another kind at ``path``.
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        super().__init__(every)
        self.path = Path(path)
        self.epochs_path = self.path.with_name(f"{self.path.stem}-epochs.csv")
        self._steps = _Table(self.path, "total_steps", _STEP)
        self._epochs = _Table(self.epochs_path, "epoch", ("epoch",))

    def on_train_begin(self, run: Run) -> None:
        failure: Exception | None = None
        try:
            if run.rank == 0:
                self._open(run)
        except (OSError, ValueError) as error:
            failure = error
        run.agree(failure)  # else the other processes would wait for this one in vain

    def _open(self, run: Run) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._steps.open(run.total_steps)
        last = self._epochs.open(len(run.history))
        for record in run.history[last:]:  # epochs that were saved but not yet written here
            self._epochs.add(record)

    def write(self, run: Run, numbers: dict[str, float]) -> None:
        """Write a row."""
        self._steps.add(numbers)

    def on_epoch_end(self, run: Run) -> None:
        if run.rank == 0:
            self._epochs.add(run.history[-1])

    def on_train_end(self, run: Run) -> None:
        self._steps.close()
        self._epochs.close()


class Logger(Protocol):
    """What is logged to: the loggers of Lightning and Lightning Fabric, or one of your own."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Take the numbers of a step, counted from the beginning of the training."""


class Log(_StepLog):
    """Give the numbers of steps and epochs to a logger, such as one for MLflow or W&B.

    A step has the numbers that :class:`CSVLog` writes. Of the record of an epoch, what is of the
    training is called ``epoch_loss`` and so on, to be told from the numbers of a step.

    Args:
        logger: anything with ``log_metrics(metrics, step)``: Lightning Fabric's ``CSVLogger`` and
            ``TensorBoardLogger``, Lightning's ``MLFlowLogger`` and ``WandbLogger``. If it has
            ``finalize``, it is told ``"success"`` or ``"failed"`` at the end.
        every: log each step that is a multiple of this, counted from the first epoch on.
    """

    def __init__(self, logger: Logger, every: int = 1) -> None:
        if not callable(getattr(logger, "log_metrics", None)):
            raise TypeError(
                "a logger has a method log_metrics(metrics, step), which "
                f"{type(logger).__name__} has not; Lightning's loggers have it"
            )
        super().__init__(every)
        self.logger = logger

    def write(self, run: Run, numbers: dict[str, float]) -> None:
        """Log the numbers of a step."""
        del numbers["total_steps"]
        self.logger.log_metrics(numbers, step=run.total_steps)

    def on_epoch_end(self, run: Run) -> None:
        if run.rank == 0:
            record = {
                name if name.startswith("valid_") else f"epoch_{name}": value
                for name, value in run.history[-1].items()
                if name != "epoch"
            }
            self.logger.log_metrics(record, step=run.total_steps)

    def on_train_end(self, run: Run) -> None:
        finalize = getattr(self.logger, "finalize", None)
        if run.rank == 0 and finalize is not None:
            finalize("success" if finished(run) else "failed")


class TensorBoardLog(Log):
    """Write the numbers of steps and epochs for TensorBoard.

    Args:
        directory: the folder to show with ``tensorboard --logdir``.
        every: log each step that is a multiple of this, counted from the first epoch on.

    Raises:
        ModuleNotFoundError: if neither tensorboard nor tensorboardX is installed.
    """

    def __init__(self, directory: str | os.PathLike[str], every: int = 1) -> None:
        self._directory = Path(directory)
        super().__init__(self._writer(0), every)

    def on_train_begin(self, run: Run) -> None:
        self.logger = self._writer(run.total_steps)

    def _writer(self, steps: int) -> TensorBoardLogger:
        try:  # what an interrupted training wrote of later steps is not shown any more
            return TensorBoardLogger(self._directory, name="", version="", purge_step=steps + 1)
        except ModuleNotFoundError as missing:
            raise ModuleNotFoundError(
                "TensorBoardLog needs tensorboard or tensorboardX: pip install tensorboardX"
            ) from missing


_STEP = ("epoch", "step", "total_steps", "loss")


def _rates(run: Run) -> dict[str, float]:
    return {
        f"learning_rate_{index}" if index else "learning_rate": float(group["lr"])
        for index, group in enumerate(run.optimizer.param_groups)
    }


def _numbers(run: Run, rates: Mapping[str, float]) -> dict[str, float]:
    """Return what is known of a step, by name."""
    norms: dict[str, float] = {}
    if run.gradient_norm is not None:
        norms["gradient_norm"] = run.gradient_norm
    norms.update((f"gradient_norm_{name}", n) for name, n in run.part_gradient_norms.items())
    numbers = {
        "epoch": run.epoch,
        "step": run.step,
        "total_steps": run.total_steps,
        "loss": run.loss,
        **rates,
        **norms,
    }
    if clash := run.parts.keys() & numbers:
        raise ValueError(
            f"a part of the loss is called {', '.join(sorted(clash))}, as a number of every step "
            f"is; give it a name other than {', '.join(numbers)}"
        )
    return numbers | run.parts


class _Table:
    """A CSV file that grows row by row, each row at its number in the column ``key``."""

    def __init__(self, path: Path, key: str, first: Sequence[str]) -> None:
        self.path, self.key, self.first = path, key, list(first)
        self._names: list[str] = []
        self._file: IO[str] | None = None

    def open(self, last: int) -> int:
        """Drop the rows after number ``last``, and return the number of the last that stays."""
        self.close()
        self._names = self._header()
        if self._names and last > 0:
            return self._rewrite(last)
        self.path.unlink(missing_ok=True)
        self._names = []
        return 0

    def add(self, row: Mapping[str, float]) -> None:
        """Write a row; a name that is new becomes a column, which is empty in earlier rows."""
        new = [name for name in row if name not in self._names]
        if new or self._file is None:
            self._names += new
            self._rewrite()
        csv.writer(cast(IO[str], self._file), lineterminator="\n").writerow(
            [row.get(name, "") for name in self._names]
        )

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rewrite(self, last: float = math.inf) -> int:
        """Write all columns, and the rows up to number ``last``; return the number of the last."""
        self.close()
        number, at = 0, self._names.index(self.key)

        def write(place: Path) -> None:
            nonlocal number
            with place.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(self._names)
                for row in self._rows():
                    if self._number(row, at) <= last:
                        number = self._number(row, at)
                        writer.writerow(row + [""] * (len(self._names) - len(row)))

        write_whole(self.path, write)
        # each line goes to the system when it is complete
        self._file = self.path.open("a", newline="", encoding="utf-8", buffering=1)
        return number

    def _rows(self) -> Iterator[list[str]]:
        """Yield the rows without the names, and without a last line that was not completed."""
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                whole = (line for line in file if line.endswith("\n"))
                yield from islice(csv.reader(whole), 1, None)

    def _number(self, row: list[str], at: int) -> int:
        try:
            return int(float(row[at]))
        except (ValueError, IndexError) as error:
            raise ValueError(
                f"{self.path} is damaged: no number is in the column {self.key!r} of the row "
                f"{','.join(row)!r}. Repair it, or move it away to begin a new one"
            ) from error

    def _header(self) -> list[str]:
        """Return the names of the columns, or none if there is nothing yet."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return []
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            names = next(csv.reader(file))
        if names[: len(self.first)] != self.first:
            raise ValueError(
                f"{self.path} is no log of this kind, so it is left alone: it begins with "
                f"{','.join(names)[:60]!r} rather than {','.join(self.first)!r}. Give another path"
            )
        return names
