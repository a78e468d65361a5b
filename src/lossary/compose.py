"""Losses made of losses: weighted sums with named parts, hard units, several outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from .base import FunctionLoss, LossBase
from .reduction import Reduction, fit_weight

Coefficient = float | Callable[[int], float]
"""A number, or a function of how many optimizer steps were done; see :func:`ramp`."""


class WeightedSum(nn.Module):
    """A weighted sum of losses that keeps the name of each.

    ``0.5 * L1Loss() + CrossEntropyLoss()`` makes one of losses that take the same tensors. Called,
    it returns the total; :meth:`named` returns the parts, which the trainer logs. Every part is
    the mean over its own units, so the total is that of one batch: where parts count differently
    (one has masks, the other not), the total of micro-batches is not that of the whole.

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
        return {name: loss(*tensors, weight=weight) for name, loss in self.losses.items()}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of parts, each multiplied by its coefficient."""
        scaled = [self.coefficient(name) * part for name, part in parts.items()]
        return torch.stack([part.to(scaled[0].dtype) for part in scaled]).sum(0)

    def coefficient(self, name: str) -> float:
        """Return what a part is multiplied by at this step."""
        found = self.coefficients[name]
        return found(self.step) if callable(found) else found

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
    if isinstance(second, UncertaintyWeightedSum):
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


class UncertaintyWeightedSum(WeightedSum):
    r"""A sum whose coefficients are learned, :math:`\sum_i e^{-s_i} L_i + s_i`.

    A task whose loss stays large gets a small coefficient. The numbers :math:`s_i` are parameters
    of this Module, so the optimizer has to have them: the trainer sees to it. Losses that may
    become negative drive their coefficient to infinity.

    Args:
        losses: each loss by the name of its part.

    References:
        Kendall et al., *Multi-Task Learning Using Uncertainty to Weigh Losses*, CVPR 2018, eq. 10,
        with :math:`s = \log \sigma^2` and without the factor one half of regression.
    """

    def __init__(self, losses: Mapping[str, nn.Module]) -> None:
        super().__init__(losses)
        self.log_variance = nn.ParameterDict({name: torch.zeros(()) for name in losses})

    def __add__(self, other: object) -> WeightedSum:
        raise TypeError("learned coefficients cannot be added to: give all losses to one sum")

    def __mul__(self, factor: object) -> WeightedSum:
        raise TypeError("learned coefficients cannot be multiplied: they would only undo it")

    __rmul__ = __mul__

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        terms = []
        for name, part in parts.items():
            s = cast(Tensor, self.log_variance[name])
            terms.append(torch.exp(-s) * part + s)
        return torch.stack(terms).sum(0)


class HardUnits(LossBase):
    """The mean over the units that cost most: online hard example mining.

    The units that are kept are those of the largest weighted loss, a share of those that take
    part. Over micro-batches and processes it differs from the one big batch, whose hardest units
    may all be in one of them.

    Args:
        loss: a loss of this library, or a :class:`~lossary.LossBase`.
        share: which share of the units is kept, rounded up.

    Raises:
        ValueError: if ``share`` is not in (0, 1].

    References:
        Shrivastava et al., *Training Region-based Object Detectors with Online Hard Example
        Mining*, CVPR 2016.

    >>> import lossary
    >>> hard = HardUnits(lossary.L1Loss(), share=0.5)
    >>> hard(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.zeros(4))
    tensor(3.5000)
    """

    share: float

    def __init__(
        self, loss: LossBase, *, share: float = 0.25, reduction: Reduction = "mean"
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share must be in (0, 1], got {share}")
        super().__init__(reduction, share=share)
        self.loss = loss

    def units(self, *tensors: Any) -> Tensor:
        return self.loss.reduced(*tensors, reduction="none")

    def weighted(
        self, tensors: tuple[Any, ...], weight: Tensor | None
    ) -> tuple[Tensor, Tensor | None, tuple[Any, ...], torch.dtype | None]:
        if isinstance(self.loss, FunctionLoss) and self.loss.signature is not None:
            operands = self.loss.operands(*tensors)
            ignore_index = getattr(self.loss, "ignore_index", None)
            weight = self.loss.signature.admit(operands, weight, ignore_index).weight
        units = self.loss.reduced(*tensors, weight=weight, reduction="none")
        there = torch.ones_like(units) if weight is None else fit_weight(weight, units.shape) != 0
        count = (there.sum() * self.share).ceil()
        cost = torch.where(there != 0, units.detach(), -torch.inf)
        order = cost.flatten().argsort(descending=True, stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=order.device)
        kept = rank.reshape(units.shape) < count
        return units, kept.to(units.dtype), tensors, None


class DeepSupervision(nn.Module):
    """One loss for several outputs of a network, such as those of its scales.

    Called with a sequence of outputs and the target, it returns the sum of the losses of each,
    multiplied by the coefficients. Targets of a coarser output are yours to shrink: give a function
    that makes the target of an output.

    Args:
        loss: the loss.
        coefficients: what the loss of each output is multiplied by.
        resize: makes the target of an output from the output and the whole target; the target as
            it is by default.

    Raises:
        ValueError: if there are more outputs than coefficients, or fewer.

    References:
        Lee et al., *Deeply-Supervised Nets*, AISTATS 2015.

    >>> import lossary
    >>> loss = DeepSupervision(lossary.MSELoss(), [1.0, 0.5])
    >>> loss([torch.tensor([2.0]), torch.tensor([4.0])], torch.tensor([0.0]))
    tensor(12.)
    """

    def __init__(
        self,
        loss: nn.Module,
        coefficients: Sequence[float],
        *,
        resize: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.loss = loss
        self.coefficients = tuple(coefficients)
        self.resize = resize

    def forward(
        self, outputs: Sequence[Tensor], target: Tensor, *, weight: Tensor | None = None
    ) -> Tensor:
        if len(outputs) != len(self.coefficients):
            raise ValueError(
                f"{len(outputs)} outputs for {len(self.coefficients)} coefficients: give one each"
            )
        values = []
        for output, coefficient in zip(outputs, self.coefficients, strict=True):
            own = target if self.resize is None else self.resize(output, target)
            values.append(coefficient * self.loss(output, own, weight=weight))
        return torch.stack(values).sum(0)
