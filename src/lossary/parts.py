"""Parts: the two sums of a loss, which add where means do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor

from .base import LossBase
from .compose import WeightedSum
from .signature import signature_of


@dataclass(frozen=True)
class Parts:
    """The two sums of a loss: parts add, over micro-batches and over processes.

    ``(parts_1 + parts_2).mean()`` is exactly the mean of the one big batch; the mean of the two
    means is not, as soon as the batches differ in length, masks or class weights.

    Attributes:
        total: the weighted sum of the losses, a scalar that carries the gradient.
        weight: the sum of the weights, a scalar.
    """

    total: Tensor
    weight: Tensor

    def __add__(self, other: Parts) -> Parts:
        return Parts(self.total + other.total, self.weight + other.weight)

    def __radd__(self, other: int) -> Parts:  # so that the built-in sum() adds parts
        return self if other == 0 else NotImplemented

    def mean(self) -> Tensor:
        """Return ``total / weight``, or zero if there is nothing to average."""
        return self.total / torch.where(self.weight == 0, 1.0, self.weight)


@dataclass(frozen=True)
class NamedParts:
    """The parts of every loss of a :class:`~lossary.WeightedSum`; see :class:`Parts`.

    Each is divided by its own weights, so the mean of the added parts is exactly that of the one
    big batch, also where one loss has masks and another has not.

    Attributes:
        named: the parts of each loss, by its name.
        loss: the sum, whose coefficients are applied to the means.
    """

    named: Mapping[str, Parts]
    loss: WeightedSum

    def __add__(self, other: NamedParts) -> NamedParts:
        if self.named.keys() != other.named.keys():
            raise ValueError(
                f"parts of different sums do not add: {list(self.named)} and {list(other.named)}"
            )
        return NamedParts({n: p + other.named[n] for n, p in self.named.items()}, self.loss)

    def __radd__(self, other: int) -> NamedParts:
        return self if other == 0 else NotImplemented

    def means(self) -> dict[str, Tensor]:
        """Return the mean of each loss, not multiplied by its coefficient."""
        return {name: found.mean() for name, found in self.named.items()}

    def mean(self) -> Tensor:
        """Return the weighted sum of the means."""
        return self.loss.total(self.means())


@overload
def parts(loss: WeightedSum, *tensors: object, weight: Tensor | None = None) -> NamedParts: ...
@overload
def parts(
    loss: Callable[..., Tensor] | LossBase, *tensors: object, weight: Tensor | None = None
) -> Parts: ...
def parts(
    loss: Callable[..., Tensor] | WeightedSum, *tensors: object, weight: Tensor | None = None
) -> Parts | NamedParts:
    """Return the sum of the weighted losses and the sum of the weights.

    >>> import lossary
    >>> x, y = torch.tensor([1.0, 4.0, 4.0]), torch.tensor([2.0, 2.0, 4.0])
    >>> first, rest = parts(lossary.l1_loss, x[:1], y[:1]), parts(lossary.l1_loss, x[1:], y[1:])
    >>> (first + rest).mean() == lossary.l1_loss(x, y)
    tensor(True)

    Args:
        loss: a loss function of this library, a :class:`~lossary.LossBase`, or a
            :class:`~lossary.WeightedSum` of some, which has the parts of each.
        tensors: what the loss takes.
        weight: one number or boolean per unit.

    Raises:
        TypeError: if ``loss`` is none of them: only the contract says what it averages over.
        ValueError: if a loss of a sum is told to be a sum itself: it has no mean to divide.
    """
    if isinstance(loss, WeightedSum):
        for name, each in loss.losses.items():
            if getattr(each, "reduction", "mean") != "mean":
                raise ValueError(f"{name!r} has no parts: its reduction must be 'mean'")
        found = {
            n: parts(each, *loss.inputs(n, *tensors), weight=weight)
            for n, each in loss.losses.items()
        }
        return NamedParts(found, loss)
    if isinstance(loss, LossBase):
        pair = loss.reduced(*tensors, weight=weight, reduction="parts")
    elif signature_of(loss) is not None:
        pair = loss(*tensors, weight=weight, reduction="parts")
    else:
        raise TypeError(
            f"parts needs a loss function of this library or a LossBase, got {loss!r}: of another "
            "loss nobody knows what its mean divides by. Subclass lossary.LossBase and define units"
        )
    return Parts(pair[0], pair[1])
