"""Stopping before the last epoch."""

from __future__ import annotations

import math
from typing import Any

from ..run import Run
from .base import Callback


class EarlyStopping(Callback):
    """Stop when a number of the epoch's record has not become better for some epochs.

    A nan is never better.

    Args:
        monitor: a name of the record, such as ``"valid_loss"``.
        patience: how many epochs without improvement are borne.
        mode: ``"min"`` if less is better, ``"max"`` if more is.
        min_delta: a change of no more than this is no improvement.

    Attributes:
        best: the best value so far, or None before there is one.
        best_epoch: the epoch that it is of, or None.
    """

    def __init__(
        self,
        monitor: str = "valid_loss",
        patience: int = 3,
        mode: str = "min",
        min_delta: float = 0.0,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        if patience < 0:
            raise ValueError(f"patience must be at least 0, got {patience}")
        if not 0 <= min_delta < math.inf:
            raise ValueError(f"min_delta must be in [0, inf), got {min_delta}")
        self.monitor, self.patience, self.mode = monitor, patience, mode
        self.min_delta = min_delta
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self._waited = 0

    def on_train_begin(self, run: Run) -> None:
        if run.total_steps == 0:
            self._forget()

    def on_epoch_end(self, run: Run) -> None:
        record = run.history[-1]
        if self.monitor not in record:
            raise ValueError(
                f"no {self.monitor!r} to stop by; there are {', '.join(record)}. Give one of them "
                "as monitor; those of validation are there if there is data to validate on"
            )
        value = record[self.monitor]
        if self._better(value):
            self.best, self.best_epoch, self._waited = value, run.epoch, 0
        else:
            self._waited += 1
        if self._waited > self.patience:
            run.stop()
            if run.rank == 0:
                print(f"stopped after epoch {run.epoch}: {self._finding()}", flush=True)

    def _better(self, value: float) -> bool:
        if self.best is None:
            return not math.isnan(value)
        gain = self.best - value if self.mode == "min" else value - self.best
        return gain > self.min_delta

    def _finding(self) -> str:
        if self.best_epoch is None:
            return f"{self.monitor} has been nan in every epoch"
        return f"{self.monitor} was best in epoch {self.best_epoch}, {self.best:.6f}"

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self._waited}

    def load_state(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._waited = state["waited"]
