"""A loss of this library in a loop of Hugging Face Accelerate."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..base import LossBase
from ..compose import WeightedSum
from ..parts import NamedParts, Parts, parts
from .transformers import compares, named_parts

if TYPE_CHECKING:
    from accelerate import Accelerator

Sums = Parts | NamedParts


class ExactMean:
    """The mean over all batches and processes of an optimizer step, in ``accumulate`` loops.

    Accelerate divides by the number of accumulated batches and averages over processes: that is the
    mean of means. Here the sums are differentiated, and the gradients divided once, by the sum of
    all weights: ignored labels, masks and class weights included, and in a last step with fewer
    batches too. ::

        exact = ExactMean(accelerator, loss)
        for x, y in loader:
            with accelerator.accumulate(model):
                exact.backward(model(x), y)
                if accelerator.sync_gradients:
                    done = exact.divide(optimizer)  # done.mean() is the loss of the step
                optimizer.step()
                optimizer.zero_grad()

    Clip gradients after ``divide``. Parameters of the loss must belong to the model and the
    optimizer. The parts of a sum must divide by numbers of one ratio in all batches, such as the
    same labels; ``lossary.train.Model`` takes all.

    Args:
        accelerator: the accelerator.
        loss: a loss of this library, a :class:`~lossary.LossBase`, or a sum of such.

    Raises:
        ValueError: if Accelerate trains through DeepSpeed or Megatron, which keep their gradients.
    """

    def __init__(self, accelerator: Accelerator, loss: LossBase | WeightedSum) -> None:
        engine = str(getattr(accelerator.distributed_type, "value", accelerator.distributed_type))
        if engine in ("DEEPSPEED", "MEGATRON_LM"):
            raise ValueError(
                f"ExactMean divides the gradients, and {engine} keeps them to itself; use DDP or "
                "FSDP"
            )
        self.accelerator = accelerator
        self.loss = loss
        self._compares = compares(loss)
        self._sums: list[Sums] = []
        self._ended = False

    def backward(self, *tensors: Any, weight: Tensor | None = None) -> None:
        """Add the gradients of a batch, not divided yet.

        Args:
            tensors: what the loss takes.
            weight: one number or boolean per unit.

        Raises:
            RuntimeError: if the gradients of the step before were not divided.
        """
        if self._ended:
            raise RuntimeError(
                "the gradients of the last step were not divided: call divide(optimizer) where "
                "accelerator.sync_gradients is true, before optimizer.step()"
            )
        found = parts(self.loss, *tensors, weight=weight)
        self._ended = self.accelerator.sync_gradients
        several = self._sums or not self._ended or self.accelerator.num_processes > 1
        if self._compares and several:
            warnings.warn(
                f"{self._compares} compares the samples of a batch with each other: over several "
                "batches or processes per step it is not the loss of the one big batch",
                RuntimeWarning,
                stacklevel=2,
            )
            self._compares = None
        first = next(iter(named_parts(found).values())).weight.detach()
        total = found.total if isinstance(found, Parts) else first * found.mean()
        self.accelerator.backward(total)
        self._sums.append(_detached(found))

    def divide(self, *optimizers: Any) -> Sums:
        """Make the gradients those of the mean over the step.

        Args:
            optimizers: those that step.

        Returns:
            The parts of the step, over all batches and processes, without a graph.

        Raises:
            RuntimeError: if the step goes on.
            ValueError: if the parts of a sum divide by numbers of different ratios.
        """
        if not self._ended:
            raise RuntimeError(
                "the step goes on: call divide(optimizer) once, after backward, if "
                "accelerator.sync_gradients"
            )
        named = [named_parts(found) for found in self._sums]
        names = list(named[0])
        rows = torch.stack([torch.stack([p.weight for p in each.values()]) for each in named])
        totals = torch.stack([torch.stack([p.total for p in each.values()]) for each in named])
        one_ratio = _one_ratio(rows)
        mine = torch.stack(
            [totals.sum(0), rows.sum(0), one_ratio.to(rows.dtype).expand(len(names))]
        )
        every = self.accelerator.gather(mine[None])
        total, weight = every[:, 0].sum(0), every[:, 1].sum(0)
        self._sums, self._ended = [], False
        if not (every[:, 2].all() and _one_ratio(every[:, 1])):
            raise ValueError(
                f"the parts of the sum, {names}, divide by {weight.tolist()}, and in other ratios "
                "in single batches: gradients that are added up already cannot be divided by "
                "several numbers. Give the parts the same labels and weights, or use "
                "lossary.train.Model"
            )
        # accelerator.backward divides by the steps, and the processes are averaged
        given = self.accelerator.num_processes * self.accelerator.gradient_accumulation_steps
        factor = float(given / weight[0]) if weight[0] else 0.0
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(factor)
        sums = {n: Parts(t, w) for n, t, w in zip(names, total, weight, strict=True)}
        if isinstance(self.loss, WeightedSum):
            return NamedParts(sums, self.loss)
        return sums[names[0]]


def _detached(found: Sums) -> Sums:
    if isinstance(found, NamedParts):
        named = {n: Parts(p.total.detach(), p.weight.detach()) for n, p in found.named.items()}
        return NamedParts(named, found.loss)
    return Parts(found.total.detach(), found.weight.detach())


def _one_ratio(rows: Tensor) -> Tensor:
    """Return whether all rows are multiples of their sum."""
    whole = rows.sum(0)
    return torch.isclose(rows * whole[0], rows[:, :1] * whole, rtol=1e-5, atol=0.0).all()
