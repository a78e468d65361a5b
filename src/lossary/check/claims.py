"""Laws of claims: what the record, the docstring and an independent program say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

import torch

from ..spec import Trait
from .subject import (
    F64,
    DoesNotApply,
    Subject,
    Tensors,
    Violation,
    close,
    leaves,
)


def reference(subject: Subject) -> None:
    """The units agree with an independent implementation."""
    if subject.reference is None:
        raise DoesNotApply("no reference was given")
    for seed in range(3):
        for tensors, hyper in subject.cases(seed=seed):
            for factor in (1.0, 30.0):
                scaled = tuple(
                    t * factor if o.domain == "real" else t
                    for t, o in zip(
                        tensors, subject.signature.match(tensors, {}).operands, strict=True
                    )
                )
                got = subject.units(scaled, hyper)
                want = torch.as_tensor(subject.reference(*scaled, **hyper), dtype=F64)
                close(got, want, f"reference at {hyper}, inputs x {factor:g}", rtol=1e-9, atol=1e-9)


def claims(subject: Subject) -> None:
    """The traits that are claimed hold."""
    if subject.traits == Trait.NONE:
        raise DoesNotApply("nothing is claimed")
    for seed in range(3):
        for tensors, hyper in subject.cases(seed=seed):
            for trait, holds in _TRAITS.items():
                if subject.traits & trait:
                    holds(subject, tensors, hyper)


def _nonnegative(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    lowest = subject.units(tensors, hyper).min()
    if lowest < 0:
        raise Violation(f"claimed nonnegative, is {lowest.item()}")


def _zero_at_target(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    close(
        subject.mean((tensors[1], *tensors[1:]), hyper), torch.zeros((), dtype=F64), "at the target"
    )


def _symmetric(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    swapped = (tensors[1], tensors[0], *tensors[2:])
    close(subject.units(swapped, hyper), subject.units(tensors, hyper), "swapped tensors")


def _convex(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    other = subject.example(seed=99)[0]
    ends = [subject.units((x, *tensors[1:]), hyper) for x in (tensors[0], other)]
    middle = subject.units(((tensors[0] + other) / 2, *tensors[1:]), hyper)
    if not (middle <= (ends[0] + ends[1]) / 2 + 1e-12).all():
        raise Violation("claimed convex, but lies above a chord")


def _shift_invariant(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    shifted = (tensors[0] + 3.0, *tensors[1:])
    close(subject.units(shifted, hyper), subject.units(tensors, hyper), "shifted logits")


def _not_differentiable(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    made, _ = leaves(tensors, [i for i, t in enumerate(tensors) if t.is_floating_point()])
    if subject.mean(made, hyper).requires_grad:
        raise Violation("claimed a metric, but carries a gradient")


_TRAITS = {
    Trait.NONNEGATIVE: _nonnegative,
    Trait.ZERO_AT_TARGET: _zero_at_target,
    Trait.SYMMETRIC: _symmetric,
    Trait.CONVEX: _convex,
    Trait.SHIFT_INVARIANT: _shift_invariant,
    Trait.NOT_DIFFERENTIABLE: _not_differentiable,
}

EXPLAINED_ONCE = {"weight", "reduction", "generator"}


def docstring(subject: Subject) -> None:
    """The docstring has a formula, explains every argument, cites its source and shows a call."""
    spec = subject.needs_pair()
    doc = inspect.getdoc(spec.function) or ""
    if not doc.split("\n\n")[0].rstrip().endswith("."):
        raise Violation("the first paragraph is not a sentence")
    if ":math:" not in doc and ".. math::" not in doc:
        raise Violation("no formula")
    for name in set(inspect.signature(spec.function).parameters) - EXPLAINED_ONCE:
        if not re.search(rf"^\s+{name}:", doc, re.MULTILINE):
            raise Violation(f"{name} is not explained")
    if "References:" not in doc and not spec.paper:
        raise Violation("no reference")
    if ">>>" not in doc:
        raise Violation("no example")
    if spec.function.__name__ not in (inspect.getdoc(spec.module) or ""):
        raise Violation("the Module does not name its function")
