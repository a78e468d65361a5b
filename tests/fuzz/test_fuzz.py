"""Generated calls of every loss: any shape, stride, magnitude and mask inside the domain.

Whatever comes, a loss gives finite numbers of the right shape, the same for a masked batch as for
the batch without what is masked, and raises nothing. ``make fuzz`` tries 10,000 calls of each loss;
``make test`` a slice of them, always the same.
"""

import copy
import os

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from torch import Tensor

from lossary import catalog
from lossary.check import subject_of
from lossary.check.subject import Subject, Tensors
from lossary.signature import Operand
from lossary.spec import LossSpec, Trait

CALLS = int(os.environ.get("LOSSARY_FUZZ", "25"))
SPECS = [spec for spec in catalog() if spec.example is None]
SIZE = st.sampled_from([0, 1, 1, 2, 3, 7])
SOME = st.sampled_from([1, 2, 3, 7])
MAGNITUDES = [0.0, 1e-30, 1e-6, 1.0, 30.0, 1e3, 1e4]


@st.composite
def calls(draw: st.DrawFn, subject: Subject) -> tuple[Tensors, dict[str, object], Tensor | None]:
    """Draw tensors, hyperparameters and perhaps a weight."""
    hyper = dict(draw(st.sampled_from(subject.variants)))
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
    for either in subject.signature.operands:
        for dim in (dim for operand in either for dim in operand.dims):
            if dim == "*":
                trailing = st.lists(SIZE, max_size=2).map(tuple)
                sizes.setdefault("*", draw(st.just((2,)) if bound else trailing))
            elif bound and dim in fixed - {"C"}:
                sizes.setdefault(dim, (3,))
            elif dim == "C":
                sizes.setdefault(
                    "C", (3,) if bound and "C" in fixed else (draw(st.integers(1, 6)),)
                )
            else:
                sizes.setdefault(dim, (draw(SOME if dim in indexed else SIZE),))
    which = draw(st.integers(0, 1))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = torch.Generator().manual_seed(seed)
    scale = draw(st.sampled_from(MAGNITUDES))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    tensors = tuple(
        strided(draw, make(either[which % len(either)], sizes, generator, scale, dtype))
        for either in subject.signature.operands
    )
    operands = subject.signature.match(tensors, {}).operands
    unit = subject.signature.unit_shape(subject.signature.match(tensors, {}).sizes)
    weight = None
    if draw(st.booleans()):
        weight = (torch.rand(unit, generator=generator) * 3 - 1).clamp(min=0).floor()
    labels = [i for i, o in enumerate(operands) if o.whole]
    if labels and subject.ignore_index is not None and draw(st.booleans()):
        target = tensors[labels[0]]
        ignored = torch.rand(target.shape, generator=generator) < draw(st.sampled_from([0.3, 1.0]))
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


def strided(draw: st.DrawFn, tensor: Tensor) -> Tensor:
    if tensor.ndim and draw(st.booleans()):
        return tensor.transpose(0, -1).repeat_interleave(2, 0)[::2].transpose(0, -1)
    return tensor


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_any_call_in_the_domain_is_answered(spec: LossSpec) -> None:
    subject = subject_of(spec)
    metric = Trait.NOT_DIFFERENTIABLE in spec.traits

    @settings(
        max_examples=CALLS,
        deadline=None,
        derandomize=CALLS < 1000,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(call=calls(subject))
    def hold(call: tuple[Tensors, dict[str, object], Tensor | None]) -> None:
        tensors, hyper, weight = call
        before = copy.deepcopy(tensors)
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
            fits = exact_slope(subject, tensors, hyper, weight, which[0]).abs() < room
            assert slope[fits].isfinite().all(), slope
            if parts[1] == 0:
                assert not slope.any()
        for was, now in zip(before, tensors, strict=True):
            assert torch.equal(was, now)

    hold()


def exact_slope(
    subject: Subject, tensors: Tensors, hyper: dict[str, object], weight: Tensor | None, i: int
) -> Tensor:
    """Return the gradient in double precision, which says whether a narrower type can hold it."""
    wide = [t.double() if t.is_floating_point() else t for t in tensors]
    wide[i] = wide[i].detach().requires_grad_()
    (slope,) = torch.autograd.grad(subject.mean(tuple(wide), hyper, weight=weight), wide[i])
    return slope


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_any_other_call_is_refused_by_name(spec: LossSpec) -> None:
    """Tensors of wrong sizes, dtypes and values give a result or a ValueError or TypeError."""
    subject = subject_of(spec)

    @settings(
        max_examples=CALLS,
        deadline=None,
        derandomize=CALLS < 1000,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        call=calls(subject),
        place=st.integers(0, 3),
        change=st.sampled_from(
            ["more", "fewer", "deeper", "long", "bool", "nan", "huge", "negative", "list", "none"]
        ),
    )
    def hold(
        call: tuple[Tensors, dict[str, object], Tensor | None], place: int, change: str
    ) -> None:
        tensors, hyper, weight = call
        i = place % len(tensors)
        changed = (*tensors[:i], CHANGES[change](tensors[i]), *tensors[i + 1 :])
        try:
            subject.mean(changed, hyper, weight=weight)
        except (TypeError, ValueError) as error:
            if not str(error).startswith((spec.name, "weight must")):
                raise

    hold()


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
