"""Knobs: the numeric hyperparameters of a loss, and values worth trying."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..signature import Interval

NOT_A_KNOB = ("ignore_index", "num_sampled")  # say what to leave out, not how a loss bends
MULTIPLES = {  # of the default, for so many values
    7: (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0),
    6: (0.0, 0.25, 0.5, 1.0, 2.0, 4.0),
    4: (0.0, 0.5, 1.0, 2.0),
    3: (0.0, 1.0, 2.0),
}
NUMBERS = {1: 7, 2: 6, 3: 4, 4: 3}  # values of each of so many knobs
MOST = max(NUMBERS)
GUARDS = ("eps", "smooth", "clip", "max_log_ratio")  # see Knob.guard
FREE = Interval("(-inf, inf)", -math.inf, math.inf)
TINY = 0.01  # below, it guards a division, and only powers of ten make a difference


@dataclass(frozen=True)
class Knob:
    """A number to turn.

    Attributes:
        name: the hyperparameter.
        default: its value where nothing is said.
        interval: what it may be.
        whole: whether it is a whole number.
    """

    name: str
    default: float
    interval: Interval = FREE
    whole: bool = False

    @property
    def guard(self) -> bool:
        """Whether it keeps numbers finite, far from what a picture shows."""
        return self.name in GUARDS and not 2e-4 < self.default < 16

    def values(self, count: int) -> tuple[float, ...]:
        """Return about ``count`` values in order, the default among them.

        >>> Knob("gamma", 2.0, Interval.parse("[0, inf)")).values(6)
        (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
        >>> Knob("quantile", 0.5, Interval.parse("(0, 1)")).values(4)
        (0.1, 0.367, 0.5, 0.633, 0.9)
        """
        low, high = self.interval.low, self.interval.high
        if math.isfinite(low) and math.isfinite(high):
            margin = 0.1 * (high - low)
            first = low if low in self.interval else low + margin
            last = high if high in self.interval else high - margin
            found = [first + (last - first) * i / (count - 1) for i in range(count)]
        elif math.isfinite(low):
            found = [
                low + step for step in _outwards(self.default - low, count, low in self.interval)
            ]
        elif math.isfinite(high):
            found = [
                high - step for step in _outwards(high - self.default, count, high in self.interval)
            ]
        else:
            reach = max(abs(self.default), 0.5)
            found = [self.default + reach * (i - count // 2) for i in range(count)]
        if self.whole:
            found = [float(round(value)) for value in found]
        inside_it = {_short(v, self.interval) for v in found if v in self.interval}
        near = {v for v in inside_it if abs(v - self.default) < 0.002 * abs(self.default)}
        return tuple(sorted({*(inside_it - near), self.default}))

    def bounds(self) -> tuple[float, float]:
        """Return the ends of a continuous slider."""
        values = self.values(NUMBERS[1])
        return values[0], values[-1]

    def check(self, value: float) -> float:
        """Return a number that the hyperparameter may be.

        Raises:
            ValueError: if it may not; the message names the interval.
        """
        if not math.isfinite(value) or value not in self.interval:
            raise ValueError(f"{self.name} must lie in {self.interval}, got {value:g}")
        if self.whole and value % 1:
            raise ValueError(f"{self.name} must be a whole number, got {value:g}")
        return int(value) if self.whole else value


def _outwards(reach: float, count: int, closed: bool) -> list[float]:
    """Return distances around ``reach``, from the end of an interval or near it."""
    if 0 < reach < TINY:
        return [reach * 10.0 ** (i - count // 2) for i in range(count)]
    first, *rest = MULTIPLES[count]
    return [(reach or 1.0) * m for m in (first if closed else 0.1, *rest)]


def _short(value: float, interval: Interval) -> float:
    """Round to what one would write, unless that leaves the interval."""
    rounded = float(f"{value:.3g}")
    return rounded if rounded in interval else value


def knobs_of(
    function: Callable[..., Any],
    intervals: Mapping[str, Interval],
    bound: Mapping[str, object] | None = None,
) -> tuple[Knob, ...]:
    """Return the knobs among the arguments of a function, or of a constructor.

    Args:
        function: what takes them, by name.
        intervals: what is known of their ranges.
        bound: values in place of the defaults.
    """
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        value = (bound or {}).get(name, parameter.default)
        if name in NOT_A_KNOB or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        interval = intervals.get(name, FREE)
        if not math.isfinite(value):
            continue
        # what is annotated as a fraction may be one, even if its default is written 1
        whole = interval.whole or (
            isinstance(value, int) and "float" not in str(parameter.annotation)
        )
        found.append(Knob(name, float(value), interval, whole))
    return tuple(found)
