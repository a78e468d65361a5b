"""compare(): run the experiment, keep its results, and say what they mean."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..data.tables import DataError, Table, Task, load_table, table_of
from ..files import write_whole
from ..lookup import NotFoundError
from ..tasks.choice import Choice, ChoiceError, choose, given
from ..tasks.networks import NetworkFactory, network_factory
from .experiment import CompareError, Settings, check_samples, compute_once, missing, run_cell
from .report import render
from .result import Comparison
from .store import Store

LEARNING_RATES = (1e-3, 3e-3, 1e-2)


def compare(
    data: str | Path | tuple[Any, Any] | Table,
    losses: Sequence[str] | Mapping[str, Any],
    *,
    target: str | None = None,
    task: Task | None = None,
    baseline: str | None = None,
    epochs: int = 30,
    folds: int = 5,
    seeds: int = 1,
    out: str | Path = "runs/compare",
    network: str | NetworkFactory = "default",
    learning_rates: Sequence[float] = LEARNING_RATES,
    batch_size: int = 32,
    imbalance: float | None = None,
    command: str | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Train with each loss on the same folds, and compare them on the samples held out.

    Args:
        data: the name of a set bundled with scikit-learn, a CSV, Parquet or NPZ file, or arrays
            ``(x, y)``.
        losses: names as on the command line, or a mapping of names to losses.
        target: the column with the label, for files.
        task: classification or regression, where the target does not tell.
        baseline: the loss that the others are compared with; by default the first.
        epochs: how often each training goes through its samples.
        folds: how many parts the samples are cut into, each held out once.
        seeds: how often to do all of that, with other folds, weights and orders.
        out: the folder for settings, results and report. A run that was killed goes on there.
        network: ``"default"``, or a function of the shape of a sample and the number of outputs,
            or its name as ``module:factory``.
        learning_rates: of several, each training chooses by a part of its training samples.
        batch_size: samples per step.
        imbalance: shrink the classes geometrically, the last to this share of the first.
        command: what to tell the reader to reproduce it with.
        progress: whether to show a progress bar; by default on a terminal.

    Raises:
        CompareError: if anything does not fit; nothing has been written then.
    """
    try:
        table = _table(data, target, task)
        if imbalance is not None:
            table = table.imbalanced(imbalance)
        choices = _choices(losses, table)
        factory = network_factory(network)
    except (DataError, ChoiceError, NotFoundError) as error:
        raise CompareError(str(error)) from error
    names = tuple(choice.name for choice in choices)
    baseline = baseline or names[0]
    if baseline not in names:
        raise CompareError(f"the baseline {baseline!r} is not among the losses {', '.join(names)}")
    settings = Settings(
        data=table.name,
        digest=table.digest,
        target=target,
        task=table.task,
        classes=table.classes,
        samples=len(table.y),
        imbalance=imbalance,
        losses=names,
        baseline=baseline,
        network=network if isinstance(network, str) else getattr(network, "__name__", "own"),
        epochs=epochs,
        folds=folds,
        seeds=seeds,
        learning_rates=tuple(learning_rates),
        batch_size=batch_size,
    )
    check_samples(table, settings)
    _try_losses(table, settings, choices, factory)
    store, about = Store(Path(out)), {"command": command, "versions": _versions()}
    records = store.open(settings, about)
    todo = missing(settings, records)
    by_name = {choice.name: choice for choice in choices}
    with _Shown(len(records), len(records) + len(todo), progress) as shown:
        for seed, fold, loss in todo:
            shown.begin(f"{loss}, fold {fold + 1}, seed {seed + 1}")
            record = run_cell(table, settings, by_name[loss], factory, seed, fold)
            store.append(record)
            records.append(record)
            shown.end()
    result = Comparison(settings, about, tuple(records), Path(out))
    write_whole(result.report, render(result))
    return result


def _table(data: Any, target: str | None, task: Task | None) -> Table:
    if isinstance(data, Table):
        return data
    if isinstance(data, tuple):
        x, y = data
        return table_of(x, y, task)
    return load_table(data, target, task)


def _choices(losses: Sequence[str] | Mapping[str, Any], table: Table) -> list[Choice]:
    if isinstance(losses, str) or not losses:
        raise ChoiceError("give at least one loss, as a list of names")
    if isinstance(losses, Mapping):
        return [given(name, loss, table) for name, loss in losses.items()]
    if len(set(losses)) != len(losses):
        raise ChoiceError(f"a loss is named twice: {', '.join(losses)}")
    return [choose(text, table) for text in losses]


def _try_losses(
    table: Table, settings: Settings, choices: Sequence[Choice], factory: NetworkFactory
) -> None:
    """Compute every loss once on a few samples: a misfit shows before anything is written."""
    few = torch.arange(min(len(table.y), 8))
    tiny = replace(table, x=table.x[few], y=table.y[few])
    for choice in choices:
        try:
            compute_once(tiny, choice, factory)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            raise CompareError(
                f"{choice.name} cannot be computed on {settings.data}: {error}"
            ) from error


def _versions() -> dict[str, str]:
    names = ("lossary", "torch", "lightning-fabric", "scikit-learn", "numpy", "scipy")
    return {"python": platform.python_version()} | {n: importlib.metadata.version(n) for n in names}


class _Shown:
    """A progress bar on a terminal, else a line per cell, on the error stream."""

    def __init__(self, done: int, total: int, progress: bool | None) -> None:
        self.done, self.total = done, total
        terminal = sys.stderr.isatty()
        self.silent = progress is False
        self.bar: Progress | None = None
        if progress or (progress is None and terminal):
            self.bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self.task = self.bar.add_task("", total=total, completed=done)
        self.description = ""

    def __enter__(self) -> _Shown:
        if self.done and not self.silent:
            print(f"{self.done} of {self.total} cells are there already", file=sys.stderr)
        if self.bar:
            self.bar.start()
        return self

    def begin(self, description: str) -> None:
        self.description = description
        if self.bar:
            self.bar.update(self.task, description=description)

    def end(self) -> None:
        self.done += 1
        if self.bar:
            self.bar.update(self.task, completed=self.done)
        elif not self.silent:
            print(f"[{self.done}/{self.total}] {self.description}", file=sys.stderr, flush=True)

    def __exit__(self, *error: object) -> None:
        if self.bar:
            self.bar.stop()
