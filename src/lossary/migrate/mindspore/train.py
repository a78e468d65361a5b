"""What a training script needs of mindspore.train."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ... import train as lossary_train
from ...train import Callback, Record, Run


class LossMonitor(lossary_train.LossMonitor):
    """Print the loss of a step: ``epoch: 1 step: 1, loss is 10.873164176940918``.

    Args:
        per_print_times: print each step that is a multiple of this, counted over all epochs; 0 for
            none.
    """

    def __init__(self, per_print_times: int = 1) -> None:
        super().__init__(max(per_print_times, 1))
        self.per_print_times = per_print_times

    def on_step_end(self, run: Run) -> None:
        if run.rank == 0 and self.per_print_times and run.total_steps % self.every == 0:
            print(f"epoch: {run.epoch} step: {run.step}, loss is {run.loss}", flush=True)


class TimeMonitor(Callback):
    """Print the time of an epoch and of its steps.

    Args:
        data_size: taken for the sake of scripts that give it; the steps are counted.
    """

    def __init__(self, data_size: int | None = None) -> None:
        self._began = 0.0

    def on_epoch_begin(self, run: Run) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, run: Run) -> None:
        spent = 1000 * (time.perf_counter() - self._began)
        if run.rank == 0:
            each = spent / run.step
            print(f"Train epoch time: {spent:5.3f} ms, per step time: {each:5.3f} ms", flush=True)


class Model:
    """A network, a loss and an optimizer, trained together.

    :class:`lossary.train.Model` does the work. As in MindSpore, a loss that is not reduced is
    trained by the gradient of its sum, and its mean is what is shown.

    Args:
        network: the network; without ``loss_fn`` it takes all columns and returns its own loss.
        loss_fn: any ``loss_fn(output, label)``; all columns but the first go to it, so it may take
            several labels.
        optimizer: trains the parameters of the network, and of the loss if it has some.
        metrics: of :meth:`eval`: the names ``"loss"`` and ``"accuracy"`` (or ``"acc"``), or a
            mapping of names to functions ``metric(output, label)``.
    """

    def __init__(
        self,
        network: nn.Module,
        loss_fn: Callable[..., Any] | None = None,
        optimizer: Optimizer | None = None,
        metrics: set[str] | Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self._names = list(metrics or ())
        self._trainable = optimizer is not None
        if isinstance(metrics, Mapping):
            functions = dict(metrics)
        else:
            functions = {name: _named(name) for name in self._names if name != "loss"}
        self._network = network
        if loss_fn is None:
            self._model = lossary_train.Model(_Mean(network), None, optimizer, functions)
        else:
            self._model = lossary_train.Model(network, _Mean(loss_fn), optimizer, functions)

    def train(
        self,
        epoch: int,
        train_dataset: Any,
        callbacks: Callback | Sequence[Callback] | None = None,
        dataset_sink_mode: bool = False,
    ) -> None:
        """Train.

        Args:
            epoch: how often to go through the data.
            train_dataset: batches, each a tuple of columns, or anything else that
                :meth:`lossary.train.Model.train` takes.
            callbacks: one of Lossary's, or several.
            dataset_sink_mode: taken for the sake of scripts that give it; it changes no number.

        Raises:
            ValueError: if there is no optimizer.
        """
        if not self._trainable:
            raise ValueError("Model needs an optimizer to train")
        if isinstance(callbacks, Callback):
            callbacks = [callbacks]
        self._model.train(epoch, train_dataset, callbacks or ())

    def eval(self, valid_dataset: Any) -> Record:
        """Return the metrics of a data set; ``"loss"`` is the mean over its samples.

        MindSpore's is the mean of the means of the batches, which differs where they are not of
        equal size.

        Raises:
            ValueError: if there are no metrics.
        """
        if not self._names:
            raise ValueError("Model needs metrics to evaluate")
        found = self._model.evaluate(valid_dataset)
        return {name: found[name] for name in self._names}

    def predict(self, *predict_data: Tensor) -> Any:
        """Return what the network makes of its inputs, in evaluation mode."""
        training = self._network.training
        self._network.eval()
        try:
            with torch.no_grad():
                return self._network(*predict_data)
        finally:
            self._network.train(training)


class _Mean(nn.Module):
    """A loss as MindSpore trains it: its value is the mean, its gradient that of the sum."""

    def __init__(self, loss: Callable[..., Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, *columns: Tensor) -> Tensor:
        units = self.loss(*columns)
        mean = units.mean()
        if mean.requires_grad:
            mean.register_hook(lambda slope: slope * units.numel())
        return mean


def _named(name: str) -> Callable[..., Tensor]:
    if name not in ("accuracy", "acc"):
        raise ValueError(f"metrics must be 'loss', 'accuracy' or functions, got {name!r}")
    return _accuracy


def _accuracy(output: Tensor, label: Tensor) -> Tensor:
    """Return the share of samples whose class is right, of indices or one-hot labels."""
    label = label.argmax(1) if label.ndim == output.ndim else label
    return (output.argmax(1) == label).float().mean()
