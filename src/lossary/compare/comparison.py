"""compare(): run the experiment, keep its results, and say what they mean."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..data.image_folder import ImageSize
from ..data.join import join
from ..data.tables import DataError, Table, Target, Task, load_table
from ..lookup import NotFoundError
from ..tasks.choice import Choice, ChoiceError, choose, given
from ..tasks.kinds import KINDS
from ..tasks.networks import NetworkFactory, network_factory
from .cells import Backend, check_jobs, compute
from .experiment import check_samples, compute_once, missing
from .merge import merge
from .output import Format, check_formats, finish
from .result import Comparison, in_order
from .settings import CompareError, Search, Settings
from .store import Store

LEARNING_RATES = (1e-3, 3e-3, 1e-2)


def compare(
    data: Any,
    losses: Sequence[str] | Mapping[str, Any],
    *,
    target: Target | None = None,
    task: Task | None = None,
    test: Any = None,
    baseline: str | None = None,
    epochs: int = 30,
    folds: int = 5,
    seeds: int = 1,
    first_seed: int = 0,
    out: str | Path = "runs/compare",
    network: str | NetworkFactory = "default",
    learning_rates: Sequence[float] = LEARNING_RATES,
    trials: int | None = None,
    search: Search = "grid",
    batch_size: int = 32,
    imbalance: float | None = None,
    label_noise: float | None = None,
    outliers: float | None = None,
    fraction: float | None = None,
    image_size: ImageSize | None = None,
    jobs: int = 1,
    backend: Backend = "local",
    formats: Sequence[Format] = ("html",),
    command: str | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Train with each loss on the same folds, and compare them on the samples held out.

    Args:
        data: the name of a set bundled with scikit-learn, a file or folder, ``module:factory``, a
            data frame, a torch Dataset, or arrays ``(x, y)``; see docs/data.md.
        losses: names as on the command line, or a mapping of names to losses. In a name,
            ``focal_loss:gamma=1|2|5`` leaves the choice among three values to each training.
        target: the column with the target, or several.
        task: the kind of the target, where it does not tell: classification, ordinal, multilabel,
            regression, quantile, segmentation or retrieval.
        test: samples like those of ``data`` that are always held out, instead of folds. Then seeds
            vary weights and orders.
        baseline: the loss that the others are compared with; by default the first.
        epochs: how often each training goes through its samples.
        folds: how many parts the samples are cut into, each held out once.
        seeds: how often to do all of that, with other folds, weights and orders.
        first_seed: the first of the seeds; runs with other seeds can be merged.
        out: the folder for settings, results and report. A run that was killed goes on there.
        network: ``"default"``, or a function of the shape of a sample and the number of outputs,
            or its name as ``module:factory``.
        learning_rates: of several, each training chooses by a part of its training samples.
        trials: how many candidates, of learning rates and of the loss's own hyperparameters, each
            training tries; by default as many as there are learning rates, or values of one
            hyperparameter if they are more.
        search: ``"grid"``, or ``"optuna"`` for a search between the least and the largest rate.
        batch_size: samples per step.
        imbalance: shrink the classes geometrically, the last to this share of the first.
        label_noise: give this share of the training samples another class.
        outliers: put the target of this share of the training samples 5 to 10 deviations off.
        fraction: train with this share of the training samples.
        image_size: bring images to this height and width.
        jobs: how many cells at the same time; -1 for all cores.
        backend: ``"local"``, or ``"ray"`` or ``"dask"`` for a cluster.
        formats: of the report: html, markdown, json, pictures.
        command: what to tell the reader to reproduce it with.
        progress: whether to show a progress bar; by default on a terminal.

    Raises:
        CompareError: if anything does not fit; nothing has been written then.
    """
    check_jobs(jobs, backend)
    check_formats(formats)
    try:
        table = load_table(data, target, task, image_size=image_size)
        held_out = None
        if test is not None:
            other = load_table(test, target, table.task, image_size=image_size)
            table, held_out = join(table, other), len(other)
        if imbalance is not None:
            if held_out is not None:
                raise CompareError("a fixed test split stays as it is: leave imbalance out")
            table = table.imbalanced(imbalance)
        choices = _choices(losses, table)
        factory = network_factory(network, table.task)
    except (DataError, ChoiceError, NotFoundError) as error:
        raise CompareError(str(error)) from error
    names = tuple(choice.name for choice in choices)
    baseline = baseline or names[0]
    if baseline not in names:
        raise CompareError(f"the baseline {baseline!r} is not among the losses {', '.join(names)}")
    if search not in get_args(Search):
        raise CompareError(f"the search is one of {get_args(Search)}, got {search!r}")
    most = max((len(values) for one in choices for values in one.options.values()), default=1)
    if trials == 1 and most > 1:
        raise CompareError(f"one trial leaves nothing to choose: give more, such as {most}")
    settings = Settings(
        data=table.name,
        digest=table.digest,
        target=(target,) if isinstance(target, str) else tuple(target or ()),
        task=table.task,
        classes=table.classes,
        samples=len(table.y),
        imbalance=imbalance,
        label_noise=label_noise,
        outliers=outliers,
        fraction=fraction,
        losses=names,
        baseline=baseline,
        network=network if isinstance(network, str) else getattr(network, "__name__", "own"),
        epochs=epochs,
        folds=folds if held_out is None else 1,
        held_out=held_out,
        seeds=tuple(range(first_seed, first_seed + seeds)),
        learning_rates=tuple(map(float, learning_rates)),
        trials=max(len(learning_rates), most) if trials is None else trials,
        search=search,
        batch_size=batch_size,
    )
    check_samples(table, settings)
    _try_losses(table, settings, choices, factory)
    store, about = Store(Path(out)), {"command": command, "versions": _versions()}
    records = store.open(settings, about)
    todo = missing(settings, records)
    with _Shown(len(records), len(records) + len(todo), progress) as shown:
        for record in compute(table, settings, choices, factory, todo, jobs, backend):
            store.append(record)
            records.append(record)
            shown.end(f"{record['loss']}, fold {record['fold'] + 1}, seed {record['seed']}")
    return finish(Comparison(settings, about, in_order(settings, records), Path(out)), formats)


def merge_runs(
    folders: Sequence[str | Path], out: str | Path, *, formats: Sequence[Format] = ("html",)
) -> Comparison:
    """Join comparisons that were made apart, with other losses or other seeds but else the same.

    The baseline is that of the first. A cell that several have is taken from the first of them.

    Args:
        folders: of the comparisons.
        out: an empty or new folder.
        formats: of the report: html, markdown, json, pictures.

    Raises:
        CompareError: if they differ in more than losses and seeds, or leave out some cell.
    """
    check_formats(formats)
    return finish(merge(folders, out), formats)


def _choices(losses: Sequence[str] | Mapping[str, Any], table: Table) -> list[Choice]:
    if isinstance(losses, str) or not losses:
        raise ChoiceError("give at least one loss, as a list of names")
    if isinstance(losses, Mapping):
        if wrong := [name for name in losses if not isinstance(name, str) or not name.strip()]:
            raise ChoiceError(f"the names of the losses are texts, got {wrong[0]!r}")
        return [given(name, loss, table) for name, loss in losses.items()]
    if wrong := [text for text in losses if not isinstance(text, str)]:
        raise ChoiceError(
            f"a list holds names of losses, got a {type(wrong[0]).__name__}; of others give a "
            "mapping of names to losses"
        )
    if len(set(losses)) != len(losses):
        raise ChoiceError(f"a loss is named twice: {', '.join(losses)}")
    return [choose(text, table) for text in losses]


def _try_losses(
    table: Table, settings: Settings, choices: Sequence[Choice], factory: NetworkFactory
) -> None:
    """Compute every loss once on a few samples: a misfit shows before anything is written."""
    tiny = table.take(_a_few_of_each(table))
    for choice in choices:
        try:
            compute_once(tiny, choice, factory)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            raise CompareError(
                f"{choice.name} cannot be computed on {settings.data}: {error}"
            ) from error


def _a_few_of_each(table: Table, count: int = 8) -> torch.Tensor:
    """Return the indices of a few samples; of every class, where a loss may need all."""
    if not KINDS[table.task].stratified:
        return torch.arange(min(len(table.y), count))
    first = [(table.y == k).nonzero()[:count, 0] for k in range(len(table.classes))]
    return torch.cat(first).sort().values


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

    def __enter__(self) -> _Shown:
        if self.done and not self.silent:
            print(f"{self.done} of {self.total} cells are there already", file=sys.stderr)
        if self.bar:
            self.bar.start()
        return self

    def end(self, description: str) -> None:
        self.done += 1
        if self.bar:
            self.bar.update(self.task, completed=self.done, description=escape(description))
        elif not self.silent:
            print(f"[{self.done}/{self.total}] {description}", file=sys.stderr, flush=True)

    def __exit__(self, *error: object) -> None:
        if self.bar:
            self.bar.stop()
