"""The experiment: one cell is one loss on one fold with one seed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from torch import Tensor

from ..data.tables import Table
from ..tasks.choice import Choice
from ..tasks.fit import Fit
from ..tasks.kinds import KINDS
from ..tasks.networks import NetworkFactory
from ..train import Callback, NonFiniteLossError, Run
from ..train.random_states import kept_random_states
from .cost import PeakMemory
from .settings import CompareError, Settings
from .statistics import seeds_to_tell
from .stress import check_stress, harder
from .tuning import Trial, plain, tune

INNER_SHARE = 0.25  # of the training samples, to tune by
LEAST = 4  # training samples, one of them to choose by
NEAR_BEST = 0.95  # of the best epoch: when a training is as good as done


def check_samples(table: Table, settings: Settings) -> None:
    """Raise CompareError unless every fold has samples of every class to learn from."""
    if settings.folds < 2 and settings.held_out is None:
        raise CompareError(f"at least 2 folds are needed, got {settings.folds}")
    for name in ("epochs", "batch_size", "trials"):
        if getattr(settings, name) < 1:
            raise CompareError(f"{name} must be at least 1, got {getattr(settings, name)}")
    if not settings.seeds:
        raise CompareError("seeds must be at least 1, got 0")
    if settings.seeds[0] < 0 or settings.seeds[-1] >= 2**32:
        raise CompareError(f"seeds must lie in [0, 2**32), got {settings.seeds[0]}")
    if settings.held_out is not None and len(settings.seeds) < 2:
        raise CompareError(
            "a fixed test split is compared by seeds, and one says nothing: --seeds "
            f"{seeds_to_tell(len(settings.losses) - 1)}"
        )
    if not settings.learning_rates or not all(0 < r < math.inf for r in settings.learning_rates):
        raise CompareError(f"learning rates must be positive, got {settings.learning_rates}")
    check_stress(table, settings)
    _check_classes(table, settings)
    cells = [(seed, fold) for seed in settings.seeds for fold in range(settings.folds)]
    # but for noise, all folds have about as many samples of each class
    for seed, fold in cells if settings.label_noise is not None else cells[:1]:
        _check_fold(table, settings, seed, fold)


def _check_fold(table: Table, settings: Settings, seed: int, fold: int) -> None:
    """Raise CompareError if a fold has too few samples to learn, to choose or to measure by."""
    train, test = _fold(table, settings, seed, fold)
    kind = KINDS[table.task]
    if not kind.tells(table.y[test]):
        raise CompareError(
            f"the {len(test)} samples held out are too few, or too alike, to measure by"
        )
    table, train = harder(table, settings, train, seed, fold)
    if len(train) < LEAST:
        raise CompareError(f"{len(train)} training samples are too few: give at least {LEAST}")
    try:
        _, valid = next(_inner(table, seed).split(range(len(train)), table.y[train]))
    except ValueError as error:
        raise CompareError(
            f"too few samples to choose by: {error}; give more, or fewer folds"
        ) from error
    if not kind.tells(table.y[train[valid]]):
        raise CompareError(
            f"of {len(train)} training samples, {len(valid)} are held out to choose by: too few, "
            "or too alike; give more samples, or fewer folds"
        )


def _check_classes(table: Table, settings: Settings) -> None:
    kind = KINDS[table.task]
    if not kind.stratified:
        if len(table.y) < 4 * settings.folds:
            raise CompareError(f"{len(table.y)} samples are too few for {settings.folds} folds")
        return
    if len(table.classes) < 2:
        raise CompareError(f"the target has only one class, {table.classes[0]!r}")
    counts = torch.bincount(table.y, minlength=len(table.classes)).tolist()
    least = min(counts)
    learned = least - math.ceil(least / settings.folds) if settings.folds > 1 else least
    if least < kind.least_of_a_class(settings.folds) or learned < 2:
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
    the order of the batches, and how it is tuned.
    """
    train, test = _fold(table, settings, seed, fold)
    began = time.perf_counter()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small networks: threads cost more than they bring
    try:
        table, train = harder(table, settings, train, seed, fold)
        cell = _Cell(table, settings, choice, network, seed)
        best, trials = tune(choice, settings, seed, cell.worth_on(train))
        trained = cell.train(train, test, best)
    finally:
        torch.set_num_threads(threads)
    return {
        "loss": choice.name,
        "seed": seed,
        "fold": fold,
        "learning_rate": best.learning_rate,
        "hyperparameters": plain(best.hyperparameters),
        "trials": trials,
        **trained,
        "seconds": time.perf_counter() - began,
    }


def _fold(table: Table, settings: Settings, seed: int, fold: int) -> tuple[Tensor, Tensor]:
    if settings.held_out is not None:
        everything = torch.arange(len(table.y))
        return everything[: -settings.held_out], everything[-settings.held_out :]
    kind = StratifiedKFold if KINDS[table.task].stratified else KFold
    splitter = kind(settings.folds, shuffle=True, random_state=seed)
    train, test = list(splitter.split(range(len(table.y)), table.y))[fold]
    return torch.from_numpy(train), torch.from_numpy(test)


def _inner(table: Table, seed: int) -> Any:
    """Return what splits training samples once more, to choose by a part of them."""
    kind = StratifiedShuffleSplit if KINDS[table.task].stratified else ShuffleSplit
    return kind(1, test_size=INNER_SHARE, random_state=seed)


class _Cell:
    """What the trainings of a cell have in common."""

    def __init__(
        self,
        table: Table,
        settings: Settings,
        choice: Choice,
        network: NetworkFactory,
        seed: int,
    ) -> None:
        self.table, self.settings, self.choice = table, settings, choice
        self.network, self.seed, self.kind = network, seed, KINDS[table.task]

    def worth_on(self, train: Tensor) -> Any:
        """Return what tells the worth of a candidate by a part of the training samples."""
        splitter = _inner(self.table, self.seed)
        sign = 1 if self.kind.metrics[self.kind.primary].better == "more" else -1

        def worth(trial: Trial) -> float:
            fit, valid = next(splitter.split(range(len(train)), self.table.y[train]))
            made = self._fit(train[fit], trial)
            diverged = self._run(made, train[fit], [])
            value = made.measure(train[valid], [self.kind.primary])[self.kind.primary]
            return -math.inf if diverged or math.isnan(value) else sign * value

        return worth

    def train(self, train: Tensor, test: Tensor, trial: Trial) -> dict[str, Any]:
        """Train with a candidate, and return what it is worth on other samples."""
        fit = self._fit(train, trial)
        curve: list[dict[str, float]] = []

        class Watch(Callback):
            seconds, steps, since = 0.0, 0, 0.0

            def on_epoch_begin(self, run: Run) -> None:
                self.since = time.perf_counter()

            def on_step_end(self, run: Run) -> None:
                self.steps += 1

            def on_epoch_end(self, run: Run) -> None:
                self.seconds += time.perf_counter() - self.since
                curve.append(fit.measure(test, {fit.kind.primary, *fit.kind.curves}))

        watch = Watch()
        diverged = self._run(fit, train, [watch])
        metrics, details = fit.report(test)
        return {
            "metrics": metrics,
            "details": details,
            "curve": curve,
            "diverged": diverged,
            "epochs_to_near_best": self._epochs_to_near_best(curve),
            "seconds_per_step": watch.seconds / watch.steps if watch.steps else None,
            "peak_memory": None if diverged else self._peak_memory(fit, train),
        }

    def _fit(self, train: Tensor, trial: Trial) -> Fit:
        return Fit(
            self.table,
            self.choice,
            self.network,
            train,
            seed=self.seed,
            learning_rate=trial.learning_rate,
            hyperparameters=trial.hyperparameters,
        )

    def _run(self, fit: Fit, index: Tensor, callbacks: Sequence[Callback]) -> bool:
        """Train, and return whether it diverged."""
        with kept_random_states():
            # for dropout, and losses that draw: the same wherever, and after whatever, this is run
            torch.manual_seed(self.seed)
            try:
                fit.model.train(
                    self.settings.epochs,
                    fit.columns(index),
                    callbacks,
                    batch_size=self.settings.batch_size,
                    seed=self.seed,
                    progress=False,
                )
            except NonFiniteLossError:
                return True
        return False

    def _epochs_to_near_best(self, curve: Sequence[Mapping[str, float]]) -> int | None:
        """Return the first epoch that reaches 95 % of the best one."""
        more = self.kind.metrics[self.kind.primary].better == "more"
        values = [found[self.kind.primary] for found in curve]
        if not values:
            return None
        best = max(values) if more else min(values)
        edge = NEAR_BEST * best if more else best / NEAR_BEST
        return next(i for i, v in enumerate(values, 1) if (v >= edge if more else v <= edge))

    def _peak_memory(self, fit: Fit, train: Tensor) -> int | None:
        """Return the memory that one more step takes beside weights and batch, in bytes.

        None if that step diverges.
        """
        few = fit.columns(train[: self.settings.batch_size])
        memory = PeakMemory()
        try:
            with memory:
                fit.model.train(1, few, batch_size=self.settings.batch_size, progress=False)
        except NonFiniteLossError:
            return None
        return memory.peak


def compute_once(table: Table, choice: Choice, network: NetworkFactory) -> None:
    """Compute a loss on a whole table with each candidate, to see whether it can be."""
    everything = torch.arange(len(table.y))
    for candidate in choice.candidates():
        fit = Fit(
            table,
            choice,
            network,
            everything,
            seed=0,
            learning_rate=1e-3,
            hyperparameters=candidate,
        )
        fit.model.evaluate(fit.columns(everything), batch_size=len(table.y))


def missing(settings: Settings, records: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Return the cells that have no record yet."""
    done = {(r["seed"], r["fold"], r["loss"]) for r in records}
    return [cell for cell in settings.cells() if cell not in done]
