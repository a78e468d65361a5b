"""Model: a network, a loss and an optimizer, trained together."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from ..compose import WeightedSum
from ..files import write_whole
from .batches import Batches, Columns, as_tensor, is_array
from .callbacks import Callback, LossMonitor, ProgressBar
from .engine import Engine
from .run import NonFiniteLossError, Record, Run
from .wiring import LossFunction, Outcome, WithLoss

OptimizerMaker = Callable[[Iterable[nn.Parameter]], Optimizer]


@runtime_checkable
class Metric(Protocol):
    """A metric that is fed batch by batch, as torchmetrics has them."""

    def update(self, output: Any, *labels: Any) -> Any: ...
    def compute(self) -> Any: ...
    def reset(self) -> Any: ...


class Model:
    """A network, a loss and an optimizer, trained together.

    The first column of a batch goes to the network and all further columns to the loss, so several
    labels need no wrapper; see :class:`WithLoss`. Parameters of the loss are trained, moved and
    saved with those of the network. The loss is computed in full precision.

    Means are true means: the mean of an epoch divides the sum over all its units by the sum of
    their weights, for a loss of this library or a :class:`~lossary.LossBase`. Of another loss the
    value of a batch counts once for each of its samples.

    Args:
        network: the network; without ``loss_fn`` it takes all columns and returns its own loss.
        loss_fn: any ``loss(output, *labels)`` that returns a number, or a mapping of named parts.
        optimizer: an optimizer of :meth:`parameters`; or a function that makes one of them, such
            as ``functools.partial(torch.optim.SGD, lr=0.1)``; or None for AdamW at its defaults,
            a learning rate of 1e-3.
        metrics: names, and functions ``metric(output, *labels)`` of the whole evaluated data, or
            objects with ``update``, ``compute`` and ``reset``.

    Raises:
        ValueError: if the optimizer leaves out a trainable parameter of the network or the loss.
    """

    def __init__(
        self,
        network: nn.Module,
        loss_fn: LossFunction | None = None,
        optimizer: Optimizer | OptimizerMaker | None = None,
        metrics: Mapping[str, Callable[..., Any] | Metric] | None = None,
    ) -> None:
        if loss_fn is None and metrics:
            raise ValueError(
                "metrics need the network's output, but with loss_fn=None it returns its loss; "
                "give the loss as loss_fn"
            )
        self.wired = WithLoss(network, loss_fn)
        self.metrics = dict(metrics or {})
        self._optimizer = optimizer
        self._engine: Engine | None = None
        self._ready: tuple[nn.Module, Optimizer] | None = None
        if isinstance(optimizer, Optimizer):
            self._check_parameters(optimizer)

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self.wired.network

    def parameters(self) -> list[nn.Parameter]:
        """Return the trainable parameters of the network and the loss."""
        return [p for p in self.wired.parameters() if p.requires_grad]

    def train(
        self,
        epochs: int,
        dataset: Any,
        callbacks: Sequence[Callback] = (),
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        accumulate: int = 1,
        progress: bool | None = None,
    ) -> list[Record]:
        """Train, and return one record per epoch.

        Args:
            epochs: how often to go through the data.
            dataset: a tuple of arrays ``(x, y, ...)``, a torch ``Dataset``, or an iterable of
                batches; see :class:`~lossary.train.batches.Batches` for how they are told apart.
            callbacks: what to do around steps and epochs.
            batch_size: samples per batch, where batches are cut here.
            shuffle: whether to shuffle, where batches are cut here.
            seed: the order of the samples is a function of seed and epoch.
            accumulate: batches per optimizer step. The gradient is that of the one big batch, the
                last step of an epoch included.
            progress: whether to show a progress bar; by default on a terminal, unless a
                :class:`LossMonitor` prints.

        Raises:
            ColumnsError: if a batch has other columns than network and loss take.
            NonFiniteLossError: if the loss is nan or infinite; the parameters stay as they were.
        """
        return self.fit(
            epochs,
            dataset,
            None,
            callbacks,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            accumulate=accumulate,
            progress=progress,
        )

    def fit(
        self,
        epochs: int,
        train: Any,
        valid: Any,
        callbacks: Sequence[Callback] = (),
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        accumulate: int = 1,
        progress: bool | None = None,
    ) -> list[Record]:
        """Train, and evaluate ``valid`` after each epoch; see :meth:`train`.

        The record of an epoch has ``valid_loss`` and ``valid_<metric>``. Validation leaves the
        training as it would be without it.
        """
        if epochs < 1 or accumulate < 1:
            raise ValueError(f"epochs and accumulate must be at least 1: {epochs}, {accumulate}")
        batches = Batches(train, batch_size=batch_size, shuffle=shuffle, seed=seed)
        module, optimizer = self._set_up()
        run = Run(self, epochs, _steps(batches, accumulate))
        shown = list(callbacks)
        monitored = any(isinstance(callback, LossMonitor) for callback in shown)
        if progress or (progress is None and sys.stderr.isatty() and not monitored):
            shown.append(ProgressBar())
        try:
            for callback in shown:
                callback.on_train_begin(run)
            while run.epoch < epochs and not run.stopped:
                run.epoch, run.step = run.epoch + 1, 0
                self._epoch(run, batches, accumulate, module, optimizer, shown)
                if valid is not None:
                    found = self.evaluate(valid, batch_size=batch_size)
                    run.history[-1].update({f"valid_{k}": v for k, v in found.items()})
                for callback in shown:
                    callback.on_epoch_end(run)
        finally:
            for callback in shown:
                callback.on_train_end(run)
        return run.history

    def _epoch(
        self,
        run: Run,
        batches: Batches,
        accumulate: int,
        module: nn.Module,
        optimizer: Optimizer,
        callbacks: Sequence[Callback],
    ) -> None:
        began, mean = time.perf_counter(), _Mean()
        module.train()
        for callback in callbacks:
            callback.on_epoch_begin(run)
        stream = batches.epoch(run.epoch)
        while window := list(islice(stream, accumulate)):
            step = _Mean()
            optimizer.zero_grad()
            for columns in window:
                outcome = self._outcome(module, columns)
                self._check_finite(outcome, run)
                step.add(outcome)
                # of several batches the sums are differentiated, and divided by their weight last
                alone = len(window) == 1
                self._device().backward(outcome.mean if alone else outcome.mean * outcome.weight)
            if len(window) > 1:
                self._divide_gradients(step.weight)
            optimizer.step()
            if isinstance(self.wired.loss, WeightedSum):
                self.wired.loss.step += 1
            mean.extend(step)
            run.step += 1
            run.loss, run.parts = step.loss, step.parts
            for callback in callbacks:
                callback.on_step_end(run)
        seconds = time.perf_counter() - began
        run.history.append(
            {"epoch": run.epoch, "loss": mean.loss, **mean.parts, "seconds": seconds}
        )

    def _outcome(self, module: nn.Module, columns: Columns) -> Outcome:
        engine = self._device()
        return engine.forward(module, engine.put(columns))

    def _divide_gradients(self, weight: float) -> None:
        """Make the gradient of the summed losses that of their mean."""
        for parameter in self.parameters():
            if parameter.grad is not None and weight:
                parameter.grad /= weight

    def _check_finite(self, outcome: Outcome, run: Run) -> None:
        """Raise before the step if the loss or a part of it is not finite."""
        for name, value in (("loss", outcome.mean), *outcome.named.items()):
            if not math.isfinite(value.item()):
                self.wired.zero_grad()
                raise NonFiniteLossError(
                    f"the {'loss' if name == 'loss' else f'part {name!r} of the loss'} is "
                    f"{value.item()} in epoch {run.epoch}, step {run.step + 1}; training stops "
                    "before this step, the parameters are as they were. Look at that batch for "
                    "nan, or lower the learning rate"
                )

    def evaluate(self, dataset: Any, *, batch_size: int = 32) -> Record:
        """Return ``loss``, its named parts and the metrics of a data set.

        Network and loss are in evaluation mode meanwhile; modes and random numbers are afterwards
        as they were.
        """
        batches = Batches(dataset, batch_size=batch_size, shuffle=False, seed=0)
        module, mean = self._device().move(self.wired), _Mean()
        kept: list[tuple[Any, Columns]] = []
        fed = {k: m for k, m in self.metrics.items() if isinstance(m, Metric)}
        for fresh in fed.values():
            fresh.reset()
        with _evaluating(self.wired):
            for columns in batches.epoch(1):
                outcome = self._outcome(module, columns)
                mean.add(outcome)
                for fresh in fed.values():
                    fresh.update(outcome.output, *self._device().put(columns[1:]))
                if len(fed) < len(self.metrics):
                    kept.append((_to_cpu(outcome.output), columns[1:]))
        record: Record = {"loss": mean.loss, **mean.parts}
        for name, metric in self.metrics.items():
            if isinstance(metric, Metric):
                record[name] = float(metric.compute())
            else:
                labels = zip(*(columns for _, columns in kept), strict=True)
                record[name] = float(
                    metric(torch.cat([o for o, _ in kept]), *(torch.cat(c) for c in labels))
                )
        return record

    def predict(self, data: Any, *, batch_size: int = 32) -> Tensor:
        """Return the network's output, of all samples in their order, on the CPU.

        Args:
            data: an array of inputs, or a data set as for :meth:`evaluate`, of which the first
                column is used.
            batch_size: samples per batch.
        """
        batches = Batches(
            (data,) if is_array(data) else data, batch_size=batch_size, shuffle=False, seed=0
        )
        network, engine = self._device().move(self.network), self._device()
        with _evaluating(self.wired):
            return torch.cat(
                [_to_cpu(network(engine.put(columns[:1])[0])) for columns in batches.epoch(1)]
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save network and loss to a safetensors file, all of it or nothing."""
        write_whole(Path(path), lambda place: save_model(self.wired, str(place)))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Load what :meth:`save` saved, all of it or nothing.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is damaged, or of another network or loss.
        """
        before = {name: t.clone() for name, t in self.wired.state_dict().items()}
        try:
            load_model(self.wired, str(path))
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from error
        except RuntimeError as error:
            self.wired.load_state_dict(before)
            raise ValueError(f"{path} is of another network or loss: {error}") from error

    def _device(self) -> Engine:
        if self._engine is None:
            self._engine = Engine()
        return self._engine

    def _set_up(self) -> tuple[nn.Module, Optimizer]:
        if self._ready is None:
            optimizer = self._optimizer or AdamW
            if not isinstance(optimizer, Optimizer):
                optimizer = optimizer(self.parameters())
                self._check_parameters(optimizer)
            self._ready = self._device().set_up(self.wired, optimizer)
        return self._ready

    def _check_parameters(self, optimizer: Optimizer) -> None:
        known = {id(p) for group in optimizer.param_groups for p in group["params"]}
        missing = [
            n for n, p in self.wired.named_parameters() if p.requires_grad and id(p) not in known
        ]
        if missing:
            raise ValueError(
                f"the optimizer does not train {', '.join(missing)}: give it the parameters of the "
                "loss too, or pass a function such as functools.partial(torch.optim.SGD, lr=0.1), "
                "which gets those of network and loss; freeze what shall stay by requires_grad_"
            )


class _Mean:
    """The mean of the units of several batches."""

    def __init__(self) -> None:
        self.total, self.weight = 0.0, 0.0
        self.samples: dict[str, tuple[float, float]] = {}

    def add(self, outcome: Outcome) -> None:
        weight = outcome.weight.item()
        self.total += outcome.mean.item() * weight
        self.weight += weight
        for name, value in outcome.named.items():
            self._add_part(name, value.item() * weight, weight)

    def extend(self, other: _Mean) -> None:
        self.total += other.total
        self.weight += other.weight
        for name, (total, weight) in other.samples.items():
            self._add_part(name, total, weight)

    def _add_part(self, name: str, total: float, weight: float) -> None:
        before = self.samples.get(name, (0.0, 0.0))
        self.samples[name] = (before[0] + total, before[1] + weight)

    @property
    def loss(self) -> float:
        return self.total / self.weight if self.weight else 0.0

    @property
    def parts(self) -> dict[str, float]:
        return {name: total / weight for name, (total, weight) in self.samples.items()}


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluate without gradients, and restore every module's mode and the random state."""
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            yield
    finally:
        for m, mode in modes:
            m.training = mode


def _steps(batches: Batches, accumulate: int) -> int | None:
    try:
        return -(-len(batches) // accumulate)
    except TypeError:  # an iterable of unknown length
        return None


def _to_cpu(output: Any) -> Tensor:
    return as_tensor(output).detach().cpu()
