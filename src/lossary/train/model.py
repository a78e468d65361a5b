"""Model: a network, a loss and an optimizer, trained together."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_file, save_model
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..compose import GradNorm, WeightedSum
from ..files import write_whole
from .batches import Batch, Batches, Columns, is_array
from .callbacks import Callback, LossMonitor, ModelCheckpoint, ProgressBar
from .checkpoint import load_checkpoint, newest_checkpoint
from .engine import Engine, Precision
from .loop import Loop, Sums
from .nonfinite import Guard, Policy
from .random_states import kept_random_states
from .run import Record
from .wiring import LossFunction, Outcome, WithLoss, of_each, wide

SchedulerMaker = Callable[[Optimizer], LRScheduler]
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

    @property
    def rank(self) -> int:
        """Which process of the training this is, from 0."""
        return 0 if self._engine is None else self._engine.across.rank

    def parameters(self) -> list[nn.Parameter]:
        """Return the trainable parameters of the network and the loss."""
        return [p for p in self.wired.parameters() if p.requires_grad]

    def train(
        self,
        epochs: int,
        dataset: Any,
        callbacks: Sequence[Callback] = (),
        *,
        valid: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        accumulate: int = 1,
        clip_norm: float | None = None,
        scheduler: LRScheduler | SchedulerMaker | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        precision: Precision = "32-true",
        processes: int = 1,
        sharded: bool = False,
        resume: Literal["auto"] | str | os.PathLike[str] | None = "auto",
        on_nonfinite: Policy = "raise",
        progress: bool | None = None,
    ) -> list[Record]:
        """Train, and return one record per epoch.

        An optimizer step takes ``accumulate`` batches of every process. Its gradient is exactly
        that of the one batch which they are together, the last step of an epoch included.

        With ``processes`` above 1 the script is started that many times, each process trains on
        its share of the batches, and all return the same. ``torchrun`` and Slurm may start them
        too. A loss that compares samples, such as :class:`~lossary.InfoNCELoss`, compares those of
        all processes, but not those of accumulated batches.

        With a :class:`ModelCheckpoint` among the callbacks, Ctrl-C and SIGTERM save after the
        step, and the same call resumes where the newest checkpoint was, bit by bit.

        Args:
            epochs: how often to go through the data.
            dataset: a tuple of arrays ``(x, y, ...)``, a torch ``Dataset``, a ``DataLoader`` or an
                iterable of batches; see :class:`~lossary.train.batches.Batches`.
            callbacks: what to do around steps and epochs.
            valid: data to be evaluated after each epoch: its record then has ``valid_loss`` and
                ``valid_<metric>``. Validation leaves the training as it would be without it.
            batch_size: samples per batch of each process, where batches are cut here.
            shuffle: whether to shuffle, where batches are cut here.
            seed: the order of the samples is a function of seed and epoch.
            accumulate: batches of each process per optimizer step.
            clip_norm: scale gradients down whose norm is greater.
            scheduler: a learning-rate scheduler, or a function that makes one of the optimizer.
            scheduler_interval: whether the scheduler counts epochs or optimizer steps.
            precision: what the network computes in. The loss is computed in single precision.
            processes: how many processes train together.
            sharded: whether each process holds only a share of parameters and optimizer state
                (FSDP2). The optimizer must then be a function that makes one.
            resume: ``"auto"``: go on from the newest whole checkpoint of the
                :class:`ModelCheckpoint`, if there is one; or the folder of a checkpoint; or None to
                begin anew.
            on_nonfinite: what to do if loss, part or gradient is nan or infinite: ``"raise"``,
                ``"skip"`` or ``Skip(budget=...)`` to leave the step out, ``"report"`` to leave it
                out without a limit. No step is ever taken with it.
            progress: whether to show a progress bar; by default on a terminal, unless a
                :class:`LossMonitor` prints.

        Raises:
            ColumnsError: if a batch has other columns than network and loss take.
            NonFiniteLossError: if loss or gradient is nan or infinite; the parameters stay as they
                were.
            DamagedCheckpointError: if there are checkpoints, and none is whole.
            ValueError: if an argument makes no sense, or a training is resumed with others.
        """
        if epochs < 1 or accumulate < 1:
            raise ValueError(f"epochs and accumulate must be at least 1: {epochs}, {accumulate}")
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"clip_norm must be above 0, got {clip_norm}")
        engine = self._engine_of(precision, processes, sharded=sharded)
        batches = Batches(
            dataset,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            accumulate=accumulate,
            rank=engine.across.rank,
            processes=engine.across.processes,
        )
        module, optimizer = self._set_up(engine)
        self._warn_of_differences(accumulate, engine.across.processes)
        shown = list(callbacks)
        monitored = any(isinstance(callback, LossMonitor) for callback in shown)
        if progress or (progress is None and sys.stderr.isatty() and not monitored):
            shown.append(ProgressBar())
        savers = [c for c in shown if isinstance(c, ModelCheckpoint)]
        if callable(scheduler):
            scheduler = scheduler(optimizer)
        if scheduler is not None and scheduler.optimizer is not optimizer:
            raise ValueError(
                "the scheduler is of another optimizer than the model's: give a function that "
                "makes it, such as functools.partial(torch.optim.lr_scheduler.StepLR, step_size=9)"
            )
        loop = Loop(
            self,
            engine,
            module,
            optimizer,
            epochs=epochs,
            batches=batches,
            callbacks=shown,
            valid=valid,
            clip_norm=clip_norm,
            scheduler=scheduler,
            every_step=scheduler_interval == "step",
            guard=Guard(on_nonfinite, savers[0].directory if savers else None),
            settings={
                "batch_size": batch_size,
                "shuffle": shuffle,
                "seed": seed,
                "accumulate * processes": accumulate * engine.across.processes,
                "samples": batches.samples,
                "optimizer": type(optimizer).__name__,
            },
        )
        self._resume(loop, resume, savers)
        return loop.train()

    def fit(
        self,
        epochs: int,
        train: Any,
        valid: Any,
        callbacks: Sequence[Callback] = (),
        **options: Any,
    ) -> list[Record]:
        """Train, and evaluate ``valid`` after each epoch: :meth:`train` with another order.

        Args:
            epochs: how often to go through the data.
            train: the data to train on.
            valid: the data to evaluate.
            callbacks: what to do around steps and epochs.
            options: the other options of :meth:`train`.
        """
        return self.train(epochs, train, callbacks, valid=valid, **options)

    def _resume(
        self, loop: Loop, resume: str | os.PathLike[str] | None, savers: Sequence[ModelCheckpoint]
    ) -> None:
        if resume is None or (resume == "auto" and not savers):
            return
        if resume != "auto":
            loop.load(load_checkpoint(Path(resume)))
            return
        found = newest_checkpoint(Path(savers[0].directory))
        if found is None:
            return
        path, state, skipped = found
        loop.load(state)
        if loop.run.rank == 0:
            for sentence in skipped:
                warnings.warn(sentence, RuntimeWarning, stacklevel=3)
            place = f"epoch {loop.run.epoch}, step {loop.run.step}"
            print(f"resumed after {place}, from {path}", file=sys.stderr)
            if loop.ended:
                why = (
                    "was stopped"
                    if loop.run.stopped
                    else f"has all of its {loop.run.epochs} epochs"
                )
                print(f"it {why}: nothing is left to do", file=sys.stderr)

    def _warn_of_differences(self, accumulate: int, processes: int) -> None:
        """Say where a step of several batches is not that of the one big batch."""
        if accumulate * processes > 1 and any(
            isinstance(m, GradNorm) for m in self.wired.modules()
        ):
            warnings.warn(
                "GradNorm compares the gradients of each batch of each process by itself, so its "
                "coefficients differ from those of one big batch",
                RuntimeWarning,
                stacklevel=3,
            )
        if accumulate > 1 and self.wired.compares:
            warnings.warn(
                "the loss compares the samples of a batch with each other: of accumulated batches "
                "only those of the same batch are compared, so it differs from one big batch. Use "
                "bigger batches, or more processes, whose samples are compared",
                RuntimeWarning,
                stacklevel=3,
            )

    def evaluate(self, dataset: Any, *, batch_size: int = 32) -> Record:
        """Return ``loss``, its named parts and the metrics of a data set.

        Network and loss are in evaluation mode meanwhile; modes and random numbers are afterwards
        as they were. Each sample counts once, over how many processes they may be spread.
        """
        engine, sums = self._device(), Sums()
        fed = [metric for metric in self.metrics.values() if isinstance(metric, Metric)]
        for metric in fed:
            metric.reset()
            if engine.across.processes > 1 and hasattr(metric, "sync_on_compute"):
                metric.sync_on_compute = False  # every process's metric gets all samples
        kept: list[tuple[Any, Columns]] = []
        engine.move(self.wired)
        with _evaluating(self.wired, engine):
            for batch in self._read(engine, dataset, batch_size):
                outcome = engine.forward(self.wired, engine.put(batch.columns), counts=batch.counts)
                sums.add(*_values(outcome))
                if not self.metrics:
                    continue
                own = of_each(_to_cpu, (outcome.output, batch.columns[1:]))
                for found in engine.across.gather(own if batch.counts else None):
                    if found is None:
                        continue
                    for metric in fed:
                        metric.update(found[0], *found[1])
                    if len(fed) < len(self.metrics):
                        kept.append(found)
            measured = self._measured(kept)
        whole = Sums()
        for of_process in engine.across.gather((sums.totals, sums.weights)):
            whole.add(*of_process)
        record: Record = whole.totals if self.wired.is_sum else whole.means()
        if isinstance(self.wired.loss, WeightedSum) and self.wired.of_several:
            with torch.no_grad():
                total = self.wired.loss.total({n: torch.tensor(v) for n, v in record.items()})
            record = {"loss": total.item(), **record}
        return {**record, **measured}

    def _measured(self, kept: Sequence[tuple[Any, Columns]]) -> Record:
        """Return what the metrics found; one that returns a mapping has a number for each name."""
        found: Record = {}
        for name, measure in self.metrics.items():
            if isinstance(measure, Metric):
                value = measure.compute()
            else:
                outputs, labels = zip(*kept, strict=True)
                value = measure(_joined(outputs), *_joined(labels))
            if isinstance(value, Mapping):
                found.update({f"{name}_{key}": float(each) for key, each in value.items()})
            else:
                found[name] = float(value)
        return found

    def predict(self, data: Any, *, batch_size: int = 32) -> Any:
        """Return the network's output, of all samples in their order, on the CPU.

        A network that returns a tuple or a dictionary of tensors gives one with those of all
        samples. Half precision is widened, as for the loss.

        Args:
            data: an array of inputs, or a data set as for :meth:`evaluate`, of which the first
                column is used.
            batch_size: samples per batch.
        """
        engine, found = self._device(), []
        engine.move(self.wired)
        with _evaluating(self.wired, engine):
            for batch in self._read(engine, (data,) if is_array(data) else data, batch_size):
                with engine.computing(self.wired):
                    output = self.network(engine.input(engine.put(batch.columns[:1])[0]))
                own = of_each(_to_cpu, output) if batch.counts else None
                found += [o for o in engine.across.gather(own) if o is not None]
        return _joined(found)

    def _read(self, engine: Engine, data: Any, batch_size: int) -> Iterator[Batch]:
        """Yield this process's batches of a data set, as many as every other's."""
        batches = Batches(
            data,
            batch_size=batch_size,
            shuffle=False,
            seed=0,
            rank=engine.across.rank,
            processes=engine.across.processes,
        )
        with closing(batches.windows(1)) as windows:
            for window in windows:
                yield from window

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save network and loss to a safetensors file, all of it or nothing."""
        engine, error = self._device(), None
        state = engine.whole_state(self.wired) if engine.sharded else None
        if engine.across.rank == 0:
            try:
                write_whole(Path(path), functools.partial(self._write, state))
            except Exception as caught:  # every process has to hear of it
                error = caught
        engine.across.agree(error)

    def _write(self, state: dict[str, Tensor] | None, place: Path) -> None:
        if state is None:
            save_model(self.wired, str(place))
        else:
            save_file(state, str(place))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Load the weights that :meth:`save` saved, or those of a checkpoint; all or nothing.

        Args:
            path: the file, or the folder of a checkpoint, such as ``ModelCheckpoint.best``.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is damaged, or of another network or loss; or the model is
                sharded already.
        """
        if self._engine is not None and self._engine.sharded:
            raise ValueError("load before training: the parameters are spread over processes now")
        before = {name: t.clone() for name, t in self.wired.state_dict().items()}
        try:
            if Path(path).is_dir():
                self.wired.load_state_dict(load_checkpoint(Path(path))["module"])
            else:
                load_model(self.wired, str(path))
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from error
        except RuntimeError as error:
            self.wired.load_state_dict(before)
            raise ValueError(f"{path} is of another network or loss: {error}") from error

    def _device(self) -> Engine:
        return self._engine if self._engine is not None else self._engine_of("32-true", 1)

    def _engine_of(self, precision: Precision, processes: int, *, sharded: bool = False) -> Engine:
        """Return the engine, the one there is once training has begun."""
        asked = (precision, processes, sharded)
        if self._engine is None or (self._ready is None and self._engine.asked != asked):
            self._engine = Engine(precision, processes, sharded=sharded)
        elif self._engine.asked != asked:
            raise ValueError(
                "the model was trained with precision={!r}, processes={}, sharded={}: go on with "
                "the same, or make a new Model".format(*self._engine.asked)
            )
        return self._engine

    def _set_up(self, engine: Engine) -> tuple[nn.Module, Optimizer]:
        if self._ready is None:
            given = self._optimizer or AdamW
            if engine.sharded and isinstance(given, Optimizer):
                raise ValueError(
                    "sharded=True makes new parameters of the old: give the optimizer as a "
                    "function that makes it, such as functools.partial(torch.optim.SGD, lr=0.1)"
                )

            def make() -> Optimizer:
                if isinstance(given, Optimizer):
                    return given
                made = given(self.parameters())
                self._check_parameters(made)
                return made

            self._ready = engine.set_up(self.wired, make)
        return self._ready

    def _check_parameters(self, optimizer: Optimizer) -> None:
        closure = inspect.signature(optimizer.step).parameters.get("closure")
        if closure is not None and closure.default is closure.empty:
            raise ValueError(
                f"{type(optimizer).__name__} computes the loss several times in a step, and a step "
                "here has one gradient: use another optimizer, such as torch.optim.AdamW"
            )
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


@contextmanager
def _evaluating(module: nn.Module, engine: Engine) -> Iterator[None]:
    """Evaluate without gradients, and restore every module's mode and the random state."""
    engine.across.share(module.buffers())  # each process has statistics of its own batches
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        with torch.no_grad(), kept_random_states():
            yield
    finally:
        for m, mode in modes:
            m.training = mode


def _values(outcome: Outcome) -> tuple[dict[str, float], dict[str, float]]:
    """Return totals and weights of a batch."""
    named = {n: pair.tolist() for n, pair in outcome.named.items()}
    return {n: total for n, (total, _) in named.items()}, {n: w for n, (_, w) in named.items()}


def _to_cpu(tensor: Tensor) -> Tensor:
    return wide(tensor.detach()).cpu()


def _joined(batches: Sequence[Any]) -> Any:
    """Return the outputs of several batches as one, tensor by tensor."""
    first = batches[0]
    if isinstance(first, Tensor):
        # what is no tensor of samples, such as a mean over them, stays one for each batch
        return torch.cat(list(batches)) if first.ndim else torch.stack(list(batches))
    if isinstance(first, Mapping):
        return {name: _joined([batch[name] for batch in batches]) for name in first}
    if isinstance(first, tuple | list):
        return tuple(_joined(each) for each in zip(*batches, strict=True))
    raise TypeError(
        "outputs of several batches are put together if they are tensors, or tuples or "
        f"dictionaries of tensors, got {type(first).__name__}"
    )
