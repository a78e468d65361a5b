"""Laws of domains: every precision, the far ends, and what lies outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..signature import Operand
from ..spec import Trait
from .subject import (
    F64,
    DoesNotApply,
    Subject,
    Tensors,
    Violation,
    close,
    gradients,
    leaves,
    to,
)


def half_precision(subject: Subject) -> None:
    """Half-precision tensors give their own dtype back, as accurate as it can be."""
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        for dtype in (torch.bfloat16, torch.float16, torch.float32):
            low = tuple(to(t, dtype) for t in tensors)
            which = (
                []
                if Trait.NOT_DIFFERENTIABLE in subject.traits
                else subject.differentiable(tensors)
            )
            made, inputs = leaves(low, which)
            got = subject.mean(made, hyper)
            if got.dtype != dtype:
                raise Violation(f"{dtype} in, {got.dtype} out")
            want = subject.mean(tuple(to(t, F64) for t in low), hyper)
            eps = torch.finfo(dtype).eps
            close(
                got.to(F64),
                want,
                f"{dtype} against float64",
                rtol=max(2 * eps, 1e-5),
                atol=max(eps / 8, 1e-6),
            )
            for g in gradients(subject, got, inputs, str(dtype)) if which else ():
                if not g.isfinite().all() or g.dtype != dtype:
                    raise Violation(f"the gradient in {dtype} is not finite, or has another dtype")


def autocast_agrees(subject: Subject) -> None:
    """Autocast changes nothing: a loss is computed in single precision."""
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        single = tuple(to(t, torch.float32) for t in tensors)
        want = subject.mean(single, hyper)
        if any(callable(t) for t in single):
            raise DoesNotApply("the network that the loss calls is autocast")
        with torch.autocast("cpu", torch.bfloat16):
            close(subject.mean(single, hyper), want, "under autocast")


def extremes(subject: Subject) -> None:
    """Value and gradient are finite at the far ends of the domain, in single precision."""
    for tensors, hyper in subject.cases():
        which = (
            [] if Trait.NOT_DIFFERENTIABLE in subject.traits else subject.differentiable(tensors)
        )
        operands = subject.signature.match(tensors, {}).operands
        for name, pushed in _pushed(tensors, operands):
            made, inputs = leaves(pushed, which)
            value = subject.mean(made, hyper)
            if not value.isfinite().all():
                raise Violation(
                    f"{name}: the loss is {value.detach().reshape(-1)[0].item()} at {hyper}"
                )
            for g in gradients(subject, value, inputs, name) if which else ():
                if not g.isfinite().all():
                    raise Violation(f"{name}: the gradient is not finite at {hyper}")


def _pushed(tensors: Tensors, operands: Sequence[Operand]) -> Iterator[tuple[str, Tensors]]:
    """Yield the tensors pushed to the ends of their domains."""
    single = tuple(to(t, torch.float32) for t in tensors)
    real = [i for i, o in enumerate(operands) if o.domain == "real"]

    def changed(which: Sequence[int], change: Callable[[Tensor], Tensor]) -> Tensors:
        return tuple(change(t) if i in which else t for i, t in enumerate(single))

    if real:
        for factor in (1e3, 1e4, 0.0):
            yield f"first tensor x {factor:g}", changed(real[:1], lambda t, f=factor: t * f)  # type: ignore[misc]  # a default binds the loop's value
        yield "all tensors x 1000", changed(real, lambda t: t * 1e3)
        if len(real) > 1 and single[real[0]].shape == single[real[1]].shape:
            yield "equal tensors", changed(real[1:2], lambda t: single[real[0]].clone())
            yield "zero tensors", changed(real[:2], torch.zeros_like)
    edges = {"nonneg": (0.0, 1e4), "prob": (0.0, 1.0), "logprob": (-1e4, 0.0)}
    for i, operand in enumerate(operands):
        for edge in edges.get(operand.domain, ()):
            yield f"{operand} at {edge:g}", changed([i], lambda t, e=edge: torch.full_like(t, e))  # type: ignore[misc]  # a default binds the loop's value


SURE = (
    30.0  # a logit at which a probability is 1e-13: far beyond what a constant inside a log hides
)
RIGHT_SHARE = 0.25  # of the cost of being surely wrong; a softmax of a softmax costs 0.36 and more


def learns_from_errors(subject: Subject) -> None:
    """Being sure and wrong has a gradient to learn from."""
    if Trait.NOT_DIFFERENTIABLE in subject.traits:
        raise DoesNotApply("a metric: it has no gradient")
    _, wrong = subject.answers(SURE)
    for dtype in (F64, torch.float32):
        made, inputs = leaves(tuple(to(t, dtype) for t in wrong), [0])
        value = subject.mean(made, subject.variants[0])
        (slope,) = gradients(subject, value, inputs, "a sure and wrong answer")
        steepest = slope.flatten(1).abs().amax(1) * len(slope) if slope.ndim > 1 else slope.abs()
        if not (steepest > 1e-3).all():
            raise Violation(
                f"sure and wrong answers, logits of {SURE:g}, have a gradient of "
                f"{steepest.min().item():.1e} in {dtype}: nothing can be learnt from them"
            )


def rewards_right_answers(subject: Subject) -> None:
    """Being sure and right costs little of what being sure and wrong costs."""
    right, wrong = (subject.mean(t, subject.variants[0]) for t in subject.answers(SURE))
    if not right <= RIGHT_SHARE * wrong:
        raise Violation(
            f"sure and right answers cost {right.item():.4g}, sure and wrong ones "
            f"{wrong.item():.4g}: a softmax or sigmoid too many?"
        )


def keeps_precision(subject: Subject) -> None:
    """What comes in double precision is computed in double precision."""
    if Trait.NOT_DIFFERENTIABLE in subject.traits:
        raise DoesNotApply("a metric: it changes in steps")
    moves = False
    for tensors, hyper in subject.cases():
        exact = subject.mean(tensors, hyper)
        if exact.dtype != F64:
            raise Violation(f"float64 in, {exact.dtype} out")
        i = subject.differentiable(tensors)[0]
        nudge = torch.linspace(1e-10, 2e-10, tensors[i].numel(), dtype=F64)
        nudged = (*tensors[:i], tensors[i] - nudge.reshape(tensors[i].shape), *tensors[i + 1 :])
        moves = moves or not torch.equal(subject.mean(nudged, hyper), exact)
    if not moves:
        raise Violation("digits beyond single precision make no difference: it rounds inside")


def rejects(subject: Subject) -> None:
    """Wrong shapes, dtypes, values, weights and hyperparameters raise a named error."""
    subject.needs_contract()
    if subject.signature.loss != subject.name or (
        subject.module and subject.module.signature is None
    ):
        raise DoesNotApply("the loss declares no signature of its own")
    tensors, hyper = next(subject.cases())
    units = subject.units(tensors, hyper)
    for what, wrong, kwargs, message in _wrong(subject, tensors, units):
        try:
            subject.call(
                wrong,
                {**hyper, **kwargs.get("hyper", {})},
                kwargs.get("weight"),
                kwargs.get("reduction", "mean"),
            )
        except (TypeError, ValueError) as error:
            if not re.search(message, str(error)):
                raise Violation(f"{what}: the error does not say {message!r}: {error}") from None
        else:
            raise Violation(f"{what} was accepted")


def _wrong(
    subject: Subject, tensors: Tensors, units: Tensor
) -> Iterator[tuple[str, Tensors, dict[str, Any], str]]:
    """Yield wrong calls, and what their errors must say."""
    operands = subject.signature.match(tensors, {}).operands
    names = subject.signature.names
    seen: set[str] = set()
    for i, (name, o, t) in enumerate(zip(names, operands, tensors, strict=True)):

        def instead(value: Any, at: int = i) -> Tensors:
            return (*tensors[:at], value, *tensors[at + 1 :])

        if o.domain == "fn":
            yield f"{name} that is not callable", instead(3), {}, f"{name} must be callable"
            continue
        yield f"{name} that is a list", instead(t.tolist()), {}, f"{name} must be a tensor"
        shared = [dim for dim, label in enumerate(o.dims) if label in seen]
        if shared:
            yield (
                f"{name} of another size",
                instead(torch.cat([t, t], shared[0])),
                {},
                f"{name} must have shape",
            )
            yield (
                f"{name} with one more dimension",
                instead(t.unsqueeze(-1)),
                {},
                f"{name} must have shape",
            )
        seen |= set(o.dims)
        if o.whole:
            yield f"{name} of floating point", instead(t.to(F64)), {}, f"{name} must"
            if any(o.over in other.dims for other in operands):
                yield f"{name} out of range", instead(t + 1000), {}, f"{name} must hold"
        elif i == next(j for j, other in enumerate(operands) if other.domain != "fn"):
            yield f"{name} of integers", instead(t.long()), {}, f"{name} must hold"
        if o.domain == "nonneg":
            yield f"{name} below 0", instead(-t - 1), {}, f"{name} must hold finite numbers"
        if o.domain == "prob":
            yield f"{name} above 1", instead(t + 1), {}, f"{name} must hold probabilities"
        if o.domain == "logprob":
            yield f"{name} above 0", instead(t + 100), {}, f"{name} must hold logarithms"
        if o.domain == "sign":
            yield f"{name} of zeros", instead(t * 0), {}, f"{name} must hold labels -1 or 1"
    yield (
        "a weight of another shape",
        tensors,
        {"weight": torch.ones(*units.shape, 7)},
        "weight must have the shape",
    )
    if units.numel():
        yield (
            "a negative weight",
            tensors,
            {"weight": -torch.ones(units.shape)},
            "weight must be finite",
        )
    yield "an unknown reduction", tensors, {"reduction": "avg"}, "reduction must be one of"
    for name, interval in subject.signature.intervals.items():
        for value in (interval.low - 1, interval.high + 1):
            if value not in interval and abs(value) != float("inf"):
                yield f"{name}={value}", tensors, {"hyper": {name: value}}, f"{name} must lie in"
