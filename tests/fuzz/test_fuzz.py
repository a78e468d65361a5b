"""Generated calls of every loss: any shape, stride, magnitude and mask inside the domain.

Whatever comes, a loss gives finite numbers of the right shape, the same for a masked batch as for
the batch without what is masked, and raises nothing. ``make fuzz`` tries 10,000 calls of each loss
unless its time is up before; ``make test`` a slice of them, always the same.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
import torch
from hypothesis import HealthCheck, given, note, settings, strategies as st
from torch import Tensor

from lossary import catalog
from lossary.check import subject_of
from lossary.check.subject import Subject, Tensors
from lossary.signature import Operand
from lossary.spec import LossSpec, Trait

CALLS = int(os.environ.get("LOSSARY_FUZZ", "25"))
MANY = CALLS >= 1000  # drawn anew every time; a few are always the same
CHUNK = 100  # of many calls, between two looks at the clock
MINUTES = float(os.environ.get("LOSSARY_FUZZ_MINUTES", "inf"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
GENEROUS = 3  # most losses need less than their share of the time, and slow ones may have it
SPECS = [spec for spec in catalog() if spec.example is None]
SIZE = (0, 1, 1, 2, 3, 7)
SOME = (1, 2, 3, 7)
MAGNITUDES = (1.0, 0.0, 1e-30, 1e-6, 30.0, 1e3, 1e4)
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
ENTROPY = st.binary(min_size=40, max_size=40)  # more than any call takes
T = TypeVar("T")


class Clock:
    """How long a test may take, so that all of them take no longer than they may.

    A worker knows only its own tests, but all workers steal from each other: what is left is about
    an equal part for each.
    """

    def __init__(self) -> None:
        self.end = time.monotonic() + 60 * MINUTES
        self.done = 0

    def share(self, tests: int) -> float:
        """Return until when the next of so many tests may run."""
        now = time.monotonic()
        left = max(1.0, tests / WORKERS - self.done)
        self.done += 1
        return min(self.end, now + GENEROUS * (self.end - now) / left)


CLOCK = Clock()


def try_calls(
    spec: LossSpec, request: pytest.FixtureRequest, hold: Callable[[Sequence[int]], None]
) -> None:
    """Hold generated calls against ``hold``, and note how many there were."""
    until = CLOCK.share(request.session.testscollected)
    tried = 0

    def counted(entropy: bytes) -> None:
        nonlocal tried
        tried += 1
        hold(entropy)

    trial = settings(
        max_examples=CHUNK if MANY else CALLS,
        deadline=None,
        derandomize=not MANY,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(given(entropy=ENTROPY)(counted))
    trial()
    while tried < CALLS and time.monotonic() < until:
        trial()
    request.node.user_properties.append(("calls", (spec.name, tried)))


class Choices:
    """Choices of a generated call, read from bytes.

    One draw of bytes takes a tenth of the time of a strategy for every choice. The first option is
    the simplest: where a call fails, hypothesis looks for one with as many zeros as possible.
    """

    def __init__(self, entropy: Sequence[int]) -> None:
        self._rest = iter(entropy)

    def of(self, options: Sequence[T]) -> T:
        return options[next(self._rest) % len(options)]

    def yes(self) -> bool:
        return self.of((False, True))

    def number(self, size: int) -> int:
        """Return a number of so many bytes."""
        return int.from_bytes(next(self._rest) for _ in range(size))


def call_of(subject: Subject, choices: Choices) -> tuple[Tensors, dict[str, object], Tensor | None]:
    """Make tensors, hyperparameters and perhaps a weight."""
    hyper = dict(choices.of(subject.variants))
    fixed = {dim for operand in subject.signature.extras.values() for dim in operand.dims}
    bound = any(isinstance(value, Tensor) for value in hyper.values())
    # an index into nothing would have no valid value
    indexed = {
        operand.over
        for either in subject.signature.operands
        for operand in either
        if operand.domain == "label" and operand.over not in operand.dims
    }
    sizes: dict[str, tuple[int, ...]] = {}
    dims = (d for either in subject.signature.operands for operand in either for d in operand.dims)
    for dim in dict.fromkeys(dims):
        if dim == "*":
            trailing = tuple(choices.of(SIZE) for _ in range(choices.of((0, 1, 2))))
            sizes["*"] = (2,) if bound else trailing
        elif bound and dim in fixed:
            sizes[dim] = (3,)
        elif dim == "C":
            sizes[dim] = (choices.of(range(1 + int(hyper.get("background", 0)), 7)),)  # a class
        else:
            sizes[dim] = (choices.of(SOME if dim in indexed else SIZE),)
    which = choices.of((0, 1))
    generator = torch.Generator().manual_seed(choices.number(4))
    scale = choices.of(MAGNITUDES)
    dtype = choices.of(DTYPES)
    tensors = tuple(
        strided(choices, make(either[which % len(either)], sizes, generator, scale, dtype))
        for either in subject.signature.operands
    )
    match = subject.signature.match(tensors, {})
    weight = None
    if choices.yes():
        unit = subject.signature.unit_shape(match.sizes)
        weight = (torch.rand(unit, generator=generator) * 3 - 1).clamp(min=0).floor()
    labels = [i for i, o in enumerate(match.operands) if o.whole]
    if labels and subject.ignore_index is not None and choices.yes():
        target = tensors[labels[0]]
        ignored = torch.rand(target.shape, generator=generator) < choices.of((0.3, 1.0))
        tensors = tuple(
            t.masked_fill(ignored, subject.ignore_index) if i == labels[0] else t
            for i, t in enumerate(tensors)
        )
    return tensors, hyper, weight


def make(
    operand: Operand,
    sizes: dict[str, tuple[int, ...]],
    generator: torch.Generator,
    scale: float,
    dtype: torch.dtype,
) -> Tensor:
    """Make a tensor of the domain, its edges included."""
    shape = [n for dim in operand.dims for n in sizes[dim]]
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    top = torch.finfo(dtype).max / 16
    match operand.domain:
        case "label" | "count":
            end = operand.end(sizes)
            if end is None:
                end = 5
            # of an empty dimension only no index at all: randint wants a range even then
            assert end or 0 in shape
            return torch.randint(max(1, end), shape, generator=generator)
        case "sign":
            return torch.where(normal > 0, 1.0, -1.0).to(dtype)
        case "nonneg":
            return (normal * scale).abs().clamp(max=top).to(dtype)
        case "prob":
            p = (normal * scale).sigmoid()
            if "C" in operand.dims:
                p = p / p.sum(1, keepdim=True).clamp(min=1e-30)
            return p.clamp(0, 1).to(dtype).clamp(0, 1)
        case "logprob":
            return (normal * scale).log_softmax(1).clamp(-top, 0).to(dtype)
        case _:
            return (normal * scale).clamp(-top, top).to(dtype)


def strided(choices: Choices, tensor: Tensor) -> Tensor:
    if choices.yes() and tensor.ndim:
        return tensor.transpose(0, -1).repeat_interleave(2, 0)[::2].transpose(0, -1)
    return tensor


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_any_call_in_the_domain_is_answered(spec: LossSpec, request: pytest.FixtureRequest) -> None:
    subject = subject_of(spec)
    metric = Trait.NOT_DIFFERENTIABLE in spec.traits

    def hold(entropy: Sequence[int]) -> None:
        tensors, hyper, weight = call_of(subject, Choices(entropy))
        note((tensors, hyper, weight))
        before = [t.clone() for t in tensors]
        which = [] if metric else subject.differentiable(tensors)[:1]
        leaves = [
            t.detach().clone().requires_grad_() if i in which else t for i, t in enumerate(tensors)
        ]
        units = subject.units(tuple(leaves), hyper, weight=weight)
        match = subject.signature.match(tensors, {})
        assert units.shape == subject.signature.unit_shape(match.sizes)
        assert units.dtype == next(t.dtype for t in tensors if t.is_floating_point())
        parts = subject.parts(tuple(leaves), hyper, weight=weight)
        assert parts.isfinite().all(), parts
        mean = subject.mean(tuple(leaves), hyper, weight=weight)
        room = torch.finfo(mean.dtype).max
        if parts[1] == 0:
            assert mean == 0
        elif (parts[0] / parts[1]).abs() < room:
            assert mean.isfinite(), mean
        if which:
            (slope,) = torch.autograd.grad(mean, [leaves[i] for i in which])
            if not slope.isfinite().all():
                fits = exact_slope(subject, tensors, hyper, weight, which[0]).abs() < room
                assert slope[fits].isfinite().all(), slope
            if parts[1] == 0:
                assert not slope.any()
        for was, now in zip(before, tensors, strict=True):
            assert torch.equal(was, now)

    try_calls(spec, request, hold)


def exact_slope(
    subject: Subject, tensors: Tensors, hyper: dict[str, object], weight: Tensor | None, i: int
) -> Tensor:
    """Return the gradient in double precision, which says whether a narrower type can hold it."""
    wide = [t.double() if t.is_floating_point() else t for t in tensors]
    wide[i] = wide[i].detach().requires_grad_()
    (slope,) = torch.autograd.grad(subject.mean(tuple(wide), hyper, weight=weight), wide[i])
    return slope


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_any_other_call_is_refused_by_name(spec: LossSpec, request: pytest.FixtureRequest) -> None:
    """Tensors of wrong sizes, dtypes and values give a result or a ValueError or TypeError."""
    subject = subject_of(spec)

    def hold(entropy: Sequence[int]) -> None:
        choices = Choices(entropy)
        change, place = choices.of(tuple(CHANGES)), choices.of(range(4))
        tensors, hyper, weight = call_of(subject, choices)
        i = place % len(tensors)
        changed = (*tensors[:i], CHANGES[change](tensors[i]), *tensors[i + 1 :])
        note((changed, hyper, weight))
        try:
            subject.mean(changed, hyper, weight=weight)
        except (TypeError, ValueError) as error:
            if not str(error).startswith((spec.name, "weight must")):
                raise

    try_calls(spec, request, hold)


CHANGES = {
    "more": lambda t: torch.cat([t, t[:1]]) if t.ndim else t.reshape(1),
    "fewer": lambda t: t[:-1] if t.ndim else t,
    "deeper": lambda t: t.unsqueeze(-1),
    "long": lambda t: t.long() if t.isfinite().all() else t,
    "bool": lambda t: t.bool(),
    "nan": lambda t: t * torch.nan,
    "huge": lambda t: t * 1000 + 7,
    "negative": lambda t: -t - 1,
    "list": lambda t: t.tolist(),
    "none": lambda t: None,
}
