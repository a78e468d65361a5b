"""ExactLoss: LightningModules whose steps and logs are those of the whole batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import Metric

from ..base import LossBase
from ..compose import GradNorm, WeightedSum
from ..processes import AcrossProcesses, compares_samples
from .torchmetrics import losses_of, means_of, named_parts, stacked


class ExactLoss:
    """Mixin for a LightningModule: return ``self.exact_loss(...)`` from its steps.

    Lightning divides the loss of a batch by ``accumulate_grad_batches`` and takes the mean over
    processes: a mean of means, wrong where batches differ in length, masks or class weights, and
    where an epoch ends with fewer batches than a step has. Here the gradient of a step is exactly
    that of the one batch which its batches, of all processes, are together; clipping and the
    gradient scaler see it so. What is logged are means over all units of the epoch.

    It stands before LightningModule, and a class that overrides ``on_before_optimizer_step`` calls
    it with ``super()``. Of ``lightning`` and ``pytorch_lightning`` either will do. With manual
    optimization a step has the batches since the last one, and nothing else divides them.

    .. code-block:: python

        class Classifier(ExactLoss, LightningModule):
            def training_step(self, batch, batch_idx):
                x, y = batch
                return self.exact_loss(self.loss, self.network(x), y)
    """

    trainer: Any
    log: Callable[..., None]
    automatic_optimization: bool
    _exact_state: _State

    def exact_loss(
        self,
        loss: LossBase | WeightedSum,
        *tensors: Any,
        weight: Tensor | None = None,
        name: str = "loss",
        dataloader_idx: int | None = None,
        **options: Any,
    ) -> Tensor:
        """Return what a step has to return, and log the mean of the epoch.

        In training that is a number whose gradient is right; with one batch in a step it is the
        mean of the batch over all processes. Otherwise it is the mean of the batch. Logged are
        ``train_loss``, ``val_loss`` and ``test_loss``; of a :class:`~lossary.WeightedSum` the mean
        of each part, too, under its own name: ``train_l1_loss``. A loss that compares samples
        compares those of all processes in training. ``step`` of a sum is set to the number of
        optimizer steps.

        Args:
            loss: a module of this library, a :class:`~lossary.LossBase`, or a
                :class:`~lossary.WeightedSum` of some, with the reduction ``"mean"``.
            tensors: what the loss takes, predictions first.
            weight: one number or boolean per unit.
            name: what the total is logged as, behind the stage.
            dataloader_idx: which data loader the batch is of, where there are several.
            options: for ``self.log``, such as ``prog_bar``.

        Raises:
            TypeError: if ``loss`` is another loss, of which nobody knows what its mean divides by.
            ValueError: if no gradient of the step can be exact: the parts of a sum count
                differently in accumulated batches; or nobody said which data loader it is.
            RuntimeError: if the module has lost ``on_before_optimizer_step`` of this class.
        """
        state = self._state()
        training = bool(self.trainer.training)
        names = tuple(losses_of(loss, "exact_loss"))
        processes = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
        used: LossBase | WeightedSum = loss
        if training:
            if isinstance(loss, WeightedSum) and self.automatic_optimization:
                loss.step = self.trainer.global_step
            used = state.prepared(loss, processes, self.trainer.accumulate_grad_batches)
        parts = named_parts(used, *tensors, weight=weight)
        own = stacked(parts.values()).detach()
        self._log(loss, names, own, name, dataloader_idx, options)
        weights = own[:, 1].clone()
        if training and processes > 1:
            dist.all_reduce(weights)
        else:
            processes = 1
        means = {
            n: processes * p.total / torch.where(w == 0, 1.0, w).to(p.total.dtype)
            for n, p, w in zip(names, parts.values(), weights, strict=True)
        }
        value = loss.total(means) if isinstance(loss, WeightedSum) else means[names[0]]
        if not training:
            return value
        share = self._share(state, names, weights)
        return value if share is None else value * share.to(value.dtype)

    def on_train_start(self) -> None:
        """Forget the batches of a training that was interrupted within a step."""
        self._state().window = _Window()
        super().on_train_start()  # type: ignore[misc]  # LightningModule has it

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Divide the gradients by what the batches of the step weigh together."""
        state = self._state()
        factor = state.window.factor(self.trainer.accumulate_grad_batches)
        state.window = _Window()
        if factor is not None:
            slopes = [p.grad for g in optimizer.param_groups for p in g["params"]]
            with torch.no_grad():
                for slope in slopes:
                    if slope is not None:
                        slope.mul_(factor.to(slope.device))
        super().on_before_optimizer_step(optimizer)  # type: ignore[misc]  # LightningModule has it

    def _state(self) -> _State:
        if "_exact_state" not in self.__dict__:  # __init__ would have to be called in some order
            self._exact_state = _State()
        return self._exact_state

    def _share(self, state: _State, names: Sequence[str], weights: Tensor) -> Tensor | None:
        """Return what a batch counts in its step, in units of the first one that weighs something.

        So no loss grows with the batch size, which would overflow in half precision. It is None
        where a step has one batch.
        """
        batches = self.trainer.accumulate_grad_batches
        if batches == 1 and self.automatic_optimization:
            return None
        step = self.trainer.global_step
        if state.window.step != step:
            if state.window.total is not None:
                raise RuntimeError(
                    "an optimizer step was taken without ExactLoss.on_before_optimizer_step, so "
                    "its gradient was wrong: write class Module(ExactLoss, LightningModule) in "
                    "this order, and where you override that method, call it with super()"
                )
            state.window = _Window(step)
        return state.window.add(names, weights)

    def _log(
        self,
        loss: LossBase | WeightedSum,
        names: tuple[str, ...],
        sums: Tensor,
        name: str,
        dataloader_idx: int | None,
        options: dict[str, Any],
    ) -> None:
        stage = self.trainer.state.stage
        prefix = stage.dataloader_prefix
        if dataloader_idx is None:
            loaders = getattr(self.trainer, f"num_{prefix}_batches", 1)
            if isinstance(loaders, list) and len(loaders) > 1:
                raise ValueError(
                    f"exact_loss: there are {len(loaders)} data loaders: give dataloader_idx, "
                    f"which {stage.value}_step gets, so that each has a mean of its own"
                )
        logged = {name: (names, loss if isinstance(loss, WeightedSum) else None, sums)}
        if isinstance(loss, WeightedSum):
            if name in names:
                raise ValueError(f"exact_loss: {name!r} is a part; give the total another name")
            logged |= {n: ((n,), None, sums[i : i + 1]) for i, n in enumerate(names)}
        for key, (of, total, found) in logged.items():
            full = f"{prefix}_{key}"
            metric = self._state().metric((full, dataloader_idx), of, total, found)
            metric.update(found)
            own = {"on_step": False, "on_epoch": True, "metric_attribute": full, **options}
            self.log(full, metric, **own)


class _Mean(Metric):
    """The mean of one loss, or the total of a sum of losses, from the sums of each."""

    full_state_update = False
    sums: Tensor

    def __init__(self, names: Sequence[str], loss: WeightedSum | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.names = tuple(names)
        self.loss = (loss,)  # in a tuple so that it is not moved or saved with the metric
        zeros = torch.zeros(len(self.names), 2, dtype=dtype)
        self.add_state("sums", zeros, dist_reduce_fx="sum")

    def update(self, sums: Tensor) -> None:
        self.sums = self.sums + sums

    def compute(self) -> Tensor:
        means = means_of(self.names, self.sums)
        if self.loss[0] is None:
            return means[self.names[0]]
        with torch.no_grad():
            return self.loss[0].total(means)


@dataclass
class _Window:
    """The batches of an optimizer step so far.

    Attributes:
        step: how many optimizer steps were done before.
        first: the weights of each loss in the first batch that weighs something.
        total: what all weigh, as a multiple of the first.
    """

    step: int = -1
    first: Tensor | None = None
    total: Tensor | None = None

    def add(self, names: Sequence[str], weights: Tensor) -> Tensor:
        """Take a batch, and return what it weighs as a multiple of the first."""
        measure = weights.sum()
        if self.first is None:
            if measure == 0:
                return measure
            self.first, self.total = weights, torch.zeros_like(measure)
        share = measure / self.first.sum()
        if len(names) > 1 and not torch.allclose(
            weights, share * self.first, rtol=1e-6, atol=1e-6 * float(measure)
        ):
            found = ", ".join(
                f"{n}: {a:g} and {b:g}"
                for n, a, b in zip(names, self.first.tolist(), weights.tolist(), strict=True)
            )
            raise ValueError(
                "exact_loss: the losses of the sum count differently in the batches of this "
                f"optimizer step ({found} units), so no division of their common gradient is "
                "exact. Use accumulate_grad_batches=1 and larger batches or more processes, or "
                "lossary.train.Model, which accumulates such sums exactly"
            )
        self.total = cast(Tensor, self.total) + share
        return share

    def factor(self, divided: int) -> Tensor | None:
        """Return what to multiply the gradients by, or None for nothing.

        Args:
            divided: what Lightning has divided the loss of each batch by.
        """
        return None if self.total is None else divided / self.total


@dataclass
class _State:
    """What an ExactLoss remembers; not in the module, so that it is neither moved nor saved."""

    window: _Window = field(default_factory=_Window)
    metrics: dict[tuple[str, int | None], _Mean] = field(default_factory=dict)
    ready: dict[int, tuple[LossBase | WeightedSum, LossBase | WeightedSum]] = field(
        default_factory=dict
    )

    def metric(
        self,
        key: tuple[str, int | None],
        names: Sequence[str],
        loss: WeightedSum | None,
        sums: Tensor,
    ) -> _Mean:
        """Return the metric of what is logged by a name, where the loss is computed."""
        found = self.metrics.get(key)
        if found is None or found.names != tuple(names):
            found = self.metrics[key] = _Mean(names, loss, sums.dtype)
        return found if found.device == sums.device else found.to(sums.device)

    def prepared(
        self, loss: LossBase | WeightedSum, processes: int, batches: int
    ) -> LossBase | WeightedSum:
        """Return the loss of all processes, and warn where a step is not that of one batch."""
        if id(loss) in self.ready and self.ready[id(loss)][0] is loss:
            return self.ready[id(loss)][1]
        used = loss
        each = losses_of(loss, "exact_loss")
        bare = {n: e.loss if isinstance(e, AcrossProcesses) else e for n, e in each.items()}
        compared = any(compares_samples(e) for e in bare.values())
        if isinstance(loss, GradNorm) and processes * batches > 1:
            warnings.warn(
                "GradNorm compares the gradients of each batch of each process by itself, so its "
                "coefficients differ from those of one big batch",
                RuntimeWarning,
                stacklevel=3,
            )
        if compared and batches > 1:
            warnings.warn(
                "the loss compares the samples of a batch with each other: of accumulated batches "
                "only those of the same batch are compared, so it differs from one big batch. Use "
                "bigger batches, or more processes, whose samples are compared",
                RuntimeWarning,
                stacklevel=3,
            )
        if compared and processes > 1:
            across = {
                n: e
                if isinstance(e, AcrossProcesses) or not compares_samples(e)
                else AcrossProcesses(e)
                for n, e in each.items()
            }
            used = loss.of(across) if isinstance(loss, WeightedSum) else next(iter(across.values()))
        self.ready[id(loss)] = (loss, used)
        return used
