"""One training, as a TOML file says."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import torch
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from ..data.tables import DataError, Task, load_table
from ..files import write_whole
from ..lookup import NotFoundError
from ..train import Callback, Record, Run
from .choice import ChoiceError, choose
from .fit import Fit
from .kinds import KINDS
from .networks import network_factory

MODEL, HISTORY = "model.safetensors", "history.json"


class ConfigError(ValueError):
    """The file does not say what to do; the message says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a training needs to know.

    Attributes:
        data: as for a comparison: a bundled set, or a CSV, Parquet or NPZ file.
        loss: as for a comparison: ``focal_loss:gamma=2``, or ``module:Loss``.
        out: the folder for the model and its history.
        target: the column with the label, or several.
        task: of which kind the target is, where it does not tell.
        network: ``default``, or ``module:factory``.
        epochs: how often to go through the samples.
        valid: the share of the samples that is held out.
        batch_size: samples per step.
        learning_rate: of Adam.
        seed: for weights, split and order.
    """

    data: str
    loss: str
    out: str
    target: str | list[str] | None = None
    task: Task | None = None
    network: str = "default"
    epochs: int = 30
    valid: float = 0.2
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0


def read_config(path: Path) -> Config:
    """Read a TOML file.

    Raises:
        ConfigError: if it is not there, not TOML, or has keys or values that mean nothing.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    known = get_type_hints(Config)
    for key, value in given.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
            raise ConfigError(f"{path}: nothing is called {key!r}{hint}")
        wanted = _types(known[key])
        if isinstance(value, bool) or not isinstance(value, wanted):
            names = " or ".join(kind.__name__ for kind in wanted)
            raise ConfigError(f"{path}: {key} must be {names}, got {value!r}")
    missing = [f.name for f in fields(Config) if f.name in ("data", "loss", "out")]
    if absent := [name for name in missing if name not in given]:
        raise ConfigError(f"{path} does not say {', '.join(absent)}")
    config = Config(**given)
    if not 0 < config.valid < 1:
        raise ConfigError(f"{path}: valid must lie between 0 and 1, got {config.valid}")
    for name in ("epochs", "batch_size", "learning_rate"):
        if getattr(config, name) <= 0:
            raise ConfigError(f"{path}: {name} must be positive, got {getattr(config, name)}")
    return config


def _types(hint: Any) -> tuple[type, ...]:
    if hint is float:
        return (float, int)
    if get_origin(hint) is list:
        return (list,)
    if isinstance(hint, UnionType) or get_args(hint):
        return tuple({k for part in get_args(hint) for k in _types(part)} - {type(None)})
    return (hint,) if isinstance(hint, type) else (type(hint),)


def train(config: Config, tell: Callable[[str], None] = print) -> list[Record]:
    """Train, and save the model and its history; return one record per epoch.

    Args:
        config: what to do.
        tell: is told a line per epoch.

    Raises:
        ConfigError: if data, loss or network do not fit; nothing has been written then.
    """
    try:
        table = load_table(config.data, config.target, config.task)
        choice = choose(config.loss, table)
        network = network_factory(config.network, table.task)
    except (DataError, ChoiceError, NotFoundError) as error:
        raise ConfigError(str(error)) from error
    if len(choice.candidates()) > 1:
        raise ConfigError(f"{config.loss}: one training has nothing to choose by; give one value")
    out = Path(config.out)
    if (out / MODEL).exists():
        raise ConfigError(f"{out / MODEL} exists already; give another out, or remove it")
    kind = StratifiedShuffleSplit if KINDS[table.task].stratified else ShuffleSplit
    try:
        split = kind(1, test_size=config.valid, random_state=config.seed)
        parts = split.split(range(len(table.y)), table.y)
        train_index, valid_index = map(torch.from_numpy, next(parts))
    except ValueError as error:
        raise ConfigError(f"{config.data} cannot be split: {error}") from error
    rate, seed = config.learning_rate, config.seed
    fit = Fit(table, choice, network, train_index, seed=seed, learning_rate=rate)

    class Tell(Callback):
        def on_epoch_end(self, run: Run) -> None:
            found = fit.measure(valid_index)
            run.history[-1].update({f"valid_{name}": value for name, value in found.items()})
            told = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
            tell(f"epoch {run.epoch}: loss {run.history[-1]['loss']:.4f}; held out: {told}")

    history = fit.model.train(
        config.epochs,
        fit.columns(train_index),
        [Tell()],
        batch_size=config.batch_size,
        seed=config.seed,
    )
    out.mkdir(parents=True, exist_ok=True)
    fit.model.save(out / MODEL)
    write_whole(out / HISTORY, json.dumps(history, indent=2) + "\n")
    return history
