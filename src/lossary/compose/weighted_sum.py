"""A weighted sum of losses, and coefficients that change with the steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..base import LossBase

Coefficient = float | Callable[[int], float]
"""A number, or a function of how many optimizer steps were done; see :func:`ramp`."""


class WeightedSum(nn.Module):
    """A weighted sum of losses that keeps the name of each.

    ``0.5 * L1Loss() + CrossEntropyLoss()`` makes one of losses that take the same tensors. Called,
    it returns the total; :meth:`named` returns the parts, which the trainer logs. Every part is
    the mean over its own units. :func:`~lossary.parts` of a sum add exactly, also where they count
    differently: one has masks, the other not. :func:`~lossary.fuse` makes each loss one pass.

    Args:
        losses: each loss by the name of its part.
        coefficients: what each is multiplied by, 1 for those that are not named. A function is
            called with :attr:`step`.

    Attributes:
        step: how many optimizer steps were done; the trainer counts, or you do.

    Raises:
        ValueError: if there is no loss, or a coefficient for none.

    >>> import lossary
    >>> loss = 0.5 * lossary.L1Loss() + lossary.MSELoss()
    >>> x, y = torch.tensor([3.0]), torch.tensor([1.0])
    >>> loss(x, y)
    tensor(5.)
    >>> loss.named(x, y)
    {'l1_loss': tensor(2.), 'mse_loss': tensor(4.)}
    """

    def __init__(
        self,
        losses: Mapping[str, nn.Module],
        coefficients: Mapping[str, Coefficient] | None = None,
    ) -> None:
        super().__init__()
        if not losses:
            raise ValueError("a weighted sum needs at least one loss")
        if unknown := set(coefficients or {}) - set(losses):
            raise ValueError(f"coefficients for {sorted(unknown)}; the losses are {list(losses)}")
        self.losses = nn.ModuleDict(losses)
        self.coefficients: dict[str, Coefficient] = {
            name: (coefficients or {}).get(name, 1.0) for name in losses
        }
        self.step = 0

    def named(self, *tensors: Any, weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return the value of each loss, not multiplied by its coefficient."""
        return {
            name: loss(*self.inputs(name, *tensors), weight=weight)
            for name, loss in self.losses.items()
        }

    def inputs(self, name: str, *tensors: Any) -> tuple[Any, ...]:
        """Return what the loss of a name gets; here all get the same."""
        return tensors

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of parts, each multiplied by its coefficient."""
        scaled = [self.coefficient(name) * part for name, part in parts.items()]
        return torch.stack([part.to(scaled[0].dtype) for part in scaled]).sum(0)

    def coefficient(self, name: str) -> float:
        """Return what a part is multiplied by at this step."""
        found = self.coefficients[name]
        return found(self.step) if callable(found) else found

    def of(self, losses: Mapping[str, nn.Module]) -> Self:
        """Return this sum over other losses of the same names, with everything else shared."""
        made = copy.copy(self)
        made._modules = {**self._modules, "losses": nn.ModuleDict(losses)}
        return made

    def forward(self, *tensors: Any, weight: Tensor | None = None) -> Tensor:
        return self.total(self.named(*tensors, weight=weight))

    def __add__(self, other: object) -> WeightedSum:
        return _joined(self, other)

    def __mul__(self, factor: object) -> WeightedSum:
        if not isinstance(factor, int | float):
            raise TypeError(f"a loss is multiplied by a number, not by {type(factor).__name__}")
        scaled = {n: _scaled(c, float(factor)) for n, c in self.coefficients.items()}
        return WeightedSum(dict(self.losses.items()), scaled)

    __rmul__ = __mul__

    def extra_repr(self) -> str:
        return f"coefficients={self.coefficients}"


class BalancedSum(WeightedSum):
    """A weighted sum that finds its coefficients by itself: no operator may change them."""

    def __add__(self, other: object) -> WeightedSum:
        raise TypeError("learned coefficients cannot be added to: give all losses to one sum")

    def __mul__(self, factor: object) -> WeightedSum:
        raise TypeError("learned coefficients cannot be multiplied: they would only undo it")

    __rmul__ = __mul__

    def place(self, name: str) -> int:
        """Return which of the losses has a name."""
        return list(self.losses).index(name)

    def extra_repr(self) -> str:
        return ""  # no coefficient was given


def weighted(loss: nn.Module, factor: float = 1.0) -> WeightedSum:
    """Return a sum of one loss, named after its function or class."""
    function = getattr(loss, "function", None)
    name = getattr(function, "__name__", None) or type(loss).__name__
    return WeightedSum({name: loss}, {name: factor})


def _scaled(coefficient: Coefficient, factor: float) -> Coefficient:
    if callable(coefficient):
        return lambda step: factor * coefficient(step)
    return factor * coefficient


def _joined(first: WeightedSum, second: object) -> WeightedSum:
    """Return the sum of two sums, of fixed coefficients both."""
    if isinstance(second, LossBase):
        second = weighted(second)
    if isinstance(second, BalancedSum):
        return second + first  # which says why not
    if not isinstance(second, WeightedSum):
        raise TypeError(f"a loss can be added to a loss, not to {type(second).__name__}")
    losses, coefficients = dict(first.losses.items()), dict(first.coefficients)
    for name, loss in second.losses.items():
        own, number = name, 2
        while own in losses:  # the same loss twice keeps both, under two names
            own, number = f"{name}_{number}", number + 1
        losses[own], coefficients[own] = loss, second.coefficients[name]
    return WeightedSum(losses, coefficients)


def ramp(start: float, end: float, steps: int, *, after: int = 0) -> Callable[[int], float]:
    """Return a coefficient that goes from one value to another in a straight line.

    Args:
        start: its value up to step ``after``.
        end: its value from step ``after + steps`` on.
        steps: how many steps it takes.
        after: when it sets out.

    >>> beta = ramp(0.0, 1.0, steps=4, after=2)
    >>> [beta(step) for step in (0, 2, 4, 6, 9)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    return lambda step: start + (end - start) * min(1.0, max(0.0, (step - after) / steps))
