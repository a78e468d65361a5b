"""The one place where losses are weighted and reduced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

Reduction = Literal["none", "mean", "sum", "parts"]
"""How the losses of the units become the result.

``"none"``: one weighted loss per unit. ``"sum"``: their sum. ``"mean"``: the weighted mean.
``"parts"``: a tensor of two numbers, the weighted sum and the sum of the weights, in at least
single precision; :func:`parts` gives it a name.
"""


def check_reduction(reduction: object) -> None:
    """Raise ValueError unless ``reduction`` is one of :data:`Reduction`."""
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction must be one of {get_args(Reduction)}, got {reduction!r}")


def reduce(units: Tensor, weight: Tensor | None = None, reduction: Reduction = "mean") -> Tensor:
    """Weigh and reduce a tensor that holds one loss per unit.

    The mean is the weighted mean, ``sum(weight * units) / sum(weight)``. A unit of zero weight
    contributes nothing, even if its loss is nan, so a boolean weight is a mask. The mean of
    nothing is zero, with zero gradients. Sums are accumulated in at least single precision.

    Args:
        units: the loss of each unit, of any shape.
        weight: numbers or booleans, in the shape of ``units``; dimensions of size 1 are repeated.
        reduction: see :data:`Reduction`.

    Raises:
        ValueError: if ``weight`` does not fit ``units``, or ``reduction`` is unknown.
    """
    check_reduction(reduction)
    if weight is not None:
        weight = fit_weight(weight, units.shape).to(units.dtype)
        units = torch.where(weight == 0, 0.0, weight * units)
    if reduction == "none":
        return units
    wide = torch.promote_types(units.dtype, torch.float32)
    if reduction == "mean" and weight is None and units.numel():
        return units.mean(dtype=wide).to(units.dtype)
    total = units.sum(dtype=wide)
    if reduction == "sum":
        return total.to(units.dtype)
    count = total.new_tensor(units.numel()) if weight is None else weight.sum(dtype=wide)
    if reduction == "parts":
        return torch.stack([total, count])
    return (total / torch.where(count == 0, 1.0, count)).to(units.dtype)


def fit_weight(weight: Tensor, shape: torch.Size) -> Tensor:
    """Return ``weight`` expanded to the shape of the units, or raise ValueError."""
    if weight.shape == shape:
        return weight
    if weight.ndim != len(shape) or any(
        w not in (1, n) for w, n in zip(weight.shape, shape, strict=True)
    ):
        raise ValueError(
            f"weight must have the shape of this loss's units, {tuple(shape)}, or have size 1 "
            f"where it repeats, got {tuple(weight.shape)}; there is one weight per unit: see the "
            "right-hand side of the loss's signature"
        )
    return weight.expand(shape)


def weigh(*weights: Tensor | None) -> Tensor | None:
    """Multiply those of ``weights`` that are given."""
    product: Tensor | None = None
    for weight in weights:
        if weight is not None:
            product = weight if product is None else product * weight
    return product


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
    from .base import LossBase

    if isinstance(loss, LossBase):
        pair = loss.reduced(*tensors, weight=weight, reduction="parts")
    elif hasattr(loss, "signature"):
        pair = loss(*tensors, weight=weight, reduction="parts")
    else:
        raise TypeError(
            f"parts needs a loss function of this library or a LossBase, got {loss!r}: of another "
            "loss nobody knows what its mean divides by. Subclass lossary.LossBase and define units"
        )
    return Parts(pair[0], pair[1])
