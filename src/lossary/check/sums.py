"""Laws of units, weights and sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from ..reduction import Reduction
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
    weights,
)


def unit_shape(subject: Subject) -> None:
    """``reduction="none"`` gives one loss per unit of the signature, the others a scalar."""
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        want = subject.signature.unit_shape(subject.signature.match(tensors, {}).sizes)
        got = subject.units(tensors, hyper).shape
        if got != want:
            raise Violation(f"the units have shape {tuple(got)}, the signature says {tuple(want)}")
        if subject.mean(tensors, hyper).ndim:
            raise Violation("the mean is not a scalar")


def sum_law(subject: Subject) -> None:
    """The sum is the sum of the units, and the mean is the ratio of the parts."""
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        total, weight = subject.parts(tensors, hyper)
        units = subject.units(tensors, hyper)
        close(subject.call(tensors, hyper, None, "sum"), units.sum(), "sum")
        close(total, units.sum(), "total of the parts")
        close(subject.mean(tensors, hyper), total / weight, "mean")


def weight_law(subject: Subject) -> None:
    """Integer weights are repetitions: the mean is sum(w * l) / sum(w)."""
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        units = subject.units(tensors, hyper)
        w = weights(units.shape)
        if not subject.additive:  # a unit that weighs nothing may be no company for the others
            w = w.clamp(min=1)
        close(subject.units(tensors, hyper, weight=w), w * units, "weighted units")
        total, weight = subject.parts(tensors, hyper, weight=w)
        close(subject.mean(tensors, hyper, weight=w), total / weight, "weighted mean")
        doubled = subject.parts(tensors, hyper, weight=2 * w)
        close(doubled, 2 * torch.stack([total, weight]), "doubled weights")
        if Trait.RANDOM in subject.traits or not subject.additive:
            continue
        per_sample = weights((units.shape[0],)).long()
        repeated = subject.select(tensors, torch.arange(len(units)).repeat_interleave(per_sample))
        full = per_sample.to(F64).reshape(-1, *(1,) * (units.ndim - 1)).expand(units.shape)
        close(
            subject.parts(tensors, hyper, weight=full),
            subject.parts(repeated, hyper),
            "integer weights against repeated samples",
        )


def zero_weight_deletes(subject: Subject) -> None:
    """A unit of zero weight contributes nothing to value and gradient, even if it holds nan."""
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        units = subject.units(tensors, hyper)
        keep = torch.ones(units.shape, dtype=torch.bool)
        keep[0] = False
        _deleted(subject, tensors, hyper, keep, poison=True)
        close(
            subject.parts(tensors, hyper, weight=keep),
            subject.parts(tensors, hyper, weight=keep.to(F64)),
            "a boolean weight against the same weight as numbers",
        )


def ignored_deletes(subject: Subject) -> None:
    """A unit whose label is ``ignore_index`` contributes nothing, and is not counted."""
    if subject.ignore_index is None:
        raise DoesNotApply("the loss has no ignore_index")
    for tensors, hyper in subject.cases():
        operands = subject.signature.match(tensors, {}).operands
        found = [i for i, o in enumerate(operands) if o.whole]
        if not found:
            continue
        i = found[0]
        target = tensors[i].clone()
        target[0] = subject.ignore_index
        ignored = (*tensors[:i], target, *tensors[i + 1 :])
        keep = target != subject.ignore_index
        if subject.contract:
            close(
                subject.parts(ignored, hyper),
                subject.parts(tensors, hyper, weight=keep),
                "ignored labels against a mask",
            )
            _deleted(subject, ignored, hyper, keep, weighted=False, poison=True)
        else:
            rest = subject.select(tensors, torch.arange(1, len(target)))
            close(
                subject.mean(ignored, hyper),
                subject.mean(rest, hyper),
                "ignored labels against deletion",
            )


def _deleted(
    subject: Subject,
    tensors: Tensors,
    hyper: Mapping[str, object],
    keep: Tensor,
    *,
    weighted: bool = True,
    poison: bool,
) -> None:
    """Check that the units outside ``keep``, whole samples of them, are as if deleted."""
    which = [] if Trait.NOT_DIFFERENTIABLE in subject.traits else subject.differentiable(tensors)
    unit = set(subject.signature.unit)
    operands = subject.signature.match(tensors, {}).operands
    dims = subject.batch_dims(tensors)
    poisoned = list(tensors)
    for i, (t, o, dim) in enumerate(zip(tensors, operands, dims, strict=True)):
        if poison and dim is not None and unit <= set(o.dims) and t.is_floating_point():
            poisoned[i] = t.index_fill(dim, torch.tensor([0]), torch.nan)
    made, inputs = leaves(tuple(poisoned), which)
    got = subject.parts(made, hyper, weight=keep if weighted else None)
    kept = torch.arange(1, subject.batch_size(tensors))
    if subject.additive and Trait.RANDOM not in subject.traits:
        close(
            got,
            subject.parts(subject.select(tensors, kept), hyper),
            "a masked unit against deletion",
        )
    elif not got.isfinite().all():
        raise Violation(f"nan in a masked unit reaches the result: {got.tolist()}")
    if not which:
        return
    for i, gradient in zip(which, gradients(subject, got[0], inputs, "a masked unit"), strict=True):
        dim = dims[i]
        if not gradient.isfinite().all():
            raise Violation("nan in a masked unit reaches the gradient")
        if dim is not None and gradient.index_select(dim, torch.tensor([0])).any():
            raise Violation("a masked unit gets a gradient")


def mean_of_nothing(subject: Subject) -> None:
    """The mean of nothing is zero, with zero gradients: empty, all masked or all ignored."""
    if not subject.contract and subject.ignore_index is not None:
        tensors, hyper = next(subject.cases())
        _all_ignored(subject, tensors, hyper)
        return
    subject.needs_contract()
    for tensors, hyper in subject.cases():
        units = subject.units(tensors, hyper)
        nothing = torch.zeros(units.shape, dtype=torch.bool)
        empty = subject.select(tensors, torch.arange(0))
        _nothing(subject, tensors, hyper, nothing, "all masked")
        _nothing(subject, empty, hyper, None, "an empty batch")
        _all_ignored(subject, tensors, hyper)


def _all_ignored(subject: Subject, tensors: Tensors, hyper: Mapping[str, object]) -> None:
    operands = subject.signature.match(tensors, {}).operands
    labels = [i for i, o in enumerate(operands) if o.whole]
    if subject.ignore_index is not None and labels:
        i = labels[0]
        target = torch.full_like(tensors[i], subject.ignore_index)
        _nothing(subject, (*tensors[:i], target, *tensors[i + 1 :]), hyper, None, "all ignored")


def _nothing(
    subject: Subject,
    tensors: Tensors,
    hyper: Mapping[str, object],
    weight: Tensor | None,
    what: str,
) -> None:
    metric = Trait.NOT_DIFFERENTIABLE in subject.traits
    made, inputs = leaves(tensors, [] if metric else subject.differentiable(tensors))
    reductions: tuple[Reduction, ...] = ("mean", "sum")
    for reduction in reductions:
        value = subject.call(made, hyper, weight, reduction)
        if value != 0:
            raise Violation(f"{what}: the {reduction} is {value.item()}, not 0")
        if not metric:
            for gradient in gradients(subject, value, inputs, what):
                if not (gradient == 0).all():
                    raise Violation(f"{what}: the gradient of the {reduction} is not zero")


def parts_add(subject: Subject) -> None:
    """The parts of micro-batches add up to the parts of the whole batch."""
    subject.needs_contract()
    declared = not subject.additive and "parts_add" not in subject.expected
    if declared or Trait.RANDOM in subject.traits:
        raise DoesNotApply("declared not additive, or random")
    for tensors, hyper in subject.cases():
        units = subject.units(tensors, hyper)
        w, n = weights(units.shape), len(units)
        pieces = [torch.arange(0, n // 2), torch.arange(n // 2, n), torch.arange(n, n)]
        added = sum(
            subject.parts(subject.select(tensors, piece), hyper, weight=w[piece])
            for piece in pieces
        )
        close(
            cast(Tensor, added), subject.parts(tensors, hyper, weight=w), "parts of micro-batches"
        )


def samples_stand_alone(subject: Subject) -> None:
    """The loss of a batch is the mean of the losses of its samples."""
    if subject.contract:
        raise DoesNotApply("its parts say so")
    if not subject.additive:
        raise DoesNotApply("declared not additive")
    # as many samples as classes: a softmax over the wrong dimension has the right shape then
    for tensors, hyper in subject.cases(sizes={"N": (3,), "C": (3,)}):
        n = subject.batch_size(tensors)
        alone = [subject.mean(subject.select(tensors, torch.tensor([i])), hyper) for i in range(n)]
        got, mean = subject.mean(tensors, hyper), torch.stack(alone).mean()
        if got.ndim:
            raise DoesNotApply("it does not reduce its units")
        if n > 1 and torch.allclose(got, n * mean) and not torch.allclose(mean, 0 * mean):
            raise Violation("the loss of a batch is the sum over its samples, not their mean")
        close(got, mean, "the loss of a batch against the mean over its samples")
