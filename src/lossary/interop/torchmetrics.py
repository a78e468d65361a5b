"""LossMetric: a loss as a metric of torchmetrics, the true mean over everything it has seen."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from ..base import LossBase
from ..compose import WeightedSum
from ..parts import NamedParts, Parts, parts
from ..processes import AcrossProcesses, compares_samples

try:
    from torchmetrics import Metric
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'this needs {missing.name}: pip install "lossary[torchmetrics]"', name=missing.name
    ) from missing


class LossMetric(Metric):
    """A loss as a metric: its mean over all batches and processes.

    It holds the sum of the weighted losses and the sum of the weights, both in double precision.
    They add over batches and processes, so the value is that of one batch with all samples, also
    where batches differ in length, masks or class weights; it is 0 if nothing took part. Of a
    :class:`~lossary.WeightedSum` the value is a dictionary: the total under ``"loss"``, and the
    mean of every part by its name, not multiplied by its coefficient.

    Nothing is differentiated. A device without double precision needs
    ``metric.set_dtype(torch.float32)`` before the metric moves there.

    Args:
        loss: a module of this library, a :class:`~lossary.LossBase`, or a
            :class:`~lossary.WeightedSum` of some, with the reduction ``"mean"``.
        options: those of every metric, such as ``sync_on_compute``.

    Raises:
        TypeError: if ``loss`` is something else: only the contract says what a mean divides by.
        ValueError: if it compares samples, or its reduction is not ``"mean"``.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    def __init__(self, loss: LossBase | WeightedSum, **options: Any) -> None:
        super().__init__(**options)
        for name, each in losses_of(loss, "LossMetric").items():
            if compares_samples(each.loss if isinstance(each, AcrossProcesses) else each):
                raise ValueError(
                    f"LossMetric: {name} compares the samples of a batch with each other, so its "
                    "value depends on which samples came together, and no sums over batches give "
                    "that of all samples. Log the value of each batch instead, or measure what the "
                    "loss stands for, such as retrieval or AUROC"
                )
        self.loss = loss
        self.names = tuple(losses_of(loss, "LossMetric"))
        # A MetricCollection takes metrics for the same, and updates one of them alone, if the
        # states of their first batch have equal names and values, as L1 and MSE have of errors 1.
        self._state = f"sums_{zlib.crc32(repr(loss).encode()):08x}"
        zeros = torch.zeros(len(self.names), 2, dtype=torch.float64)
        self.add_state(self._state, zeros, dist_reduce_fx="sum")

    def update(self, *tensors: Any, weight: Tensor | None = None) -> None:
        """Add a batch.

        Args:
            tensors: what the loss takes, predictions first.
            weight: one number or boolean per unit.
        """
        with torch.no_grad():
            found = named_parts(self.loss, *tensors, weight=weight)
            sums = cast(Tensor, getattr(self, self._state))
            setattr(self, self._state, sums + stacked(found.values()).to(sums))

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the mean; of a sum of losses the total and the mean of each."""
        sums = cast(Tensor, getattr(self, self._state))
        means = means_of(self.names, sums)
        if not isinstance(self.loss, WeightedSum):
            return means[self.names[0]]
        with torch.no_grad():
            return {"loss": self.loss.total(means), **means}


def losses_of(loss: object, user: str) -> dict[str, LossBase]:
    """Return each loss by its name, whose means are known to be means.

    Args:
        loss: a loss, or a sum of some.
        user: who wants it, for messages.

    Raises:
        TypeError: if it is not a loss of the contract.
        ValueError: if it is told not to be a mean.
    """
    given: Mapping[str, object] = {type(loss).__name__: loss}
    if isinstance(loss, WeightedSum):
        given = dict(loss.losses.items())
        if "loss" in given:
            raise ValueError(f'{user}: "loss" is the name of the total; name the part otherwise')
    found: dict[str, LossBase] = {}
    for name, each in given.items():
        if not isinstance(each, LossBase):
            raise TypeError(
                f"{user} takes a module of this library, such as lossary.CrossEntropyLoss(), a "
                f"LossBase, or a WeightedSum of some, got {each!r}: of another loss nobody knows "
                "what its mean divides by"
            )
        if each.reduction != "mean":
            raise ValueError(f"{user}: the reduction of {name} must be 'mean': {each.reduction!r}")
        found[name] = each
    return found


def named_parts(
    loss: LossBase | WeightedSum, *tensors: Any, weight: Tensor | None = None
) -> dict[str, Parts]:
    """Return the parts of a loss by name; of one that is no sum its class has the name."""
    found: Parts | NamedParts = parts(loss, *tensors, weight=weight)
    return dict(found.named) if isinstance(found, NamedParts) else {type(loss).__name__: found}


def stacked(found: Iterable[Parts]) -> Tensor:
    """Return one row of total and weight for each loss, in double precision where there is one."""
    rows = [torch.stack([part.total, part.weight.to(part.total.dtype)]) for part in found]
    wide = torch.float32 if rows[0].device.type == "mps" else torch.float64
    return torch.stack([row.to(wide) for row in rows])


def means_of(names: Sequence[str], sums: Tensor) -> dict[str, Tensor]:
    """Return the mean of each row of totals and weights."""
    return {name: Parts(row[0], row[1]).mean() for name, row in zip(names, sums, strict=True)}
