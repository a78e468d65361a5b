"""The experiment: one cell is one loss on one fold with one seed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from torch import Tensor

from ..data.tables import Table, Task
from ..tasks.choice import Choice
from ..tasks.fit import Fit
from ..tasks.metrics import METRICS, PRIMARY, log_probabilities, recalls
from ..tasks.networks import NetworkFactory
from ..train import Callback, NonFiniteLossError, Run

INNER_SHARE = 0.25  # of the training samples, to choose the learning rate by


class CompareError(ValueError):
    """The comparison cannot be made; the message says why and what would help."""


@dataclass(frozen=True)
class Settings:
    """What a comparison depends on: equal settings give equal results."""

    data: str
    digest: str
    target: str | None
    task: Task
    classes: tuple[str, ...]
    samples: int
    imbalance: float | None
    losses: tuple[str, ...]
    baseline: str
    network: str
    epochs: int
    folds: int
    seeds: int
    learning_rates: tuple[float, ...]
    batch_size: int

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON has them: lists for tuples."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def cells(self) -> Iterator[tuple[int, int, str]]:
        """Yield seed, fold and loss of every cell, the losses of a fold next to each other."""
        for seed in range(self.seeds):
            for fold in range(self.folds):
                for loss in self.losses:
                    yield seed, fold, loss


def check_samples(table: Table, settings: Settings) -> None:
    """Raise CompareError unless every fold has samples of every class to learn from."""
    if settings.folds < 2:
        raise CompareError(f"at least 2 folds are needed, got {settings.folds}")
    for name in ("epochs", "seeds", "batch_size"):
        if getattr(settings, name) < 1:
            raise CompareError(f"{name} must be at least 1, got {getattr(settings, name)}")
    if not settings.learning_rates or min(settings.learning_rates) <= 0:
        raise CompareError(f"learning rates must be positive, got {settings.learning_rates}")
    if table.task == "regression":
        if len(table.y) < 4 * settings.folds:
            raise CompareError(f"{len(table.y)} samples are too few for {settings.folds} folds")
        return
    if len(table.classes) < 2:
        raise CompareError(f"the target has only one class, {table.classes[0]!r}")
    counts = torch.bincount(table.y, minlength=len(table.classes)).tolist()
    least = min(counts)
    if least < settings.folds or least - math.ceil(least / settings.folds) < 2:
        name = table.classes[counts.index(least)]
        hint = (
            "; if the target is a number to predict, say --task regression"
            if len(table.classes) > 20
            else ""
        )
        raise CompareError(
            f"class {name!r} has {least} samples, too few for {settings.folds} folds: give fewer "
            f"folds, or merge or leave out that class{hint}"
        )


def run_cell(
    table: Table, settings: Settings, choice: Choice, network: NetworkFactory, seed: int, fold: int
) -> dict[str, Any]:
    """Train one loss on one fold, and return what it is worth on the samples held out.

    Everything but the loss is the same for all losses of a fold: the split, the initial weights,
    the order of the batches, and how the learning rate is chosen.
    """
    train, test = _fold(table, settings, seed, fold)
    began = time.perf_counter()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small networks: threads cost more than they bring
    try:
        rate = _learning_rate(table, settings, choice, network, train, seed)
        trained = _train(table, settings, choice, network, train, test, seed, rate)
    finally:
        torch.set_num_threads(threads)
    return {
        "loss": choice.name,
        "seed": seed,
        "fold": fold,
        "learning_rate": rate,
        **trained,
        "seconds": time.perf_counter() - began,
    }


def _fold(table: Table, settings: Settings, seed: int, fold: int) -> tuple[Tensor, Tensor]:
    kind = StratifiedKFold if table.task == "classification" else KFold
    splitter = kind(settings.folds, shuffle=True, random_state=seed)
    train, test = list(splitter.split(table.x, table.y))[fold]
    return torch.from_numpy(train), torch.from_numpy(test)


def _learning_rate(
    table: Table,
    settings: Settings,
    choice: Choice,
    network: NetworkFactory,
    train: Tensor,
    seed: int,
) -> float:
    """Choose the learning rate that is best on a part of the training samples."""
    if len(settings.learning_rates) == 1:
        return settings.learning_rates[0]
    kind = StratifiedShuffleSplit if table.task == "classification" else ShuffleSplit
    splitter = kind(1, test_size=INNER_SHARE, random_state=seed)
    fit, valid = next(splitter.split(table.x[train], table.y[train]))
    primary = PRIMARY[table.task]
    sign = 1 if METRICS[table.task][primary].better == "more" else -1

    def worth(rate: float) -> float:
        found = _train(table, settings, choice, network, train[fit], train[valid], seed, rate)
        return -math.inf if found["diverged"] else sign * float(found["metrics"][primary])

    return max(settings.learning_rates, key=worth)


def _train(
    table: Table,
    settings: Settings,
    choice: Choice,
    network: NetworkFactory,
    train: Tensor,
    test: Tensor,
    seed: int,
    rate: float,
) -> dict[str, Any]:
    fit = Fit(table, choice, network, train, seed=seed, learning_rate=rate)
    curve: list[dict[str, float]] = []

    class Curve(Callback):
        def on_epoch_end(self, run: Run) -> None:
            curve.append(fit.measure(test))

    diverged = False
    try:
        fit.model.train(
            settings.epochs,
            fit.columns(train),
            [Curve()],
            batch_size=settings.batch_size,
            seed=seed,
            progress=False,
        )
    except NonFiniteLossError:
        diverged = True
    found = {"metrics": fit.measure(test), "curve": curve, "diverged": diverged}
    if table.task == "classification":
        log_p = log_probabilities(fit.output(test), choice.coding)
        found["recall"] = recalls(log_p, table.y[test])
    return found


def compute_once(table: Table, choice: Choice, network: NetworkFactory) -> None:
    """Compute a loss on a whole table, to see whether it can be."""
    everything = torch.arange(len(table.y))
    fit = Fit(table, choice, network, everything, seed=0, learning_rate=1e-3)
    fit.model.evaluate(fit.columns(everything), batch_size=len(table.y))


def missing(settings: Settings, records: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Return the cells that have no record yet."""
    done = {(r["seed"], r["fold"], r["loss"]) for r in records}
    return [cell for cell in settings.cells() if cell not in done]
