"""ModelCheckpoint: saves a training while it runs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ...files import write_whole
from ..checkpoint import (
    DamagedCheckpointError,
    checkpoint_name,
    is_checkpoint_name,
    latest_step,
    newest_checkpoint,
    prune,
    save_checkpoint,
    step_of,
)
from ..run import Run
from .base import Callback


class ModelCheckpoint(Callback):
    """Save the training after steps or epochs, so that it can be resumed exactly there.

    Each checkpoint is a directory ``step-00000120`` that is whole or not there at all. With
    ``monitor`` the best epoch so far is saved and kept too, whether or not its turn is due, and
    ``best.json`` names it. A value that is nan or infinite is never the best.

    Args:
        directory: where the checkpoints are, of one training alone.
        every_steps: save after each step whose number in the training is a multiple of this.
        every_epochs: save after each epoch that is a multiple of this; 1 if neither is given.
        keep: how many of the newest are kept beside the best, at least 2.
        monitor: a name of the epoch's record, such as ``"valid_loss"``.
        mode: ``"min"`` if less is better, ``"max"`` if more is.

    Attributes:
        last: the checkpoint saved last, or None.
        best: the checkpoint of the best epoch, or None.

    Raises:
        CheckpointError: on every process, if the first one cannot write; the checkpoints before
            are as they were.
        ValueError: at the beginning, if the directory has a whole checkpoint of a later step than
            the training begins at, which would be taken for its newest.
    """

    def __init__(
        self,
        directory: str | Path,
        every_steps: int | None = None,
        every_epochs: int | None = None,
        keep: int = 2,
        monitor: str | None = None,
        mode: str = "min",
    ) -> None:
        for name, every in (("every_steps", every_steps), ("every_epochs", every_epochs)):
            if every is not None and every < 1:
                raise ValueError(f"{name} must be at least 1, got {every}")
        if keep < 2:
            raise ValueError(f"keep must be at least 2, got {keep}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        if every_steps is None and every_epochs is None:
            every_epochs = 1
        self.directory = Path(directory)
        self.every_steps, self.every_epochs, self.keep = every_steps, every_epochs, keep
        self.monitor, self.mode = monitor, mode
        self.last: Path | None = None
        self.best: Path | None = None
        self._best_value = math.nan
        self._saved: tuple[int, ...] | None = None

    def on_train_begin(self, run: Run) -> None:
        self.last = self._saved = None
        if run.total_steps == 0:
            self.best, self._best_value = None, math.nan
        error = None
        if run.rank == 0:
            try:
                self._refuse_later(run.total_steps)
            except Exception as caught:
                error = caught
        run.agree(error)

    def on_step_end(self, run: Run) -> None:
        if self.every_steps is not None and run.total_steps % self.every_steps == 0:
            self.save(run)

    def on_epoch_end(self, run: Run) -> None:
        best = self.monitor is not None and self._is_best(run.history[-1])
        if best or (self.every_epochs is not None and run.epoch % self.every_epochs == 0):
            self._save(run, best=best)

    def save(self, run: Run) -> None:
        """Save now, unless exactly this was saved already; called on every process."""
        self._save(run, best=False)

    def state(self) -> dict[str, Any]:
        return {"best": self.best and self.best.name, "best_value": self._best_value}

    def load_state(self, state: dict[str, Any]) -> None:
        name, self._best_value = state["best"], state["best_value"]
        self.best = None
        # by its name, for the directory may have moved; or it is gone if a better one came after
        # the checkpoint that is resumed
        if name is not None and is_checkpoint_name(name) and (self.directory / name).is_dir():
            self.best = self.directory / name

    def _save(self, run: Run, *, best: bool) -> None:
        # the end of an epoch knows more than its last step, and replaces what that one saved
        now = (run.total_steps, run.epoch, run.step, len(run.history))
        if now == self._saved and not best:
            return
        path = self.directory / checkpoint_name(run.total_steps)
        before = self.best, self._best_value
        if best and self.monitor is not None:
            # first, for it is part of the state
            self.best, self._best_value = path, run.history[-1][self.monitor]
        try:
            tree, error = run.state(), None
            if run.rank == 0:
                try:
                    self._write(run.total_steps, tree, before[0])
                except Exception as caught:
                    error = caught
            run.agree(error)
        except BaseException:
            self.best, self._best_value = before
            raise
        self.last, self._saved = path, now

    def _write(self, step: int, tree: dict[str, Any], best_before: Path | None) -> None:
        protect = [path for path in (self.best, best_before) if path is not None]
        save_checkpoint(self.directory, step, tree, keep=self.keep, protect=protect)
        if self.best is None or self.best == best_before:
            return
        named = {
            "checkpoint": self.best.name,
            "monitor": self.monitor,
            "mode": self.mode,
            "value": self._best_value,
        }
        write_whole(self.directory / "best.json", json.dumps(named) + "\n")
        # the best before was needed as long as the file named it
        prune(self.directory, step, keep=self.keep, protect=[self.best])

    def _is_best(self, record: dict[str, float]) -> bool:
        if self.monitor not in record:
            raise ValueError(
                f"no {self.monitor!r} to find the best by; there are {', '.join(record)}"
            )
        value, sign = record[self.monitor], 1 if self.mode == "min" else -1
        if not math.isfinite(value):
            return False
        return math.isnan(self._best_value) or sign * value < sign * self._best_value

    def _refuse_later(self, step: int) -> None:
        latest = latest_step(self.directory)
        if latest is None or latest <= step:
            return
        try:
            newest = newest_checkpoint(self.directory)
        except DamagedCheckpointError:
            return  # nobody can resume from them
        if newest is not None and step_of(newest[0]) > step:
            raise ValueError(
                f"{self.directory} has {newest[0].name}, of a later step than this training begins "
                f"at ({step}), and would be resumed from it: resume that training, or give another "
                "directory, or move its checkpoints away"
            )
