"""Callbacks: what happens around training steps."""

from __future__ import annotations

import math
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from .run import Run


class Callback:
    """Override what you need; each method gets the :class:`Run`."""

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first step of an epoch."""

    def on_step_end(self, run: Run) -> None:
        """After an optimizer step; ``run.loss`` and ``run.parts`` are of this step."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation; ``run.history[-1]`` is its record."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, or when an error ends the training."""


class LossMonitor(Callback):
    """Print the loss of a step: ``epoch: 1 step: 1, loss is 10.873164``.

    Args:
        every: print each step that is a multiple of this.
    """

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self.every = every

    def on_step_end(self, run: Run) -> None:
        if run.step % self.every == 0:
            parts = "".join(f", {name} {value:.6f}" for name, value in run.parts.items())
            print(f"epoch: {run.epoch} step: {run.step}, loss is {run.loss:.6f}{parts}", flush=True)


class TimeMonitor(Callback):
    """Print the time of an epoch and of its steps, in milliseconds."""

    def on_epoch_begin(self, run: Run) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, run: Run) -> None:
        spent = 1000 * (time.perf_counter() - self._began)
        print(f"epoch: {run.epoch} took {spent:.1f} ms, {spent / run.step:.3f} ms per step")


class EarlyStopping(Callback):
    """Stop when a number of the epoch's record has not become better for some epochs.

    A nan is never better.

    Args:
        monitor: a name of the record, such as ``"valid_loss"``.
        patience: how many epochs without improvement are borne.
        mode: ``"min"`` if less is better, ``"max"`` if more is.
    """

    def __init__(self, monitor: str = "valid_loss", patience: int = 3, mode: str = "min") -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        self.monitor, self.patience, self.mode = monitor, patience, mode

    def on_train_begin(self, run: Run) -> None:
        self._best, self._waited = math.inf, 0

    def on_epoch_end(self, run: Run) -> None:
        record = run.history[-1]
        if self.monitor not in record:
            raise ValueError(f"no {self.monitor!r} to stop by; there are {', '.join(record)}")
        value = record[self.monitor] * (1 if self.mode == "min" else -1)
        if value < self._best:
            self._best, self._waited = value, 0
        else:
            self._waited += 1
        if self._waited > self.patience:
            run.stop()


class ProgressBar(Callback):
    """Show epochs, steps, loss and the time left on the terminal's error stream."""

    def on_train_begin(self, run: Run) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        total = None if run.steps is None else run.steps * run.epochs
        self._task = self._bar.add_task(
            "train", total=total, epoch=1, epochs=run.epochs, loss=float("nan")
        )
        self._bar.start()

    def on_step_end(self, run: Run) -> None:
        self._bar.update(self._task, advance=1, epoch=run.epoch, loss=run.loss)

    def on_train_end(self, run: Run) -> None:
        self._bar.stop()
