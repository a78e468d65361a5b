"""Laws of conduct: what a loss does besides computing."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any, cast, get_args

import torch
from torch import Generator, Tensor, nn

from ..base import FunctionLoss
from ..reduction import Reduction
from ..spec import LossSpec, Trait
from .subject import (
    F64,
    DoesNotApply,
    Subject,
    Tensors,
    Violation,
    close,
    leaves,
    weights,
)


def pure(subject: Subject) -> None:
    """A call modifies no argument and no random state, and gives the same every time."""
    for tensors, hyper in subject.cases():
        before = copy.deepcopy(tensors)
        state = torch.get_rng_state()
        first, second = subject.mean(tensors, hyper), subject.mean(tensors, hyper)
        if not torch.equal(first, second):
            raise Violation(f"two calls differ: {first.item()} and {second.item()}")
        if not torch.equal(state, torch.get_rng_state()):
            raise Violation("the global random state moved")
        for name, was, now in zip(subject.signature.names, before, tensors, strict=True):
            if isinstance(now, Tensor) and not torch.equal(was, now):
                raise Violation(f"{name} was modified")


def forgets(subject: Subject) -> None:
    """A call leaves nothing behind that the next one feels: no state, no graph."""
    for tensors, hyper in subject.cases():
        which = (
            [] if Trait.NOT_DIFFERENTIABLE in subject.traits else subject.differentiable(tensors)
        )
        first = subject.mean(tensors, hyper)
        for seed in (1, 2):  # a graph kept from the first call fails the second backward
            made, _ = leaves(subject.example(seed), which)
            value = subject.mean(made, hyper)
            try:
                if which and value.requires_grad:
                    value.sum().backward()  # all the way, into graphs of earlier calls too
            except RuntimeError as error:
                raise Violation(f"a later backward fails: {error}") from None
        again = subject.mean(tensors, hyper)
        if not torch.equal(first, again):
            raise Violation(
                f"after other calls the same tensors give {again.item()} instead of {first.item()}"
            )


def devices(subject: Subject) -> None:
    """Nothing is tied to a device: on the meta device, which holds no numbers, it runs too."""
    if Trait.RANDOM in subject.traits:
        raise DoesNotApply("random: a generator belongs to a device")

    def moved(value: Any) -> Any:
        if isinstance(value, nn.Module):
            return copy.deepcopy(value).to("meta")
        return value.to("meta") if isinstance(value, Tensor) else value

    for tensors, hyper in subject.cases():
        given = {name: moved(value) for name, value in hyper.items()}
        try:
            value = subject.mean(tuple(map(moved, tensors)), given)
        except RuntimeError as error:
            raise Violation(" ".join(str(error).split())[:300]) from None
        if value.device.type != "meta":
            raise Violation(f"tensors on the meta device give a result on {value.device}")


def exports(subject: Subject) -> None:
    """``torch.export`` takes it, as the end of a network."""
    if Trait.RANDOM in subject.traits:
        raise DoesNotApply("random: generators are not exported")
    tensors, hyper = next(subject.cases())
    kept = [t for t in tensors if isinstance(t, Tensor)]

    class Wrapped(nn.Module):
        def forward(self, *given: Tensor) -> Tensor:
            rest = iter(given)
            call = tuple(next(rest) if isinstance(t, Tensor) else t for t in tensors)
            return subject.mean(call, hyper)

    try:
        program = torch.export.export(Wrapped(), tuple(kept))
        close(program.module()(*kept), subject.mean(tensors, hyper), "exported against eager")
    except Violation:
        raise
    except Exception as error:  # the exporter raises many kinds
        raise Violation(" ".join(str(error).split())[:300]) from None


def module_agrees(subject: Subject) -> None:
    """The Module is the function with its hyperparameters bound: names, defaults, order, values."""
    spec = subject.needs_pair()

    def tail(of: Callable[..., Any], without: set[str]) -> list[tuple[str, object]]:
        found = inspect.signature(of).parameters.values()
        return [
            (p.name, p.default) for p in found if p.kind is p.KEYWORD_ONLY and p.name not in without
        ]

    function, module = tail(spec.function, {"weight"}), tail(spec.module, set())
    if function != module:
        raise Violation(f"the function has {function}, the Module has {module}")
    for tensors, hyper in subject.cases():
        if Trait.RANDOM in subject.traits:
            hyper = {**hyper, "generator": Generator().manual_seed(0)}
        for reduction in get_args(Reduction):
            built, rest = _build(spec, tensors, {**hyper, "reduction": reduction})
            if Trait.RANDOM in subject.traits:
                cast(Generator, hyper["generator"]).manual_seed(0)
            want = subject.call(
                tensors,
                {k: v for k, v in hyper.items() if k != "generator"},
                None,
                reduction,
            )
            close(built(*rest), want, f"Module under {reduction}")


def _build(
    spec: LossSpec, tensors: Tensors, hyper: Mapping[str, object]
) -> tuple[FunctionLoss, Tensors]:
    """Build the Module of a loss with the operands it owns, and return what it is called with."""
    sizes = spec.signature.match(tensors, {}).sizes
    build = cast(Callable[..., FunctionLoss], spec.module)
    given = {name: sizes[dim][0] for name, dim in spec.sizes.items()}
    operands = dict(zip(spec.signature.names, tensors, strict=True))
    given |= {owned: operands[o] for o, owned in spec.owned.items() if callable(operands[o])}
    module = build(**given, **hyper).to(F64)
    rest = []
    for name, tensor in zip(spec.signature.names, tensors, strict=True):
        if name not in spec.owned:
            rest.append(tensor)
        elif isinstance(tensor, Tensor):
            with torch.no_grad():
                getattr(module, spec.owned[name]).copy_(tensor)
    return module, tuple(rest)


def module_is_a_module(subject: Subject) -> None:
    """The Module survives pickle, deepcopy and state_dict, and its repr names what is bound."""
    modules = [subject.module] if subject.module is not None else []
    if subject.spec is not None:
        modules = [_build(subject.spec, t, h)[0] for t, h in subject.cases()]
    if not modules:
        raise DoesNotApply("a plain function")
    for module in modules:
        for copied in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):  # noqa: S301 - our own bytes
            if repr(copied) != repr(module):
                raise Violation(f"a copy reads {copied!r}, the original {module!r}")
            copied.load_state_dict(module.state_dict())
        buffer = io.BytesIO()
        torch.save(module.state_dict(), buffer)
        buffer.seek(0)
        module.load_state_dict(torch.load(buffer, weights_only=True))
        if "reduction=" not in repr(module):
            raise Violation(f"the repr {module!r} does not name the reduction")


def compiles(subject: Subject) -> None:
    """The loss compiles as one graph, gives the same, and no new batch size compiles it again."""
    if Trait.RANDOM in subject.traits:
        raise DoesNotApply("random: generators are not traced")
    for tensors, hyper in subject.cases():
        which = (
            [] if Trait.NOT_DIFFERENTIABLE in subject.traits else subject.differentiable(tensors)
        )
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()

        def value(*given: Any, h: Mapping[str, object] = hyper) -> Tensor:
            return subject.call(given[:-1], h, given[-1], "mean")

        compiled = torch.compile(value, fullgraph=True, backend="aot_eager", dynamic=True)
        n = subject.batch_size(tensors) if subject.signature.unit else 0
        for size in (n, n - 1):
            part = subject.select(tensors, torch.arange(size))
            made, inputs = leaves(part, which)
            weight = weights(subject.units(part, hyper).shape) if subject.contract else None
            try:
                got = compiled(*made, weight)
            except Exception as error:  # the compiler raises many kinds
                raise Violation(" ".join(str(error).split())[:400]) from None
            want = value(*made, weight)
            close(got, want, "compiled against eager")
            if which:
                first = torch.autograd.grad(want, inputs, allow_unused=True)
                second = torch.autograd.grad(got, inputs, allow_unused=True)
                for a, b in zip(first, second, strict=True):
                    if a is not None and b is not None:
                        close(b, a, "compiled against eager, gradient")
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        if graphs != 1:
            raise Violation(f"{graphs} graphs were compiled for two batch sizes")


def layout(subject: Subject) -> None:
    """Strides do not matter."""

    def strided(t: Any) -> Any:
        if not isinstance(t, Tensor) or not t.ndim:
            return t
        return t.transpose(0, -1).repeat_interleave(2, 0)[::2].transpose(0, -1)

    for tensors, hyper in subject.cases():
        turned = tuple(map(strided, tensors))
        close(subject.mean(turned, hyper), subject.mean(tensors, hyper), "strided tensors")


def order(subject: Subject) -> None:
    """The order of the samples does not matter."""
    if Trait.RANDOM in subject.traits:
        raise DoesNotApply("random: each sample draws its own numbers")
    for tensors, hyper in subject.cases():
        index = torch.arange(subject.batch_size(tensors)).flip(0)
        turned = subject.select(tensors, index)
        if subject.contract:
            close(
                subject.units(turned, hyper),
                subject.units(tensors, hyper)[index],
                "reversed samples",
            )
        else:
            close(subject.mean(turned, hyper), subject.mean(tensors, hyper), "reversed samples")
