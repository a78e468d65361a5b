"""Validation: what is checked on a call, the domains of values, and how they are told apart."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, get_args

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


def _between(x: Tensor, low: float, high: float) -> bool:
    least, most = (end.item() for end in x.aminmax())
    return bool(low <= least and most <= high)


CHUNK = 1 << 16  # sums of so many ones are exact in single precision


def _signs(x: Tensor) -> bool:
    """Whether all numbers are -1 or 1: none is larger, and their sizes add up to their count."""
    if x.numel() <= CHUNK:
        return bool((x.abs() == 1).all())
    if not _between(x, -1, 1):
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
        lambda x, _: _between(x, 0, sys.float_info.max),
    ),
    "prob": Domain(
        "probabilities in [0, 1]",
        "; of logits use {name}.sigmoid() or {name}.softmax(1), or the loss that takes logits",
        lambda x, _: ~((x >= 0) & (x <= 1)),
        lambda x, _: _between(x, 0, 1),
    ),
    "logprob": Domain(
        "logarithms of probabilities, at most 0",
        "; use {name}.log_softmax(1) for logits, {name}.log() for probabilities",
        lambda x, _: ~(x <= LOG_ROUNDING),
        lambda x, _: _between(x, -math.inf, LOG_ROUNDING),
    ),
    "sign": Domain(
        "labels -1 or 1",
        "; of labels 0 and 1 use 2 * {name} - 1",
        lambda x, _: x.abs() != 1,
        lambda x, _: _signs(x),
    ),
    "label": Domain(
        "class indices from 0 to {top}",
        "; give padding the label ignore_index, or zero weight, if this loss has them",
        lambda x, end: (x < 0) | (x >= end),
        lambda x, end: _between(x, 0, end - 1),
    ),
    "count": Domain(
        "whole numbers from 0 to {top}",
        "",
        lambda x, end: (x < 0) | (x >= end),
        lambda x, end: _between(x, 0, end - 1),
    ),
    "weight": Domain(
        "finite numbers, none below 0",
        "",
        lambda x, _: ~((x >= 0) & (x < math.inf)),
        lambda x, _: _between(x, 0, sys.float_info.max),
    ),
    "fn": Domain("a callable"),
}


def is_plain(tensors: Iterable[object]) -> bool:
    """Whether tensors are what they seem: no subclasses, under no transform of torch."""
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    for kind in set(map(type, tensors)):
        if kind is not Tensor and kind is not nn.Parameter and issubclass(kind, Tensor):
            return False
    return True


def is_readable(tensors: Collection[object]) -> bool:
    """Whether Python may look at values: plain eager tensors on the CPU."""
    return is_plain(tensors) and all(t.is_cpu for t in tensors if isinstance(t, Tensor))


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
    found = DOMAINS[domain]
    if found.outside is None or not value.numel() or (domain in ("label", "count") and end is None):
        return
    value, stop = value.detach(), end or 0
    if found.fits(value, stop):
        return
    wrong = found.outside(value, stop)
    if nan:
        wrong &= ~value.isnan()
    if wrong.any():
        at = tuple(wrong.nonzero()[0].tolist())
        tensor = name.rpartition(" ")[2]
        raise ValueError(
            f"{name} must hold {found.holds.format(top=stop - 1)}, got {value[at].item():g} at "
            f"{at}{found.remedy.format(name=tensor)}"
        )


def assert_values(name: str, domain: str, value: Tensor, end: int | None, *, nan: bool) -> None:
    """Assert the same on a device, without waiting for it."""
    found = DOMAINS[domain]
    if found.outside is None or not value.numel() or (domain in ("label", "count") and end is None):
        return
    value, stop = value.detach(), end or 0
    wrong = found.outside(value, stop)
    if nan:
        wrong = wrong & ~value.isnan()
    torch._assert_async(~wrong.any(), f"{name} must hold {found.holds.format(top=stop - 1)}")
