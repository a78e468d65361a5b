"""Settings: what a comparison depends on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..data.tables import Task

Search = Literal["grid", "optuna"]


class CompareError(ValueError):
    """The comparison cannot be made; the message says why and what would help."""


@dataclass(frozen=True)
class Settings:
    """What a comparison depends on: equal settings give equal results.

    Attributes:
        data: the name of the data.
        digest: a fingerprint of the data.
        target: the columns with the target.
        task: its kind.
        classes: the names of the classes or labels.
        samples: their number.
        imbalance: what the classes were shrunk to, the last as a share of the first.
        label_noise: the share of training samples with a wrong class.
        outliers: the share of training samples whose target is far off.
        fraction: the share of the training samples that is used.
        losses: their names.
        baseline: the one that the others are compared with.
        network: its name.
        epochs: how often each training goes through its samples.
        folds: how many parts the samples are cut into; 1 with a fixed test split.
        held_out: the last samples, which are the test split, or None for folds.
        seeds: one for each repetition.
        learning_rates: from which each training chooses.
        trials: how many candidates each training tries.
        search: how it finds them.
        batch_size: samples per step.
    """

    data: str
    digest: str
    target: tuple[str, ...]
    task: Task
    classes: tuple[str, ...]
    samples: int
    imbalance: float | None
    label_noise: float | None
    outliers: float | None
    fraction: float | None
    losses: tuple[str, ...]
    baseline: str
    network: str
    epochs: int
    folds: int
    held_out: int | None
    seeds: tuple[int, ...]
    learning_rates: tuple[float, ...]
    trials: int
    search: Search
    batch_size: int

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON has them: lists for tuples."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Settings:
        """Return what :meth:`as_json` gave.

        Raises:
            TypeError: if something is missing or unknown.
        """
        told: dict[str, Any] = {k: tuple(v) if type(v) is list else v for k, v in found.items()}
        return cls(**told)

    def cells(self) -> Iterator[tuple[int, int, str]]:
        """Yield seed, fold and loss of every cell, the losses of a fold next to each other."""
        for seed in self.seeds:
            for fold in range(self.folds):
                for loss in self.losses:
                    yield seed, fold, loss
