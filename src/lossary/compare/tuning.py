"""Tuning: each loss gets the learning rate and the hyperparameters that suit it.

At one fixed rate, losses of different scale are compared by their scale. Every loss may try equally
many candidates, on the same part of the training samples.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ..tasks.choice import Choice
from .settings import Settings


class Trial(NamedTuple):
    """A candidate."""

    learning_rate: float
    hyperparameters: dict[str, Any]


Worth = Callable[[Trial], float]
"""What a candidate is worth; more is better."""


def tune(choice: Choice, settings: Settings, seed: int, worth: Worth) -> tuple[Trial, list[Any]]:
    """Return the best candidate, and all that were tried with what they are worth."""
    if settings.search == "optuna" and settings.trials > 1:
        return _by_optuna(choice, settings, seed, worth)
    trials = grid(choice, settings, seed)
    if len(trials) == 1:
        return trials[0], []
    values = [worth(trial) for trial in trials]
    best = max(range(len(trials)), key=values.__getitem__)
    return trials[best], [told(trial, value) for trial, value in zip(trials, values, strict=True)]


def grid(choice: Choice, settings: Settings, seed: int) -> list[Trial]:
    """Return as many candidates as every loss may try, or all if there are fewer.

    A loss without hyperparameters to choose tries more learning rates instead.
    """
    of_loss, rates, budget = choice.candidates(), settings.learning_rates, settings.trials
    if len(of_loss) == 1 and len(rates) > 1 and budget != len(rates):
        rates = spread(rates, budget)
    trials = [Trial(rate, found) for rate, found in itertools.product(rates, of_loss)]
    if len(trials) > budget:
        drawn = random.Random(seed).sample(range(len(trials)), budget)  # noqa: S311 - no secret
        trials = [trials[i] for i in sorted(drawn)]
    return trials


def spread(rates: Sequence[float], count: int) -> tuple[float, ...]:
    """Return rates in equal ratios, from the least to the largest; one is in the middle."""
    low, high = math.log(min(rates)), math.log(max(rates))
    if count == 1:
        return (math.exp((low + high) / 2),)
    return tuple(math.exp(low + (high - low) * i / (count - 1)) for i in range(count))


def told(trial: Trial, value: float) -> dict[str, Any]:
    """Return a trial as JSON has it."""
    return {
        "learning_rate": trial.learning_rate,
        "hyperparameters": plain(trial.hyperparameters),
        "worth": value if math.isfinite(value) else None,
    }


def plain(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """Return hyperparameters as JSON has them."""
    return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in hyperparameters.items()}


def _by_optuna(
    choice: Choice, settings: Settings, seed: int, worth: Worth
) -> tuple[Trial, list[Any]]:
    try:
        import optuna
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            'this search needs optuna: pip install "lossary[tune]"', name=missing.name
        ) from missing
    low, high = min(settings.learning_rates), max(settings.learning_rates)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    tried: list[tuple[float, Trial]] = []
    for _ in range(settings.trials):
        asked = study.ask()
        rate = asked.suggest_float("learning_rate", low, high, log=True)
        at = {
            name: values[asked.suggest_categorical(name, tuple(range(len(values))))]
            for name, values in choice.options.items()
        }
        trial = Trial(rate, at)
        value = worth(trial)
        if math.isfinite(value):
            study.tell(asked, value)
        else:  # it diverged
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        tried.append((value, trial))
    optuna.logging.set_verbosity(before)
    best = max(tried, key=lambda one: one[0])[1]
    return best, [told(trial, value) for value, trial in tried]
