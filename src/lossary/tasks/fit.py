"""Fit: a table made ready for a network and a loss, and the model that joins them."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from ..data.tables import Table
from ..train import Model
from .choice import Choice
from .metrics import measure
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
    ) -> None:
        self.table, self.choice = table, choice
        dims = (0,) if table.x.ndim == 2 else tuple(range(table.x.ndim))
        deviation = table.x[train].std(dims, keepdim=True)
        mean = table.x[train].mean(dims, keepdim=True)
        self.x = (table.x - mean) / torch.where(deviation > 0, deviation, 1.0)
        self.shift, self.scale = 0.0, 1.0
        if table.task == "regression":
            self.shift = float(table.y[train].mean())
            self.scale = float(table.y[train].std()) or 1.0
        self.model = self._model(network, seed, learning_rate)

    def _model(self, network: NetworkFactory, seed: int, learning_rate: float) -> Model:
        outputs = self.choice.outputs(self.table)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            body = network(tuple(self.table.x.shape[1:]), outputs)
            loss = self.choice.build()
        if outputs == 1:
            body = nn.Sequential(body, nn.Flatten(0))
        return Model(body, loss, functools.partial(torch.optim.Adam, lr=learning_rate))

    def columns(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and the target as the loss takes it."""
        y = self.table.y[index]
        match self.choice.coding:
            case "zero_one":
                y = y.float()
            case "sign":
                y = 2.0 * y - 1
            case "number":
                y = (y - self.shift) / self.scale
            case "label":
                pass
        return self.x[index], y

    def output(self, index: Tensor) -> Tensor:
        """Return the network's answers: scores of classes, or numbers in the target's own unit."""
        found: Tensor = self.model.predict(self.x[index], batch_size=PREDICT_BATCH)
        return found.nan_to_num() * self.scale + self.shift

    def measure(self, index: Tensor) -> dict[str, float]:
        """Return the metrics of the task on some samples."""
        return measure(self.table, self.output(index), self.table.y[index], self.choice.coding)
