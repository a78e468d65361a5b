"""Signatures: what a loss takes, and what its unit is, in one line.

``"real N C *, label N * -> N *"`` reads: real numbers of shape (N, C, ...), class indices of shape
(N, ...), and one loss for each (N, ...). ``|`` separates alternatives of one operand, told apart by
their dtype.

Before the formula runs, the tensors are *admitted*: checked, brought to one floating-point type of
at least single precision, and freed of the units that do not take part. So a formula is written
for clean and wide numbers, and what users must be able to rely on is written once, here.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

from .reduction import fit_weight
from .validation import (
    DOMAINS,
    PLAIN,
    Domain,
    assert_values,
    check_values,
    is_transformed,
    level,
)

P = ParamSpec("P")
R = TypeVar("R")
Sizes = dict[str, tuple[int, ...]]

CACHE_LIMIT = 4096  # kinds of calls remembered per loss, so that endless new shapes cost no memory
FEW = 1 << 12  # numbers that are looked at in less time than some of them are picked


INTEGERS = {"label": "C", "count": ""}  # domains of whole numbers, and the dimension they number


@dataclass(frozen=True)
class Operand:
    """One alternative of an argument: its domain and its dimensions.

    Attributes:
        domain: the values that it may hold.
        dims: the names of its dimensions.
        over: of whole numbers, the dimension whose size bounds them: ``label:V`` indexes V, where
            ``label`` indexes C, and ``count:T`` goes from 0 to the size of T.
    """

    domain: str
    dims: tuple[str, ...]
    over: str = ""

    def __str__(self) -> str:
        own = INTEGERS.get(self.domain, "") == self.over
        return " ".join((self.domain if own else f"{self.domain}:{self.over}", *self.dims))

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self.domain in INTEGERS

    def end(self, sizes: Sizes) -> int | None:
        """Return what whole numbers must be below, or None if nothing bounds them."""
        if self.over not in sizes:
            return None
        return sizes[self.over][0] + (self.domain == "count")

    @property
    def shape(self) -> str:
        return "(" + ", ".join("..." if d == "*" else d for d in self.dims) + ")"

    @classmethod
    def parse(cls, text: str) -> Operand:
        first, *dims = text.split()
        domain, _, over = first.partition(":")
        if domain not in DOMAINS:
            raise ValueError(f"unknown domain {domain!r}; known are {', '.join(DOMAINS)}")
        if dims.count("*") > 1:
            raise ValueError(f"at most one * in {text!r}")
        if (domain == "count") > bool(over) or (domain not in INTEGERS and over):
            raise ValueError(
                f"{first!r}: count names a dimension, as in count:T; label may; others do not"
            )
        return cls(domain, tuple(dims), over or INTEGERS.get(domain, ""))

    def bind(self, shape: Sequence[int], sizes: Sizes) -> str | None:
        """Bind the dimensions' names to the sizes of ``shape``, or say why they do not fit."""
        dims, rank = self.dims, len(shape)
        named = len(dims) - ("*" in dims)
        if rank != named if "*" not in dims else rank < named:
            least = "" if "*" not in dims else "at least "
            return f"; the number of dimensions is {rank}, not {least}{named}"
        at = 0
        for dim in dims:
            length = rank - named if dim == "*" else 1
            size = tuple(shape[at : at + length])
            at += length
            if sizes.setdefault(dim, size) != size:
                was, now = sizes[dim], size
                if dim == "*":
                    return f"; the trailing dimensions are {was} elsewhere and {now} here"
                return f"; {dim} is {was[0]} elsewhere and {now[0]} here"
        return None


@dataclass(frozen=True)
class Interval:
    """The values that a hyperparameter may take, written as mathematics writes them.

    ``int [1, inf)`` admits whole numbers only.
    """

    text: str
    low: float
    high: float
    whole: bool = False

    @classmethod
    def parse(cls, text: str) -> Interval:
        bare = text.removeprefix("int ")
        low, high = (float(end) for end in bare[1:-1].split(","))
        return cls(bare, low, high, bare != text)

    def __str__(self) -> str:
        return f"the whole numbers of {self.text}" if self.whole else self.text

    def __contains__(self, value: float) -> bool:
        if self.whole and value != float("inf") and value % 1:
            return False
        above = value >= self.low if self.text[0] == "[" else value > self.low
        below = value <= self.high if self.text[-1] == "]" else value < self.high
        return above and below


class Bounded(NamedTuple):
    """A tensor whose domain leaves something to look at.

    Attributes:
        place: which of the tensors it is.
        where: the loss and its name, for messages.
        domain: the values that it may hold.
        end: what whole numbers must be below, else None.
        labels: the place of the labels that pick what is read of it, if they do.
    """

    place: int
    where: str
    domain: Domain
    end: int | None
    labels: int | None

    def read(self, tensors: Sequence[Any]) -> Tensor:
        """Return what the formula reads of it, and so what has to lie in its domain."""
        value: Tensor = tensors[self.place]
        if self.labels is None:
            return value
        return value.detach().gather(1, tensors[self.labels].unsqueeze(1))

    def check(self, tensors: Sequence[Any]) -> None:
        """Raise ValueError if what is read of a tensor on the CPU lies outside its domain."""
        value: Tensor = tensors[self.place]
        if self.labels is not None:
            value = value.detach()
            if value.numel() < FEW and self.domain.fits(value, 0):
                return
            picked = self.read(tensors)
            if self.domain.fits(picked, 0):
                return
            # 0 where nothing is read, so that the error names the right place
            index = tensors[self.labels].unsqueeze(1)
            value = torch.zeros_like(value).scatter(1, index, picked)
        elif value.requires_grad:
            value = value.detach()  # autograd would record the look
        if not self.domain.fits(value, self.end or 0):
            self.domain.check(self.where, value, self.end, self.place == 0)

    def assert_later(self, tensors: Sequence[Any]) -> None:
        """Assert the same on a device, without waiting for it."""
        self.domain.assert_later(self.where, self.read(tensors), self.end, self.place == 0)


class Match(NamedTuple):
    """What is known of a call from the shapes, dtypes and types of its tensors alone.

    ``labels`` is the place of the first tensor of whole numbers and ``classes`` what these must be
    below, ``kind`` is that of the device, and ``plain`` says whether no tensor is of a subclass. Of
    ``bounded``, what is picked from comes behind what picks.
    """

    sizes: Sizes
    operands: tuple[Operand, ...]
    bounded: tuple[Bounded, ...]
    labels: int | None
    classes: int | None
    casts: tuple[torch.dtype | None, ...]
    converts: bool
    wide: torch.dtype
    narrow: torch.dtype | None
    device: torch.device | None
    kind: str
    plain: bool


class Admission(NamedTuple):
    """Tensors that a formula may rely on, and the dtype that its result is given back in."""

    tensors: tuple[object, ...]
    weight: Tensor | None
    extras: dict[str, Tensor]
    narrow: torch.dtype | None


@dataclass(frozen=True)
class Signature:
    """What a loss takes: its tensors, the range of its hyperparameters, and its unit.

    Attributes:
        loss: the name of the loss, for messages.
        text: the line it was parsed from.
        names: the names of the tensors.
        operands: for each tensor, its alternatives.
        unit: the dimensions of ``reduction="none"``.
        intervals: the range of each numeric hyperparameter that has one.
        extras: the tensors among the hyperparameters, all optional.
        widens: whether half precision becomes single precision; if not, all tensors take the dtype
            of the first, but those of one number per unit, and the formula sees to its own sums.
        picked: the tensor, if any, of which only what the labels point at is read.
    """

    loss: str
    text: str
    names: tuple[str, ...]
    operands: tuple[tuple[Operand, ...], ...]
    unit: tuple[str, ...]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    extras: Mapping[str, Operand] = field(default_factory=dict)
    widens: bool = True
    picked: str = ""
    _seen: dict[object, Match] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(
        cls,
        text: str,
        names: Sequence[str] | None = None,
        loss: str = "loss",
        constraints: Mapping[str, str] | None = None,
        widens: bool = True,
        picked: str = "",
    ) -> Signature:
        """Read a signature; without names the tensors are called input, target, third, ..."""
        left, _, right = text.partition("->")
        operands = tuple(
            tuple(Operand.parse(part) for part in operand.split("|")) for operand in left.split(",")
        )
        if names is None:
            names = ("input", "target", "third", "fourth", "fifth", "sixth")[: len(operands)]
        if len(names) != len(operands):
            raise ValueError(
                f"the signature {text!r} describes {len(operands)} tensors, "
                f"but {loss} takes {len(names)}: {', '.join(names)}"
            )
        if picked and picked not in names:
            raise ValueError(f"{loss} takes no tensor {picked!r} to pick from: {', '.join(names)}")
        unit = tuple(right.split())
        known = {dim for alternatives in operands for o in alternatives for dim in o.dims}
        if unknown := set(unit) - known:
            raise ValueError(f"the unit of {text!r} has unknown dimensions {sorted(unknown)}")
        constraints = constraints or {}
        ranged = {k for k, v in constraints.items() if v.removeprefix("int ")[0] in "[("}
        intervals = {k: Interval.parse(constraints[k]) for k in constraints if k in ranged}
        extras = {k: Operand.parse(constraints[k]) for k in constraints if k not in ranged}
        return cls(loss, text, tuple(names), operands, unit, intervals, extras, widens, picked)

    @property
    def left(self) -> str:
        """What stands left of the arrow: losses that agree in it are interchangeable."""
        return self.text.partition("->")[0].strip()

    def unit_shape(self, sizes: Sizes) -> torch.Size:
        """Return the shape of ``reduction="none"``."""
        return torch.Size([n for dim in self.unit for n in sizes[dim]])

    def admit(
        self,
        tensors: Sequence[object],
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        extras: Mapping[str, object] | None = None,
        refused: int | None = None,
    ) -> Admission:
        """Check tensors, widen them, and take out the units that do not take part.

        Args:
            tensors: the tensors.
            weight: the weight of each unit.
            ignore_index: the label of units that weigh nothing.
            extras: the tensors among the hyperparameters.
            refused: the place of a tensor that need not be looked at here, as what comes next
                refuses values outside of its domain.

        Raises:
            TypeError: if something is not a tensor, or has a dtype outside its domain.
            ValueError: if a shape, a device or a value does not fit.
        """
        extras = extras or {}
        checks = level()
        try:
            match = self.match(tensors, extras)
        except (TypeError, ValueError):
            if checks != "off":
                raise
            return Admission(tuple(tensors), weight, cast(dict[str, Tensor], dict(extras)), None)
        if match.converts:
            pairs = zip(tensors, match.casts, strict=True)
            tensors = [cast(Tensor, t).to(dtype) if dtype else t for t, dtype in pairs]
        plain = match.plain and (weight is None or type(weight) in PLAIN) and not is_transformed()
        readable = plain and match.kind == "cpu"
        looks = plain and checks == "values"
        ignored: Tensor | None = None
        fitting: int | None = None  # the place of what needs no look
        if ignore_index is not None and match.labels is not None:
            labels: Any = tensors[match.labels]
            ignored, fits = _ignored(labels, match.classes, ignore_index, readable)
            fitting = match.labels if fits else None
        if weight is not None:
            weight = self._check_weight(weight, match, readable and looks)
        if weight is not None or ignored is not None:
            if ignored is not None:
                weight = ~ignored if weight is None else weight.masked_fill(ignored, 0)
            excluded = cast(Tensor, weight) == 0
            if not (readable and not excluded.any()):
                tensors = self._exclude(tensors, match, excluded)
        if looks and match.bounded:
            _look(match, tensors, fitting, refused)
        converted = self._convert(extras, match, looks) if extras else {}
        return Admission(tuple(tensors), weight, converted, match.narrow)

    def _convert(
        self, extras: Mapping[str, object], match: Match, looks: bool
    ) -> dict[str, Tensor]:
        """Bring the tensors among the hyperparameters to their dtypes, and look at them."""
        look = {"cpu": check_values, "cuda": assert_values}.get(match.kind)
        converted: dict[str, Tensor] = {}
        for name, extra in extras.items():
            operand = self.extras[name]
            dtype = torch.int64 if operand.whole else match.wide
            converted[name] = cast(Tensor, extra).to(dtype)
            if looks and look is not None:
                where, end = f"{self.loss}: {name}", operand.end(match.sizes)
                look(where, operand.domain, converted[name], end, nan=False)
        return converted

    def match(self, tensors: Sequence[object], extras: Mapping[str, object]) -> Match:
        """Check shapes, dtypes and devices; what fitted once is looked up the next time."""
        if torch.compiler.is_compiling():
            return self._match(tensors, extras)
        key = tuple(
            [
                # that of a device takes long to hash
                (type(t), t.shape, t.dtype, t.is_cpu or t.device)
                if isinstance(t, Tensor)
                else type(t)
                for t in ((*tensors, *extras.values()) if extras else tensors)
            ]
        )
        found = self._seen.get(key)
        if found is None:
            found = self._match(tensors, extras)
            if len(self._seen) >= CACHE_LIMIT:
                self._seen.clear()
            self._seen[key] = found
        return found

    def _match(self, tensors: Sequence[object], extras: Mapping[str, object]) -> Match:
        if len(tensors) != len(self.names):
            raise TypeError(
                f"{self.loss} takes {len(self.names)} tensors ({', '.join(self.names)}), "
                f"got {len(tensors)}"
            )
        sizes: Sizes = {}
        chosen: list[Operand] = []
        floating: list[torch.dtype] = []
        device: torch.device | None = None
        for name, alternatives, value in zip(self.names, self.operands, tensors, strict=True):
            operand = self._choose(name, alternatives, value, device is None)
            chosen.append(operand)
            if not isinstance(value, Tensor):
                continue
            device = device or value.device
            self._check_device(name, value, device)
            self._check_shape(name, operand, value, sizes)
            if value.is_floating_point():
                floating.append(value.dtype)
        for name, extra in extras.items():
            if extra is not None:
                self._choose(name, (self.extras[name],), extra, False)
                self._check_device(name, cast(Tensor, extra), device)
                self._check_shape(name, self.extras[name], cast(Tensor, extra), sizes)
        wide = functools.reduce(torch.promote_types, floating, torch.float32)
        common = wide if self.widens or not floating else floating[0]
        calls = any(operand.domain == "fn" for operand in chosen)
        casts: list[torch.dtype | None] = []
        for operand, value in zip(chosen, tensors, strict=True):
            per_unit = bool(operand.dims) and set(operand.dims) <= set(self.unit)
            want = torch.int64 if operand.whole else wide if per_unit else common
            # what goes into a network of the user's stays in the dtype of that network
            other = isinstance(value, Tensor) and value.dtype != want
            casts.append(want if other and not calls else None)
        narrow = floating[0] if floating and floating[0] != wide else None
        whole = [i for i, operand in enumerate(chosen) if operand.whole]
        labels = whole[0] if whole else None
        bounded = [
            Bounded(i, f"{self.loss}: {name}", DOMAINS[operand.domain], operand.end(sizes), None)
            for i, (name, operand, value) in enumerate(
                zip(self.names, chosen, tensors, strict=True)
            )
            if DOMAINS[operand.domain].outside is not None
            and not (operand.whole and operand.end(sizes) is None)
            and cast(Tensor, value).numel()
        ]
        if self.picked:
            place = self.names.index(self.picked)
            bounded = [b._replace(labels=labels) if b.place == place else b for b in bounded]
            bounded.sort(key=lambda b: b.labels is not None)
        return Match(
            sizes=sizes,
            operands=tuple(chosen),
            bounded=tuple(bounded),
            labels=labels,
            classes=None if labels is None else chosen[labels].end(sizes),
            casts=tuple(casts),
            converts=any(dtype is not None for dtype in casts),
            wide=wide,
            narrow=narrow,
            device=device,
            kind="cpu" if device is None else device.type,
            plain=all(
                type(t) in PLAIN for t in (*tensors, *extras.values()) if isinstance(t, Tensor)
            ),
        )

    def _choose(
        self, name: str, alternatives: tuple[Operand, ...], value: object, is_first: bool
    ) -> Operand:
        """Return the alternative that the dtype of a tensor selects."""
        if alternatives[0].domain == "fn":
            if not callable(value):
                raise TypeError(f"{self.loss}: {name} must be callable, got {_kind(value)}")
            return alternatives[0]
        if not isinstance(value, Tensor):
            fix = f"; use torch.as_tensor({name})" if type(value).__module__ == "numpy" else ""
            raise TypeError(f"{self.loss}: {name} must be a tensor, got {_kind(value)}{fix}")
        floating = value.is_floating_point()
        fitting = [o for o in alternatives if o.whole != floating]
        operand = fitting[0] if fitting else alternatives[0]
        wrong = f"{self.loss}: {name} must hold {_named(operand)}"
        if value.is_complex():
            raise TypeError(f"{wrong}, got {value.dtype}")
        if operand.whole and floating:
            raise TypeError(f"{wrong} of an integer dtype, got {value.dtype}; use {name}.long()")
        if not operand.whole and is_first and not floating:
            raise TypeError(
                f"{wrong} of a floating-point dtype, got {value.dtype}; use {name}.float()"
            )
        return operand

    def _check_device(self, name: str, value: Tensor, device: torch.device | None) -> None:
        if device is not None and value.device != device:
            raise ValueError(
                f"{self.loss}: {name} must be on {device} like the other tensors, got "
                f"{value.device}; use {name}.to({str(device)!r})"
            )

    def _check_shape(self, name: str, operand: Operand, value: Tensor, sizes: Sizes) -> None:
        before = dict(sizes)
        why = operand.bind(value.shape, sizes)
        if why is not None:
            raise ValueError(
                f"{self.loss}: {name} must have shape {operand.shape}{_known(operand, before)}, "
                f"got {tuple(value.shape)}{why}"
                f"{_remedy(name, operand, tuple(value.shape), before)}"
            )

    def _check_weight(self, weight: Tensor, match: Match, readable: bool) -> Tensor:
        if not isinstance(weight, Tensor):
            raise TypeError(f"{self.loss}: weight must be a tensor, got {_kind(weight)}")
        self._check_device("weight", weight, match.device)
        weight = fit_weight(weight, self.unit_shape(match.sizes))
        if readable and weight.numel() and weight.dtype != torch.bool:
            low, high = (float(end) for end in weight.detach().aminmax())
            if not (low >= 0 and high < math.inf):
                raise ValueError(
                    f"{self.loss}: weight must be finite and not negative, got values from {low} "
                    f"to {high}"
                )
        return weight

    def _exclude(
        self, tensors: Sequence[object], match: Match, excluded: Tensor
    ) -> Sequence[object]:
        """Put harmless numbers where a unit does not take part: no formula trips over them."""
        out: list[object] = []
        for operand, value in zip(match.operands, tensors, strict=True):
            if isinstance(value, Tensor) and self.unit and set(self.unit) <= set(operand.dims):
                shape: list[int] = []
                for dim in operand.dims:
                    size = match.sizes[dim]
                    shape += size if dim in self.unit else [1] * len(size)
                harmless = 1 if operand.domain == "sign" else 0
                value = value.masked_fill(excluded.reshape(shape), harmless)
            out.append(value)
        return out

    def outside(self, tensors: Sequence[object], weight: Tensor | None) -> tuple[Tensor, ...]:
        """Return where admitted tensors, and a weight, lie outside their domains, as masks."""
        match = self.match(tensors, {})
        masks = []
        for one in match.bounded:
            outside, value = one.domain.outside, one.read(tensors)
            if outside is not None:
                wrong = outside(value, one.end or 0)
                masks.append(wrong & ~value.isnan() if one.place == 0 else wrong)
        negative = DOMAINS["weight"].outside
        if weight is not None and weight.dtype != torch.bool and negative is not None:
            masks.append(negative(weight, 0))
        return tuple(masks)

    def check_hyperparameters(self, hyperparameters: Mapping[str, object]) -> None:
        """Raise ValueError if a number lies outside its interval."""
        for name, interval in self.intervals.items():
            value = hyperparameters.get(name)
            if isinstance(value, int | float) and value not in interval:
                raise ValueError(f"{self.loss}: {name} must lie in {interval}, got {value!r}")


def _look(
    match: Match, tensors: Sequence[object], fitting: int | None, refused: int | None
) -> None:
    """Look at what plain tensors hold, but for those at two places, where Python may."""
    if match.kind == "cpu":
        for one in match.bounded:
            if one.place != fitting and one.place != refused:
                one.check(tensors)
    elif match.kind == "cuda":
        for one in match.bounded:
            one.assert_later(tensors)


def _ignored(
    labels: Tensor, classes: int | None, ignore_index: int, readable: bool
) -> tuple[Tensor | None, bool]:
    """Return which units have the label ``ignore_index``, or None if certainly none has.

    And whether all labels are known to be in their domain: one look serves both.
    """
    if readable:
        if not labels.numel():
            return None, True
        lowest, highest = labels.aminmax()
        low, high = lowest.item(), highest.item()
        if not low <= ignore_index <= high:
            return None, low >= 0 and (classes is None or high < classes)
    return labels == ignore_index, False


def _named(operand: Operand) -> str:
    return DOMAINS[operand.domain].holds.removesuffix(" from 0 to {top}")


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _known(operand: Operand, sizes: Sizes) -> str:
    """Say which numbers the named dimensions have, as far as the tensors before told."""
    if not any(dim in sizes for dim in operand.dims):
        return ""
    known = [str(n) for dim in operand.dims for n in sizes.get(dim, (dim,))]
    return f" = ({', '.join(known)}{',' if len(known) == 1 else ''})"


def _remedy(name: str, operand: Operand, shape: tuple[int, ...], sizes: Sizes) -> str:
    """Suggest the one call that would make a shape fit, if there is one."""

    def fits(trial: tuple[int, ...]) -> bool:
        return operand.bind(trial, dict(sizes)) is None

    for dim, size in enumerate(shape):
        if size == 1 and fits((*shape[:dim], *shape[dim + 1 :])):
            return f"; use {name}.squeeze({dim})"
    for dim in range(len(shape) + 1):
        if fits((*shape[:dim], 1, *shape[dim:])):
            return f"; use {name}.unsqueeze({dim})"
    classes = sizes.get("C")
    one_hot = operand.domain == "label" and classes and shape[1:2] == classes
    if one_hot and fits((shape[0], *shape[2:])):
        return f"; use {name}.argmax(1) if the second dimension holds one-hot classes"
    if "C" in operand.dims and len(shape) > 2 and fits((shape[0], shape[-1], *shape[1:-1])):
        return f"; use {name}.movedim(-1, 1) if its last dimension holds the classes"
    if operand.domain == "prob" and classes and fits((*shape[:1], *classes, *shape[1:])):
        return f"; use {name}.long() if it holds class indices"
    if operand.domain == "label" and "*" in operand.dims and len(shape) > 1:
        return "; if the classes are the last dimension of input, use input.movedim(-1, 1)"
    return ""


def full_precision(tensors: Sequence[object]) -> AbstractContextManager[object]:
    """Return a context without autocast, which would compute the loss in half precision.

    A loss that calls a network of the user's leaves autocast to the network.
    """
    if not torch._C._is_any_autocast_enabled():
        return _AS_IT_IS
    for t in tensors:
        if isinstance(t, Tensor):
            device = "cpu" if t.is_cpu else t.device.type
            if _autocast_available(device) and torch.is_autocast_enabled(device):
                return torch.autocast(device, enabled=False)
            break
        if callable(t):
            break
    return _AS_IT_IS


_AS_IT_IS = nullcontext()
_autocast_available = functools.cache(torch.amp.is_autocast_available)


def signature(
    text: str,
    *,
    loss: str = "",
    widens: bool = True,
    picked: str = "",
    refuses: str = "",
    **constraints: str,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Admit the tensors of a loss function by ``text`` on every call.

    The Python signature stays as it is. Every call is checked; half-precision tensors are widened
    to single precision and the result is narrowed again; units of zero ``weight``, and units whose
    label is ``ignore_index`` if the function has that argument, are overwritten and weigh nothing,
    so that neither their values nor their gradients can reach the result.

    Args:
        text: see the module's docstring.
        loss: its name in messages, if that is not the function's.
        widens: see :class:`Signature`.
        picked: see :class:`Signature`.
        refuses: the tensor, if any, of which the function refuses wrong values by itself where
            Python may look at them, because a kernel of torch looks anyway.
        constraints: for a number its interval, as in ``gamma="[0, inf)"``, or ``"int [1, inf)"``
            if it is a whole number; for an optional tensor
            its domain and dimensions, as in ``class_weight="real C"``.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters.values()
        names = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
        defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        if missing := set(constraints) - set(defaults):
            raise TypeError(f"{function.__name__} has no keyword-only {sorted(missing)}")
        name = loss or function.__name__
        parsed = Signature.parse(text, names, name, constraints, widens, picked)
        extra_names = tuple(parsed.extras)
        refused = names.index(refuses) if refuses else None
        ignore_default = defaults.get("ignore_index")
        formula = cast(Callable[..., Any], function)

        @functools.wraps(function)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> R:
            tensors: tuple[object, ...] = args
            options: dict[str, Any] = kwargs
            if len(args) < len(names):
                rest = names[len(args) :]
                if not options.keys() >= set(rest):
                    return function(*args, **kwargs)  # Python says which argument is missing
                tensors = (*args, *(options.pop(name) for name in rest))
            weight: Tensor | None = None
            extras: dict[str, object] | None = None
            ignore_index = ignore_default
            if options:
                parsed.check_hyperparameters(options)
                weight = options.get("weight")
                extras = {n: options[n] for n in extra_names if options.get(n) is not None}
                ignore_index = options.get("ignore_index", ignore_default)
            tensors, weight, converted, narrow = parsed.admit(
                tensors, weight, ignore_index, extras, refused
            )
            if weight is not None:
                options["weight"] = weight
            with full_precision(tensors):
                result = formula(*tensors, **(options | converted if converted else options))
            if narrow is not None and options.get("reduction") != "parts":
                result = result.to(narrow)
            return cast(R, result)

        admitted.signature = parsed  # type: ignore[attr-defined]  # where signature_of finds it
        return admitted

    return decorate


def signature_of(loss: object) -> Signature | None:
    """Return the signature of a loss function or Module, or None if it declares none."""
    found = getattr(loss, "signature", None)
    return found if isinstance(found, Signature) else None
