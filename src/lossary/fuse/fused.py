"""fuse: the same loss, in one pass over memory."""

from __future__ import annotations

import ctypes
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple, cast, overload

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from ..base import FunctionLoss, LossBase
from ..reduction import Reduction, check_reduction, fit_weight, reduce
from ..signature import CACHE_LIMIT, Signature, signature_of
from .buffers import gradient_buffers
from .layout import Axes, Layout, aligned, arrange, names_of

MINIMUM = 1 << 17  # elements of the largest tensor; below, the formula itself is as fast
MINIMUM_PER_THREAD = 1 << 17
FUSIBLE = (torch.float32, torch.bfloat16)


@overload
def fuse(loss: LossBase, *, donate_input: bool = False) -> FusedLoss: ...
@overload
def fuse(loss: Callable[..., Tensor], *, donate_input: bool = False) -> FusedFunction: ...
def fuse(
    loss: Callable[..., Tensor] | LossBase, *, donate_input: bool = False
) -> FusedFunction | FusedLoss:
    """Return the same loss, computed with its gradient in one pass over memory.

    The formula stays what defines the loss: it is traced, compiled for this processor when a kind
    of input first comes (about a second; the machine code is kept on disk in
    ``$LOSSARY_CACHE``, by default ``~/.cache/lossary``), and run on pieces that fit in the cache.
    The backward pass then only scales the gradient, or does nothing. A new batch size compiles
    nothing new.

    The formula runs as it is wherever one pass cannot serve: on devices other than the CPU, for
    small or strided tensors, in double precision, under ``torch.func``, ``torch.compile`` and
    forward-mode differentiation, for a second derivative, for tensor subclasses, and for losses
    that compare samples with each other. :attr:`FusedFunction.reasons` says why it did.

    Gradients are written into memory that earlier gradients have left; see
    :data:`~lossary.gradient_buffers`.

    Args:
        loss: a loss function of this library or one with a :func:`~lossary.signature`, or a
            :class:`~lossary.LossBase`.
        donate_input: write the gradient over the first tensor, for activations that nobody reads
            afterwards. Autograd raises an error if its graph needs them after all; you must not
            read them either.

    Raises:
        TypeError: if ``loss`` is neither.

    >>> import lossary
    >>> loss = fuse(lossary.mse_loss)
    >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
    tensor(2.5000)
    """
    if isinstance(loss, FusedLoss | FusedFunction):
        return fuse(loss.loss, donate_input=donate_input)
    if isinstance(loss, LossBase):
        return FusedLoss(loss, donate_input=donate_input)
    if signature_of(loss) is not None:
        return FusedFunction(loss, donate_input=donate_input)
    raise TypeError(
        f"fuse needs a loss function of this library or a LossBase, got {loss!r}: of another loss "
        "nobody knows what its units are. Subclass lossary.LossBase and define units"
    )


class FusedFunction:
    """A loss function in one pass over memory; see :func:`fuse`.

    Attributes:
        loss: the loss function itself.
        signature: what it takes.
        donate_input: whether the gradient overwrites the first tensor.
        minimum: how many elements the largest tensor has at least for compiled code to run.
        reasons: why the formula was run as it is for some kind of input, if it was.
    """

    __name__: str
    signature: Signature

    def __init__(self, loss: Callable[..., Tensor], *, donate_input: bool = False) -> None:
        functools.update_wrapper(self, loss)
        self.loss = loss
        self.donate_input = donate_input
        self.signature = cast(Signature, signature_of(loss))
        parameters = inspect.signature(loss).parameters
        ignored = parameters.get("ignore_index")
        self._ignore_index = None if ignored is None else ignored.default
        self.minimum = MINIMUM
        self._dispatcher = _Dispatcher(donate_input)

    def __reduce__(self) -> tuple[Any, ...]:
        return _fuse_again, (self.loss, self.donate_input)

    @property
    def reasons(self) -> tuple[str, ...]:
        return self._dispatcher.reasons

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        if _all_small(args, self.minimum):
            return self.loss(*args, **options)
        names = self.signature.names
        plain = functools.partial(self.loss, *args, **options)
        rest = names[len(args) :]
        if len(args) > len(names) or any(name not in options for name in rest):
            return plain()
        tensors = (*args, *(options[name] for name in rest))
        options = {n: v for n, v in options.items() if n not in rest}
        reduction = options.pop("reduction", "mean")
        weight = options.pop("weight", None)
        own = {n: v for n, v in options.items() if isinstance(v, Tensor)}
        settings = {n: v for n, v in options.items() if n not in own}
        call = _Call(self.signature, tensors, weight, own, settings, reduction)
        return self._dispatcher.run(call, self._formula, plain, self.minimum)

    def into_gradient(self, *tensors: Any, weight: Tensor | None, **options: Any) -> Tensor:
        """Overwrite the first tensor with the gradient of the sum, and return the parts.

        For code that computes gradients by itself; autograd is not involved.
        """
        first = tensors[0].detach().requires_grad_()
        tensors = (first, *tensors[1:])
        own = {n: v for n, v in options.items() if isinstance(v, Tensor)}
        settings = {n: v for n, v in options.items() if n not in own}
        call = _Call(self.signature, tensors, weight, own, settings, "parts")
        with torch.enable_grad():
            value = self._dispatcher.gradient_in_place(call, self._formula, self.minimum)
            if value is None:
                value = self.loss(*tensors, **options, weight=weight, reduction="parts")
                (gradient,) = torch.autograd.grad(value[0], first)
                first.detach().copy_(gradient)
        return value.detach()

    def _formula(self, call: _Call, arrays: Sequence[Tensor]) -> Any:
        from .trace import Traced

        tensors, weight, own = call.split(arrays)
        ignore_index = call.settings.get("ignore_index", self._ignore_index)
        declared = {n: t for n, t in own.items() if n in self.signature.extras}
        admitted = self.signature.admit(tensors, weight, cast(Any, ignore_index), declared)
        options = {**call.settings, **own, **admitted.extras, "weight": admitted.weight}
        formula = inspect.unwrap(self.loss)
        units = formula(*admitted.tensors, **options, reduction="none")
        sums = formula(*admitted.tensors, **options, reduction="parts")
        wrong = self.signature.outside(admitted.tensors, weight)
        return Traced(units, sums[1], wrong)


def _fuse_again(loss: Any, donate_input: bool) -> Any:
    return fuse(loss, donate_input=donate_input)


class FusedLoss(LossBase):
    """A loss Module in one pass over memory; see :func:`fuse`.

    Attributes:
        loss: the Module itself, whose parameters and hyperparameters are in force.
        minimum: how many elements the largest tensor has at least for compiled code to run.
    """

    def __init__(self, loss: LossBase, *, donate_input: bool = False) -> None:
        super().__init__(loss.reduction)
        self.loss = loss
        self.donate_input = donate_input
        self.signature = loss.signature  # type: ignore[misc]  # of the class elsewhere, of the instance here
        self.minimum = MINIMUM
        self._function: FusedFunction | None = None
        if isinstance(loss, FunctionLoss):
            self._function = FusedFunction(loss.function, donate_input=donate_input)
        self._dispatcher = _Dispatcher(donate_input)

    def __reduce__(self) -> tuple[Any, ...]:
        return _fuse_again, (self.loss, self.donate_input)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the formula was run as it is for some kind of input, if it was."""
        return self._function.reasons if self._function else self._dispatcher.reasons

    def units(self, *tensors: Any) -> Any:
        return self.loss.units(*tensors)

    def reduced(
        self, *tensors: Any, weight: Tensor | None = None, reduction: Reduction = "mean"
    ) -> Tensor:
        loss = self.loss
        if _all_small(tensors, self.minimum):
            return loss.reduced(*tensors, weight=weight, reduction=reduction)
        if self._function is not None and isinstance(loss, FunctionLoss):
            bound = {name: getattr(loss, name) for name in loss.hyperparameters}
            self._function.minimum = self.minimum
            return self._function(
                *loss.operands(*tensors), **bound, weight=weight, reduction=reduction
            )
        plain = functools.partial(loss.reduced, *tensors, weight=weight, reduction=reduction)
        state = {n: v for n, v in vars(loss).items() if not n.startswith("_")}
        if any(True for _ in loss.children()) or not all(_is_fixed(v) for v in state.values()):
            return plain()  # it may change without our noticing
        own: dict[str, Tensor] = dict((*loss.named_buffers(), *loss.named_parameters()))
        call = _Call(loss.signature, tensors, weight, own, state, reduction)
        return self._dispatcher.run(call, self._formula, plain, self.minimum)

    def _formula(self, call: _Call, arrays: Sequence[Tensor]) -> Any:
        from .trace import Traced

        tensors, weight, own = call.split(arrays)
        units, shares, admitted = torch.func.functional_call(
            _Weighted(self.loss), {f"loss.{n}": t for n, t in own.items()}, (tensors, weight)
        )
        wrong = () if call.signature is None else call.signature.outside(admitted, weight)
        return Traced(units, shares, wrong)

    def extra_repr(self) -> str:
        return "donate_input=True" if self.donate_input else ""


def _is_fixed(value: object) -> bool:
    """Whether an attribute of a loss is a plain value, which comparing tells from another."""
    if isinstance(value, tuple):
        return all(_is_fixed(v) for v in value)
    plain = bool | int | float | str | FunctionType | BuiltinFunctionType
    return value is None or isinstance(value, plain)


class _Weighted(nn.Module):
    """What a LossBase computes before it reduces, as a function of its tensors."""

    def __init__(self, loss: LossBase) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, tensors: tuple[Any, ...], weight: Tensor | None) -> tuple[Any, ...]:
        units, weight, admitted, _ = self.loss.weighted(tensors, weight)
        return reduce(units, weight, "none"), reduce(units, weight, "parts")[1], admitted


@dataclass(frozen=True)
class _Call:
    """The arguments of one call, sorted by what they are."""

    signature: Signature | None
    tensors: Sequence[Any]
    weight: Tensor | None
    own: Mapping[str, Tensor]
    settings: Mapping[str, object]
    reduction: Reduction

    @property
    def arrays(self) -> tuple[Any, ...]:
        weight = () if self.weight is None else (self.weight,)
        return (*self.tensors, *weight, *self.own.values())

    def fits(self) -> bool:
        """Whether the shapes and dtypes are right; if not, the loss itself says what is wrong."""
        if self.signature is None:
            return True
        try:
            declared = {n: t for n, t in self.own.items() if n in self.signature.extras}
            match = self.signature.match(self.tensors, declared)
            if self.weight is not None:
                fit_weight(self.weight, self.signature.unit_shape(match.sizes))
        except (TypeError, ValueError):
            return False
        return True

    def split(
        self, arrays: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], Tensor | None, dict[str, Tensor]]:
        """Sort other arrays in the same way."""
        n = len(self.tensors)
        weight = None if self.weight is None else arrays[n]
        rest = arrays[n + (self.weight is not None) :]
        return tuple(arrays[:n]), weight, dict(zip(self.own, rest, strict=True))


class Program(NamedTuple):
    """Compiled code, and what it needs to know.

    ``count`` computes the denominator where it is a sum of weights; ``gradient_of`` are the places
    of the tensors that there are gradients for, ``unit_dims`` which of their dimensions are units';
    ``unit_axes`` name the dimensions of the units.
    """

    run: Any
    count: Any
    gradient_of: tuple[int, ...]
    unit_dims: tuple[tuple[bool, ...], ...]
    unit_axes: tuple[str | None, ...]


class _Dispatcher:
    """Decides between one pass and the formula, and remembers for each kind of input."""

    def __init__(self, donate: bool) -> None:
        self.donate = donate
        self.reasons: tuple[str, ...] = ()
        self._known: dict[object, tuple[Program, Layout] | None] = {}
        self._programs: dict[object, Program] = {}

    def run(
        self,
        call: _Call,
        formula: Callable[[_Call, Sequence[Tensor]], Any],
        plain: Callable[[], Tensor],
        minimum: int,
    ) -> Tensor:
        check_reduction(call.reduction)
        found = self._look_up(call, formula, minimum)
        if not found:
            return plain()
        arrays, (program, layout) = call.arrays, found
        donate = self.donate and 0 in program.gradient_of
        if donate:
            _check_donation(arrays[0])
            if call.signature is not None:  # afterwards it is too late to look at the input
                call.signature.admit(call.tensors, call.weight)
        result = _compute(program, layout, call, arrays, donate)
        if result is None:
            return plain()  # raises the error that says what is wrong
        value, gradients = result
        if not gradients:
            return value
        if donate:
            plain = _donated
        return cast(Tensor, _OnePass.apply(value, gradients, program, call, plain, *arrays))  # type: ignore[no-untyped-call]  # torch's own

    def gradient_in_place(
        self, call: _Call, formula: Callable[[_Call, Sequence[Tensor]], Any], minimum: int
    ) -> Tensor | None:
        """Return the parts, and leave the gradient in the first tensor; None if it cannot be."""
        found = self._look_up(call, formula, minimum)
        result = _compute(*found, call, call.arrays, donate=True) if found else None
        return None if result is None else result[0]

    def _look_up(
        self, call: _Call, formula: Callable[[_Call, Sequence[Tensor]], Any], minimum: int
    ) -> tuple[Program, Layout] | None:
        """Return the compiled code of a call, or None if the formula has to run."""
        arrays = call.arrays
        if not _is_plain(arrays, minimum):
            return None
        wanted = tuple([torch.is_grad_enabled() and a.requires_grad for a in arrays])
        kinds = tuple([(a.shape, a.dtype) for a in arrays])
        key = (kinds, wanted, call.weight is None, *call.settings.items(), *call.own)
        try:
            known = key in self._known
        except TypeError:  # a setting that cannot be compared with that of another call
            return None
        if not known:
            if len(self._known) >= CACHE_LIMIT:
                self._known.clear()
            self._known[key] = self._find(call, wanted, formula)
        return self._known[key]

    def _find(
        self,
        call: _Call,
        wanted: tuple[bool, ...],
        formula: Callable[[_Call, Sequence[Tensor]], Any],
    ) -> tuple[Program, Layout] | None:
        from .build import CannotCompile, warn_once
        from .graph import NotFusible

        if not call.fits():
            return None
        try:
            if any(wanted[len(call.tensors) :]):
                raise NotFusible("a weight or a hyperparameter needs a gradient")
            return self._compile(call, wanted, formula)
        except NotFusible as reason:
            self.reasons = tuple(dict.fromkeys((*self.reasons, str(reason))))
        except CannotCompile as reason:
            self.reasons = tuple(dict.fromkeys((*self.reasons, str(reason))))
            warn_once(str(reason))
        return None

    def _compile(
        self,
        call: _Call,
        wanted: tuple[bool, ...],
        formula: Callable[[_Call, Sequence[Tensor]], Any],
    ) -> tuple[Program, Layout]:
        from .graph import NotFusible

        reason: NotFusible | None = None
        for layout in _layouts(call):
            dtypes = tuple(a.dtype for a in call.arrays)
            settings = (*call.settings.items(), *call.own)
            key = (layout.kind, dtypes, wanted, call.weight is None, *settings)
            try:
                if key not in self._programs:
                    self._programs[key] = _program(call, layout, wanted, formula, self.donate)
                return self._programs[key], layout
            except NotFusible as why:
                reason = reason or why
        raise reason or NotFusible("nothing says what its units are")


def _program(
    call: _Call,
    layout: Layout,
    wanted: tuple[bool, ...],
    formula: Callable[[_Call, Sequence[Tensor]], Any],
    donate: bool,
) -> Program:
    """Trace and compile a formula."""
    from .build import load
    from .graph import NotFusible
    from .source import source
    from .trace import Array, trace

    arrays = [
        Array(a.dtype, axes, need)
        for a, axes, need in zip(call.arrays, layout.axes, wanted, strict=True)
    ]
    dtypes = [*(a.dtype for a in arrays), torch.float32]
    whole = functools.partial(formula, call)
    graphs = [trace(whole, arrays, layout.sizes(i), layout.inner) for i in (0, 1)]
    texts = [source(graph, dtypes, layout.lanes, donate=donate) for graph in graphs]
    if texts[0] != texts[1]:
        raise NotFusible("it depends on the size of the batch")
    library, graph = load(texts[0]), graphs[0]
    count = None if graph.count is None else library.count
    units = {axis for axis in graph.unit_axes if axis is not None}
    dims = [layout.axes[i] for i in graph.gradient_of]
    if any(not units <= set(found) for found in dims):
        raise NotFusible("a tensor that needs a gradient is shared by several units")
    unit_dims = tuple(tuple(axis in units for axis in found) for found in dims)
    return Program(library.run, count, graph.gradient_of, unit_dims, graph.unit_axes)


def _layouts(call: _Call) -> Iterator[Layout]:
    """Yield the layouts that a call may have; without a signature it is found by trying."""
    arrays = call.arrays
    shapes = [tuple(a.shape) for a in arrays]
    whole = len(arrays) - len(call.own)
    if call.signature is not None:
        signature = call.signature
        declared = {n: t for n, t in call.own.items() if n in signature.extras}
        match = signature.match(call.tensors, declared)
        units = names_of(signature.unit, match.sizes)
        axes: list[Axes] = [names_of(o.dims, match.sizes) for o in match.operands]
        if call.weight is not None:
            axes.append(units)
        for name, tensor in call.own.items():
            if name in signature.extras:
                axes.append(names_of(signature.extras[name].dims, match.sizes))
            else:  # it broadcasts, from the right
                axes.append(aligned(tensor.shape, shapes[0], axes[0]))
        yield arrange(shapes, axes, whole, units)
        return
    names = tuple(f"d{i}" for i in range(len(shapes[0])))
    if any(s != shapes[0][: len(s)] for s in shapes[1:whole]):
        return
    axes = [names[: len(s)] for s in shapes[:whole]]
    axes += [aligned(s, shapes[0], names) for s in shapes[whole:]]
    shortest = min(len(s) for s in shapes[:whole])
    for count in dict.fromkeys((shortest, len(names) - 1)):
        if count:
            yield arrange(shapes, axes, whole, names[:count])


def _compute(
    program: Program, layout: Layout, call: _Call, arrays: Sequence[Tensor], donate: bool
) -> tuple[Tensor, list[Tensor]] | None:
    """Return the value and the gradients, those of the mean or of the sum; None if refused."""
    arrays = [a.detach() for a in arrays]
    sizes = dict(zip(layout.names, arrays[0].shape, strict=True))
    unit_shape = torch.Size([1 if n is None else sizes[n] for n in program.unit_axes])
    place = len(call.tensors)
    if call.weight is not None:
        arrays[place] = fit_weight(arrays[place], unit_shape).contiguous()
    gradients = [
        arrays[i] if donate and i == 0 else gradient_buffers.empty(arrays[i].shape, arrays[i].dtype)
        for i in program.gradient_of
    ]
    units = torch.empty(unit_shape) if call.reduction == "none" else None
    scale = torch.ones(())
    pointers = (ctypes.c_void_p * (len(arrays) + 1))(*(a.data_ptr() for a in (*arrays, scale)))
    outputs = (ctypes.c_void_p * len(gradients))(*(g.data_ptr() for g in gradients))
    result = (ctypes.c_double * 3)()
    largest = max(a.numel() for a in arrays)
    threads = max(1, min(torch.get_num_threads(), largest // MINIMUM_PER_THREAD))
    shape = [ctypes.c_int64(n) for n in (layout.rows, layout.length, layout.trailing)]

    def run(function: Any, units_at: int | None) -> None:
        function(
            *shape, pointers, outputs, ctypes.c_void_p(units_at), result, ctypes.c_int(threads)
        )

    count = float(unit_shape.numel())
    if call.reduction == "mean" and gradients:
        if program.count is not None:
            run(program.count, None)
            count, result[0] = result[0], 0.0
        scale.fill_(1 / count if count else 1.0)
    run(program.run, None if units is None else units.data_ptr())
    total, weight, wrong = result
    if wrong:
        return None
    if donate:
        torch.autograd.graph.increment_version(call.tensors[0])
    if program.count is None:
        weight = count
    dtype = arrays[0].dtype
    if units is not None:
        return units.to(dtype), gradients
    if call.reduction == "parts":
        return torch.tensor([total, weight], dtype=torch.float32), gradients
    value = total if call.reduction == "sum" else total / (weight or 1.0)
    return torch.tensor(value, dtype=dtype), gradients


class _OnePass(torch.autograd.Function):
    """Gives back the gradient that was computed with the value."""

    @staticmethod
    def forward(
        ctx: Any,
        value: Tensor,
        gradients: list[Tensor],
        program: Program,
        call: _Call,
        plain: Callable[[], Tensor],
        *arrays: Tensor,
    ) -> Tensor:
        ctx.places, ctx.unit_dims = program.gradient_of, program.unit_dims
        ctx.call, ctx.plain, ctx.count = call, plain, len(arrays)
        ctx.save_for_backward(*gradients)
        return value

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        out: list[Tensor | None] = [None] * (5 + ctx.count)
        if torch.is_grad_enabled():  # a second derivative is wanted: the formula has one
            value = ctx.plain()
            wanted = [ctx.call.arrays[i] for i in ctx.places]
            found = torch.autograd.grad(value, wanted, incoming, create_graph=True)
        else:
            found = tuple(
                _scaled(g, incoming, ctx.call.reduction, dims)
                for g, dims in zip(ctx.saved_tensors, ctx.unit_dims, strict=True)
            )
        for i, gradient in zip(ctx.places, found, strict=True):
            out[5 + i] = gradient
        return tuple(out)


def _scaled(
    gradient: Tensor, incoming: Tensor, reduction: Reduction, unit_dims: tuple[bool, ...]
) -> Tensor:
    if reduction == "none":
        pairs = zip(gradient.shape, unit_dims, strict=True)
        return gradient * incoming.reshape([n if is_unit else 1 for n, is_unit in pairs])
    factor = incoming if reduction != "parts" else incoming[0]
    return gradient if factor.item() == 1 else gradient * factor


def _check_donation(input: Tensor) -> None:
    if input.is_leaf:
        raise ValueError(
            "donate_input needs an activation, but input is a leaf of the graph, whose values are "
            "somebody's: use fuse without donate_input"
        )


def _donated() -> Tensor:
    raise RuntimeError("the input was donated to the gradient: it has no second derivative")


def _all_small(arrays: Sequence[Any], minimum: int) -> bool:
    """Whether nothing is worth compiled code: the first question, because it is asked often."""
    for a in arrays:
        if not isinstance(a, Tensor) or a.numel() >= minimum:
            return False
    return bool(arrays)


def _is_plain(arrays: Sequence[Any], minimum: int) -> bool:
    """Whether compiled code may run on these: large and dense, on the CPU, under no transform."""
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    if forward_ad._current_level >= 0:
        return False
    large = False
    for a in arrays:
        if type(a) not in (Tensor, nn.Parameter) or not a.is_cpu or not a.is_contiguous():
            return False
        if a.is_floating_point() and a.dtype not in FUSIBLE:
            return False
        large = large or a.numel() >= minimum
    return large and arrays[0].is_floating_point()
