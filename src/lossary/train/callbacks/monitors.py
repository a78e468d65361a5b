"""Callbacks that print numbers of steps and epochs."""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections import deque
from typing import Any

from ..run import Run
from .base import Callback, check_every


class LossMonitor(Callback):
    """Print the loss of a step: ``epoch: 1 step: 1, loss is 10.873164``.

    Args:
        every: print each step that is a multiple of this.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = check_every(every)

    def on_step_end(self, run: Run) -> None:
        if run.rank == 0 and run.step % self.every == 0:
            parts = _listed(run.parts)
            print(f"epoch: {run.epoch} step: {run.step}, loss is {run.loss:.6f}{parts}", flush=True)


class TimeMonitor(Callback):
    """Print the time of an epoch's training, without validation, and of its steps."""

    def __init__(self) -> None:
        self._began = self._ended = 0.0
        self._before = 0

    def on_epoch_begin(self, run: Run) -> None:
        self._began, self._ended = time.perf_counter(), 0.0
        self._before = run.step  # not 0 if a resumed training goes on inside an epoch

    def on_validation_begin(self, run: Run) -> None:
        self._ended = time.perf_counter()

    def on_epoch_end(self, run: Run) -> None:
        if run.rank != 0:
            return
        spent = 1000 * ((self._ended or time.perf_counter()) - self._began)
        steps = run.step - self._before
        each = spent / steps if steps else math.nan
        print(f"epoch: {run.epoch} took {spent:.1f} ms, {each:.3f} ms per step", flush=True)


class GradientNormMonitor(Callback):
    """Print the norm of the gradient, and warn when it jumps.

    It prints ``epoch: 1 step: 1, gradient norm is 0.873164``, puts the mean over the steps into
    the record of the epoch as ``gradient_norm`` (and ``gradient_norm_<part>``), and warns when the
    norm becomes more than ten times the median of the last hundred steps, or is not finite.

    Args:
        every: print each step that is a multiple of this.
        parts: whether the norm of the gradient of each named part of the loss is wanted too. It
            takes one backward pass for each part.
    """

    far = 10.0  # times the median
    remembered, enough = 100, 10  # steps that make up the median, at most and at least

    def __init__(self, every: int = 1, parts: bool = False) -> None:
        self.every = check_every(every)
        self.wants_part_gradient_norms = parts
        self._forget()

    def _forget(self) -> None:
        self._recent: deque[float] = deque(maxlen=self.remembered)
        self._high = False
        self._sums: dict[str, tuple[float, int]] = {}  # of the epoch's steps, and their number

    def on_train_begin(self, run: Run) -> None:
        if run.total_steps == 0:
            self._forget()

    def on_step_end(self, run: Run) -> None:
        norm, parts = run.gradient_norm, run.part_gradient_norms
        if norm is None:  # of a step that was left out before there was a gradient
            return
        if not run.skipped:
            named = {f"gradient_norm_{name}": value for name, value in parts.items()}
            for name, value in {"gradient_norm": norm, **named}.items():
                before, steps = self._sums.get(name, (0.0, 0))
                self._sums[name] = (before + value, steps + 1)
        if run.rank == 0 and run.step % self.every == 0:
            where = f"epoch: {run.epoch} step: {run.step}"
            print(f"{where}, gradient norm is {norm:.6f}{_listed(parts)}", flush=True)
        self._watch(run, norm)

    def _watch(self, run: Run, norm: float) -> None:
        """Warn once when the norm becomes high, and again only after it has been ordinary."""
        median = statistics.median(self._recent) if len(self._recent) >= self.enough else math.inf
        high = not math.isfinite(norm) or norm > self.far * median
        if high and not self._high and run.rank == 0:
            usual = "" if median == math.inf else f"; the median of the steps before is {median:g}"
            warnings.warn(
                f"the gradient norm is {norm:g} in epoch {run.epoch}, step {run.step}{usual}. "
                "Look at the batches of these steps, lower the learning rate, or clip the gradient",
                stacklevel=2,
            )
        self._high = high
        if math.isfinite(norm):
            self._recent.append(norm)

    def on_epoch_end(self, run: Run) -> None:
        run.history[-1].update({name: total / steps for name, (total, steps) in self._sums.items()})
        self._sums = {}

    def state(self) -> dict[str, Any]:
        sums = {name: list(pair) for name, pair in self._sums.items()}
        return {"recent": list(self._recent), "high": self._high, "sums": sums}

    def load_state(self, state: dict[str, Any]) -> None:
        self._recent = deque(state["recent"], maxlen=self.remembered)
        self._high = state["high"]
        self._sums = {name: (total, steps) for name, (total, steps) in state["sums"].items()}


def _listed(parts: dict[str, float]) -> str:
    return "".join(f", {name} {value:.6f}" for name, value in parts.items())
