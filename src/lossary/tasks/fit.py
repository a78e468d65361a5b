"""Fit: a table made ready for a network and a loss, and the model that joins them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..data.tables import Table
from ..train import Model
from ..train.random_states import kept_random_states
from .choice import Choice
from .kind import Details
from .kinds import KINDS
from .networks import NetworkFactory

PREDICT_BATCH = 1024


class Fit:
    """A table made ready for a network and a loss.

    Features are brought to mean 0 and deviation 1 by the training samples alone. So is a target
    that is a number: losses have scales of their own, such as the threshold of the Huber loss.

    Args:
        table: the data.
        choice: the loss.
        network: makes the network; its initial weights are a function of ``seed`` alone.
        train: the indices of the training samples.
        seed: for the weights.
        learning_rate: of Adam.
        hyperparameters: of the loss; by default the first candidates.
    """

    def __init__(
        self,
        table: Table,
        choice: Choice,
        network: NetworkFactory,
        train: Tensor,
        *,
        seed: int,
        learning_rate: float,
        hyperparameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.table, self.choice, self.kind = table, choice, KINDS[table.task]
        self.x = table.prepared(train)
        self.shift, self.scale = torch.zeros(()), torch.ones(())
        if self.kind.scaled:
            deviation = table.y[train].std(0)
            self.shift = table.y[train].mean(0)
            self.scale = torch.where(deviation > 0, deviation, 1.0)
        self.loss, self.model = self._model(network, train, seed, learning_rate, hyperparameters)

    def _model(
        self,
        network: NetworkFactory,
        train: Tensor,
        seed: int,
        learning_rate: float,
        hyperparameters: Mapping[str, Any] | None,
    ) -> tuple[Any, Model]:
        way = self.choice.way
        with kept_random_states():
            torch.manual_seed(seed)
            body = network(tuple(self.x.shape[1:]), way.outputs)
            loss = self.choice.build(self.table.take(train), hyperparameters)
        if way.squeeze is not None:
            body = nn.Sequential(body, way.squeeze())
        return loss, Model(body, loss, functools.partial(torch.optim.Adam, lr=learning_rate))

    def columns(self, index: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return features and the target as the loss takes it.

        Args:
            index: of the samples.
            y: the target of these samples, if it is not that of the table.
        """
        y = self.table.y[index] if y is None else y
        if self.kind.scaled:
            y = (y - self.shift) / self.scale
        return self.x[index], self.choice.way.target(y)

    def answer(self, index: Tensor) -> Tensor:
        """Return what the network says of some samples, as the metrics take it."""
        found: Tensor = self.model.predict(self.x[index], batch_size=PREDICT_BATCH)
        # in double precision, or the largest outputs become infinite
        found = found.nan_to_num().double() * self.scale + self.shift
        return self.choice.way.answer(found, self.loss)

    def measure(self, index: Tensor, names: Iterable[str] | None = None) -> dict[str, float]:
        """Return metrics of the task on some samples, by default all."""
        return self.kind.measure(self.answer(index), self.table.y[index], names)

    def report(self, index: Tensor) -> tuple[dict[str, float], Details]:
        """Return the metrics of the task on some samples, and what else there is to tell."""
        answer, y = self.answer(index), self.table.y[index]
        return self.kind.measure(answer, y), self.kind.details(answer, y)
