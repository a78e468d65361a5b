"""WithLoss: network and loss in one module, and which column of a batch goes where."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from ..base import FunctionLoss, LossBase
from ..compose import WeightedSum
from ..parts import parts
from ..signature import signature_of

LossFunction = Callable[..., "Tensor | Mapping[str, Tensor]"]


class ColumnsError(ValueError):
    """A batch has other columns than network and loss take."""


class Outcome(NamedTuple):
    """The loss of a batch.

    Attributes:
        mean: the loss of the batch, with its gradient.
        weight: what the mean divided by: sums of ``mean * weight`` add up over batches.
        named: the parts that the loss gave names to, as it gave them.
        output: what the network returned, or None if it computes its own loss.
    """

    mean: Tensor
    weight: Tensor
    named: dict[str, Tensor]
    output: Any


class WithLoss(nn.Module):
    """Network and loss in one module: what is trained, moved and saved together.

    The first column of a batch goes to the network and all further columns to the loss:
    ``loss(network(column_1), column_2, column_3, ...)``. Without a loss the network computes its
    own from all columns.

    A loss of this library, and any :class:`~lossary.LossBase`, says what its mean divides by, so
    means over several batches are exact. Of another loss the batch's value counts as the mean over
    the samples of the batch. A mapping is a loss with named parts: with a ``"loss"`` that is the
    total and the rest is only reported; without one the total is the sum of the parts.

    Args:
        network: the network.
        loss_fn: a loss, or None if the network returns its own.
    """

    def __init__(self, network: nn.Module, loss_fn: LossFunction | None = None) -> None:
        super().__init__()
        if isinstance(loss_fn, type):
            raise TypeError(f"loss_fn is the class {loss_fn.__name__}: make one, with brackets")
        self.network = network
        self.loss = loss_fn
        self._labels = None if loss_fn is None else _labels_of(loss_fn)

    def forward(self, *columns: Tensor) -> Outcome:
        """Return the loss of a batch."""
        if self.loss is None:
            return _outcome(self.network(*columns), len(columns[0]), None)
        self._check(columns)
        output = self.network(columns[0])
        with torch.autocast(columns[0].device.type, enabled=False):
            if _has_parts(self.loss):
                found = parts(cast(Callable[..., Tensor], self.loss), output, *columns[1:])
                return Outcome(found.mean(), found.weight.detach(), {}, output)
            if isinstance(self.loss, WeightedSum):
                named = self.loss.named(output, *columns[1:])
                samples = torch.tensor(float(len(columns[0])))
                return Outcome(self.loss.total(named), samples, named, output)
            return _outcome(self.loss(output, *columns[1:]), len(columns[0]), output)

    def _check(self, columns: tuple[Tensor, ...]) -> None:
        labels = len(columns) - 1
        if self._labels is None or self._labels[0] <= labels <= self._labels[1]:
            return
        takes = " to ".join(str(int(n)) for n in sorted(set(self._labels)))
        name = getattr(self.loss, "__name__", type(self.loss).__name__)
        listed = ", ".join(f"{i + 1}: {_describe(c)}" for i, c in enumerate(columns))
        raise ColumnsError(
            f"the batch has {len(columns)} columns ({listed}): the first goes to the network and "
            f"the other {labels} to the loss, but {name} takes {takes}. Either give a loss that "
            f"takes {labels}, as in loss(output, *labels), or give loss_fn=None and a network "
            f"that computes its own loss from all {len(columns)} columns"
        )


def _describe(column: Tensor) -> str:
    return f"{str(column.dtype).removeprefix('torch.')} {tuple(column.shape)}"


def _has_parts(loss: LossFunction) -> bool:
    """Whether the loss says what its mean divides by; a sum that was asked for stays a sum."""
    if isinstance(loss, LossBase):
        return type(loss).forward is LossBase.forward and loss.reduction != "sum"
    return signature_of(loss) is not None


def _labels_of(loss: LossFunction) -> tuple[float, float] | None:
    """Return the least and the greatest number of columns that a loss takes after the output."""
    if isinstance(loss, FunctionLoss) and type(loss).operands is FunctionLoss.operands:
        found = signature_of(loss)
        return None if found is None else (len(found.names) - 1, len(found.names) - 1)
    call: Callable[..., Any] = loss
    if isinstance(loss, FunctionLoss):
        call = loss.operands
    elif isinstance(loss, LossBase) and type(loss).forward is LossBase.forward:
        call = loss.units
    elif isinstance(loss, nn.Module):
        call = loss.forward
    try:
        parameters = inspect.signature(call).parameters.values()
    except ValueError:  # built-in functions have none
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional) - 1
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return max(least, 0), float("inf") if many else len(positional) - 1


def _outcome(value: Tensor | Mapping[str, Tensor], samples: int, output: Any) -> Outcome:
    named: dict[str, Tensor] = {}
    if isinstance(value, Mapping):
        if not value:
            raise ValueError("the loss returned an empty mapping: it has no part to train on")
        named = {str(name): _scalar(part, str(name)) for name, part in value.items()}
        total = named.pop("loss", None)
        if total is None:
            total = torch.stack(list(named.values())).sum()
    else:
        total = _scalar(value, "loss")
    return Outcome(total, torch.tensor(float(samples)), named, output)


def _scalar(value: object, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
    if value.numel() != 1:
        raise ValueError(
            f"{name} must be one number, got shape {tuple(value.shape)}; reduce it, for instance "
            "by its mean"
        )
    return value.reshape(())
