"""Parts: the two sums of a loss, which add where means do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .base import LossBase
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


def parts(loss: Callable[..., Tensor], *tensors: object, weight: Tensor | None = None) -> Parts:
    """Return the sum of the weighted losses and the sum of the weights.

    >>> import lossary
    >>> x, y = torch.tensor([1.0, 4.0, 4.0]), torch.tensor([2.0, 2.0, 4.0])
    >>> first, rest = parts(lossary.l1_loss, x[:1], y[:1]), parts(lossary.l1_loss, x[1:], y[1:])
    >>> (first + rest).mean() == lossary.l1_loss(x, y)
    tensor(True)

    Args:
        loss: a loss function of this library, or a :class:`~lossary.LossBase`.
        tensors: what the loss takes.
        weight: one number or boolean per unit.

    Raises:
        TypeError: if ``loss`` is neither: only the contract says what it averages over.
    """
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
