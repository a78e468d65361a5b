"""A progress bar on the terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ..run import Run
from .base import Callback


class ProgressBar(Callback):
    """Show epochs, steps, loss, rates and the time left of all epochs.

    It is on the terminal's error stream, so what is printed can be redirected. The rates are those
    of the last half minute, samples counted over all processes.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def on_train_begin(self, run: Run) -> None:
        if run.rank != 0:
            return
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            _RateColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            # prints go around the bar on a terminal, and otherwise to where they were sent
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task(
            "train",
            total=None if run.steps is None else run.steps * run.epochs,
            completed=_done(run),
            epoch=max(run.epoch, 1),
            epochs=run.epochs,
            loss="-",
            batch=0.0,
        )
        self._bar.start()

    def on_step_end(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=_done(run),
                epoch=run.epoch,
                loss=f"{run.loss:.4f}",
                batch=run.samples / run.step,
            )

    def on_epoch_end(self, run: Run) -> None:
        if self._bar is not None and run.steps is None:  # an epoch tells how long the others are
            self._bar.update(self._task, total=run.total_steps / run.epoch * run.epochs)

    def on_train_end(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.speed is None:
            return Text("-")
        samples = task.speed * task.fields["batch"]
        return Text(f"{task.speed:.1f} steps/s, {samples:.0f} samples/s")


def _done(run: Run) -> int:
    """Return how many steps of all epochs are done, those before a resume included."""
    if run.steps is None:
        return run.total_steps
    return max(run.epoch - 1, 0) * run.steps + run.step
