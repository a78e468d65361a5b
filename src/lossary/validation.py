"""Validation: what is checked on a call, the domains of values, and how they are told apart."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

Level = Literal["off", "shapes", "values"]

_level: Level = "values"


class validation:  # noqa: N801 - used as a function, like torch.no_grad
    """Set how much is checked on every call, for the whole process.

    ``"values"``, the default: shapes, dtypes and devices, and whether labels, probabilities, signs
    and weights lie in their domains. ``"shapes"``: no look at values. ``"off"``: nothing; what does
    not fit may broadcast, or fail inside torch.

    On the CPU values are looked at when they come. On other devices that would wait for the
    device, so they are asserted there, asynchronously: the error comes with a later operation.
    Compiled code, and code under ``torch.func``, does not look at values.

    >>> with validation("shapes"):  # for a block; validation("shapes") alone sets it for good
    ...     lossary.hinge_loss(torch.tensor([0.5]), torch.tensor([0.0]))
    tensor(1.)
    >>> lossary.hinge_loss(torch.tensor([0.5]), torch.tensor([0.0]))
    Traceback (most recent call last):
    ValueError: hinge_loss: target must hold labels -1 or 1, got 0 at (0,); of labels 0 and 1 ...
    """

    def __init__(self, level: Level) -> None:
        global _level
        if level not in get_args(Level):
            raise ValueError(f"the level must be one of {get_args(Level)}, got {level!r}")
        self._before, _level = _level, level

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _level
        _level = self._before


def level() -> Level:
    """Return how much is checked."""
    return _level


LOG_ROUNDING = 1e-3  # a logarithm of a probability may exceed 0 by its own rounding


@dataclass(frozen=True)
class Domain:
    """The values that a tensor may hold.

    Attributes:
        holds: what they are, in words; ``{top}`` is the last class.
        remedy: what to do about others; ``{name}`` is the tensor.
        outside: where a tensor holds others, given what whole numbers must be below.
        fits: whether none is outside, told in less time, given what whole numbers must be below.
    """

    holds: str
    remedy: str = ""
    outside: Callable[[Tensor, int], Tensor] | None = None
    fits: Callable[[Tensor, int], bool] = lambda x, end: False

    def check(self, name: str, value: Tensor, end: int | None, nan: bool) -> None:
        """Raise ValueError as :func:`check_values` does, of a tensor that is not empty."""
        value, stop = value.detach() if value.requires_grad else value, end or 0
        if self.outside is None or self.fits(value, stop):
            return
        wrong = self.outside(value, stop)
        if nan:
            wrong &= ~value.isnan()
        if wrong.any():
            at = tuple(wrong.nonzero()[0].tolist())
            tensor = name.rpartition(" ")[2]
            raise ValueError(
                f"{name} must hold {self.holds.format(top=stop - 1)}, got {value[at].item():g} at "
                f"{at}{self.remedy.format(name=tensor)}"
            )

    def assert_later(self, name: str, value: Tensor, end: int | None, nan: bool) -> None:
        """Assert the same on a device, without waiting for it."""
        value, stop = value.detach(), end or 0
        if self.outside is None:
            return
        wrong = self.outside(value, stop)
        if nan:
            wrong = wrong & ~value.isnan()
        torch._assert_async(~wrong.any(), f"{name} must hold {self.holds.format(top=stop - 1)}")


def _within(low: float, high: float) -> Callable[[Tensor, int], bool]:
    def fits(x: Tensor, end: int) -> bool:
        least, most = x.aminmax()
        return low <= least.item() and most.item() <= high

    return fits


def _numbers_below(x: Tensor, end: int) -> bool:
    least, most = x.aminmax()
    return least.item() >= 0 and most.item() < end


CHUNK = 1 << 16  # sums of so many ones are exact in single precision


def _signs(x: Tensor, _: int) -> bool:
    """Whether all numbers are -1 or 1: none is larger, and their sizes add up to their count."""
    if x.numel() <= CHUNK:
        return torch.equal(x.reciprocal(), x)  # no others are their own
    least, most = x.aminmax()
    if least.item() < -1 or most.item() > 1:
        return False
    flat = x.reshape(-1)
    whole = len(flat) // CHUNK * CHUNK
    sums = torch.linalg.vector_norm(flat[:whole].view(-1, CHUNK), 1, dim=1)
    rest = torch.linalg.vector_norm(flat[whole:], 1)
    return bool((sums == CHUNK).all() and rest == len(flat) - whole)


DOMAINS = {
    "real": Domain("real numbers"),
    "nonneg": Domain(
        "finite numbers, none below 0",
        "; a network that has to give such numbers ends in softplus or exp",
        lambda x, _: ~((x >= 0) & (x < math.inf)),
        _within(0, sys.float_info.max),
    ),
    "prob": Domain(
        "probabilities in [0, 1]",
        "; of logits use {name}.sigmoid() or {name}.softmax(1), or the loss that takes logits",
        lambda x, _: ~((x >= 0) & (x <= 1)),
        _within(0, 1),
    ),
    "logprob": Domain(
        "logarithms of probabilities, at most 0",
        "; use {name}.log_softmax(1) for logits, {name}.log() for probabilities",
        lambda x, _: ~(x <= LOG_ROUNDING),
        lambda x, _: x.max().item() <= LOG_ROUNDING,
    ),
    "sign": Domain(
        "labels -1 or 1",
        "; of labels 0 and 1 use 2 * {name} - 1",
        lambda x, _: x.abs() != 1,
        _signs,
    ),
    "label": Domain(
        "class indices from 0 to {top}",
        "; give padding the label ignore_index, or zero weight, if this loss has them",
        lambda x, end: (x < 0) | (x >= end),
        _numbers_below,
    ),
    "count": Domain(
        "whole numbers from 0 to {top}",
        "",
        lambda x, end: (x < 0) | (x >= end),
        _numbers_below,
    ),
    "weight": Domain(
        "finite numbers, none below 0",
        "",
        lambda x, _: ~((x >= 0) & (x < math.inf)),
        _within(0, sys.float_info.max),
    ),
    "fn": Domain("a callable"),
}


PLAIN = (Tensor, nn.Parameter)  # types of tensors that are what they seem


def is_transformed() -> bool:
    """Whether code runs under ``torch.compile`` or a transform of ``torch.func``."""
    compiling = torch.compiler.is_compiling()
    return compiling or torch._C._functorch.peek_interpreter_stack() is not None


def is_plain(tensors: Iterable[object]) -> bool:
    """Whether tensors are what they seem: no subclasses, under no transform of torch."""
    if is_transformed():
        return False
    return all(type(t) in PLAIN or not isinstance(t, Tensor) for t in tensors)


def is_readable(tensors: Iterable[Any]) -> bool:
    """Whether Python may look at values: plain eager tensors on the CPU."""
    if is_transformed():
        return False
    for t in tensors:
        if type(t) in PLAIN:
            if not t.is_cpu:
                return False
        elif isinstance(t, Tensor):
            return False
    return True


def is_assertable(tensors: Collection[object]) -> bool:
    """Whether a device can assert values by itself."""
    return is_plain(tensors) and all(t.is_cuda for t in tensors if isinstance(t, Tensor))


def check_values(name: str, domain: str, value: Tensor, end: int | None, *, nan: bool) -> None:
    """Raise ValueError if a tensor on the CPU holds a value outside its domain.

    Args:
        name: the loss and the tensor, as in ``hinge_loss: target``.
        domain: a name of :data:`DOMAINS`.
        value: the tensor.
        end: what whole numbers must be below; None if they may be any.
        nan: whether nan passes: of a prediction it shows in the loss.
    """
    if value.numel() and not (domain in ("label", "count") and end is None):
        DOMAINS[domain].check(name, value, end, nan)


def assert_values(name: str, domain: str, value: Tensor, end: int | None, *, nan: bool) -> None:
    """Assert the same on a device, without waiting for it."""
    if value.numel() and not (domain in ("label", "count") and end is None):
        DOMAINS[domain].assert_later(name, value, end, nan)
