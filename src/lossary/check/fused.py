"""The law of fusing: one pass gives what the formula gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from ..fuse import fuse
from ..fuse.build import CannotCompile, compiler
from ..reduction import Reduction
from ..spec import Trait
from .subject import DoesNotApply, Subject, Tensors, Violation, leaves, to

# More than the lanes of a few vectors, and no multiple of them.
LONG: Mapping[str, tuple[int, ...]] = {"N": (50,), "C": (100,), "D": (100,)}
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2}  # of the largest value
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none", "parts")


def fused_agrees(subject: Subject) -> None:
    """Fused and plain give the same values and gradients, with weights and whatever reduction."""
    subject.needs_contract()
    if Trait.RANDOM in subject.traits:
        raise DoesNotApply("random: a formula that draws is not fused")
    if subject.make is not None:
        raise DoesNotApply("its example has a size of its own")
    try:
        compiler()
    except CannotCompile as reason:
        raise DoesNotApply(str(reason)) from None
    call, donating = _fused(subject), _fused(subject, donate=True)

    def donated(tensors: Tensors, *rest: object) -> Tensor:
        if not tensors[0].requires_grad:
            return call(tensors, *rest)
        return donating((tensors[0] * 1, *tensors[1:]), *rest)

    alternatives = range(max(map(len, subject.signature.operands)))
    cases = [(hyper, which) for hyper in subject.variants for which in alternatives]
    for number, (hyper, which) in enumerate(cases):
        # A tensor among the hyperparameters has the classes of the example as it comes.
        sizes = {} if any(isinstance(v, Tensor) for v in hyper.values()) else LONG
        tensors = subject.example(which=which, sizes=sizes)
        if number:  # the first case has been through everything: the formula is what is left
            single = tuple(to(t, torch.float32) for t in tensors)
            _compare(subject, call, single, hyper, None, "mean")
            continue
        for dtype in (torch.float32, torch.bfloat16):
            cast = tuple(to(t, dtype) for t in tensors)
            units = subject.units(cast, hyper)
            weight = torch.randint(0, 3, units.shape, generator=Generator().manual_seed(1)).float()
            for reduction in REDUCTIONS:
                for w in (None, weight) if dtype == torch.float32 else (weight,):
                    _compare(subject, call, cast, hyper, w, reduction)
            if dtype == torch.float32:
                _compare(subject, donated, cast, hyper, weight, "mean")


def _fused(subject: Subject, donate: bool = False) -> Callable[..., Tensor]:
    if subject.spec is not None:
        function = fuse(subject.spec.function, donate_input=donate)
        function.minimum = 1
        return lambda tensors, hyper, weight, reduction: function(
            *tensors, **hyper, weight=weight, reduction=reduction
        )
    if subject.module is None:
        raise DoesNotApply("neither a loss of the library nor a LossBase")
    module = fuse(subject.module, donate_input=donate)
    module.minimum = 1
    return lambda tensors, hyper, weight, reduction: module.reduced(
        *tensors, weight=weight, reduction=reduction
    )


def _compare(
    subject: Subject,
    call: Callable[..., Tensor],
    tensors: Tensors,
    hyper: Mapping[str, object],
    weight: Tensor | None,
    reduction: Reduction,
) -> None:
    plain = _results(subject, subject.call, tensors, hyper, weight, reduction)
    fused = _results(subject, call, tensors, hyper, weight, reduction)
    tolerance = TOLERANCE[tensors[0].dtype]
    for i, (one, other) in enumerate(zip(plain, fused, strict=True)):
        what = f"fused, {reduction}, {'value' if i == 0 else f'gradient {i}'}"
        if one.dtype != other.dtype:
            raise Violation(f"{what}: {other.dtype} instead of {one.dtype}")
        difference, size = (one - other).abs().max(), one.abs().max()
        if difference <= tolerance * size:
            continue
        # where the formula itself loses digits: what is as near to the exact number is as good
        wide = tuple(to(t, torch.float64) for t in tensors)
        exact = _results(subject, subject.call, wide, hyper, weight, reduction)[i]
        if not ((other - exact).abs().max() <= (one - exact).abs().max()):
            raise Violation(f"{what}: differs by {difference.item():.3g} of {size.item():.3g}")


def _results(
    subject: Subject,
    form: Callable[..., Tensor],
    tensors: Tensors,
    hyper: Mapping[str, object],
    weight: Tensor | None,
    reduction: Reduction,
) -> list[Tensor]:
    """Return the value and the gradients."""
    which = [] if Trait.NOT_DIFFERENTIABLE in subject.traits else subject.differentiable(tensors)
    made, inputs = leaves(tensors, which)
    value = form(made, hyper, weight, reduction)
    if not which:
        return [value.detach()]
    seed = torch.rand(value.shape, generator=Generator().manual_seed(2)).to(value.dtype)
    found = torch.autograd.grad(value, inputs, seed, materialize_grads=True)
    return [value.detach(), *found]
