"""Stress: controlled harder versions of the data. What is held out stays as it is."""

from __future__ import annotations

from dataclasses import replace

import torch
from sklearn.model_selection import train_test_split
from torch import Generator, Tensor

from ..data.tables import Table
from ..tasks.kinds import KINDS
from .settings import CompareError, Settings

FAR = (5.0, 10.0)  # deviations of the target by which an outlier is off


def check_stress(table: Table, settings: Settings) -> None:
    """Raise CompareError if the data cannot be made harder in this way."""
    for name in ("label_noise", "outliers"):
        share = getattr(settings, name)
        if share is not None and not 0 < share < 1:
            raise CompareError(f"{name} is a share of the samples between 0 and 1, got {share}")
    fraction = settings.fraction
    if fraction is not None and not 0 < fraction <= 1:
        raise CompareError(f"fraction is a share of the samples in (0, 1], got {fraction}")
    if settings.label_noise is not None and KINDS[table.task].scaled:
        raise CompareError("label noise is for classes; a number gets outliers")
    if settings.outliers is not None and not KINDS[table.task].scaled:
        raise CompareError("outliers are for numbers; classes get label noise")


def harder(
    table: Table, settings: Settings, train: Tensor, seed: int, fold: int
) -> tuple[Table, Tensor]:
    """Return a table whose training samples are fewer or worse, and their indices.

    It is the same for all losses of a fold.
    """
    generator = torch.Generator().manual_seed(1_000_003 * seed + fold)
    if settings.fraction is not None and settings.fraction < 1:
        train = _fewer(table, train, settings.fraction, seed)
    if settings.label_noise is not None:
        table = _with(table, train, _noisy(table, train, settings.label_noise, generator))
    if settings.outliers is not None:
        table = _with(table, train, _outlying(table, train, settings.outliers, generator))
    return table, train


def _with(table: Table, index: Tensor, y: Tensor) -> Table:
    return replace(table, y=table.y.index_copy(0, index, y))


def _fewer(table: Table, train: Tensor, fraction: float, seed: int) -> Tensor:
    classes = table.y[train] if KINDS[table.task].stratified else None
    try:
        kept, _ = train_test_split(
            train.numpy(), train_size=fraction, random_state=seed, stratify=classes
        )
    except ValueError as error:
        raise CompareError(f"a fraction of {fraction} leaves too few samples: {error}") from error
    return torch.from_numpy(kept).sort().values


def _noisy(table: Table, train: Tensor, share: float, generator: Generator) -> Tensor:
    """Give some samples, or pixels, another class, each other one as likely; flip labels."""
    y = table.y[train]
    hit = torch.rand(y.shape, generator=generator) < share
    if table.task == "multilabel":
        return torch.where(hit, 1 - y, y)
    others = len(table.classes) - 1
    step = torch.randint(1, others + 1, y.shape, generator=generator)
    return torch.where(hit, (y + step) % (others + 1), y)


def _outlying(table: Table, train: Tensor, share: float, generator: Generator) -> Tensor:
    y = table.y[train]
    shape = (len(y), *(1,) * (y.ndim - 1))
    hit = torch.rand(shape, generator=generator) < share
    low, high = FAR
    by = low + (high - low) * torch.rand(shape, generator=generator)
    sign = 2.0 * torch.randint(0, 2, shape, generator=generator) - 1
    return torch.where(hit, y + sign * by * y.std(0), y)
