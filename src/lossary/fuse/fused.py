"""fuse: the same loss, in one pass over memory."""

from __future__ import annotations

import ctypes
import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, cast, overload

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from ..base import FunctionLoss, LossBase
from ..compose import WeightedSum
from ..kernels.again import differentiate_again
from ..reduction import Reduction, check_reduction, fit_weight, reduce
from ..signature import CACHE_LIMIT, Signature, signature_of
from .buffers import gradient_buffers
from .layout import Axes, Layout, aligned, arrange, names_of

if TYPE_CHECKING:
    from .regions import Images, Plan, Small

MINIMUM = 1 << 17  # elements of the largest tensor; below, the formula itself is as fast
MINIMUM_PER_THREAD = 1 << 17
FUSIBLE = (torch.float32, torch.bfloat16)


@overload
def fuse(loss: WeightedSum, *, donate_input: bool = False) -> WeightedSum: ...
@overload
def fuse(loss: LossBase, *, donate_input: bool = False) -> FusedLoss: ...
@overload
def fuse(loss: Callable[..., Tensor], *, donate_input: bool = False) -> FusedFunction: ...
def fuse(
    loss: Callable[..., Tensor] | LossBase | WeightedSum, *, donate_input: bool = False
) -> FusedFunction | FusedLoss | WeightedSum:
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
        loss: a loss function of this library or one with a :func:`~lossary.signature`, a
            :class:`~lossary.LossBase`, or a :class:`~lossary.WeightedSum`, of which each loss is
            fused and whose parameters and coefficients the new one shares.
        donate_input: write the gradient over the first tensor, for activations that nobody reads
            afterwards. Autograd raises an error if its graph needs them after all; you must not
            read them either.

    Raises:
        TypeError: if ``loss`` is none of them.
        ValueError: if the input of a sum is donated, which its second loss has to read.

    >>> import lossary
    >>> loss = fuse(lossary.mse_loss)
    >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
    tensor(2.5000)
    """
    if isinstance(loss, FusedLoss | FusedFunction):
        return fuse(loss.loss, donate_input=donate_input)
    if isinstance(loss, LossBase):
        return FusedLoss(loss, donate_input=donate_input)
    if isinstance(loss, WeightedSum):
        if donate_input and len(loss.losses) > 1:
            raise ValueError("a sum of losses reads its input more than once: it cannot be donated")
        fused = {n: fuse(each, donate_input=donate_input) for n, each in loss.losses.items()}
        return loss.of(cast(Mapping[str, nn.Module], fused))
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
        rest = names[len(args) :]
        if len(args) > len(names) or any(name not in options for name in rest):
            return self.loss(*args, **options)  # which says what is wrong
        tensors = (*args, *(options[name] for name in rest))
        options = {n: v for n, v in options.items() if n not in rest}
        settled = dict(options)
        reduction = options.pop("reduction", "mean")
        weight = options.pop("weight", None)
        own = {n: v for n, v in options.items() if isinstance(v, Tensor)}
        settings = {n: v for n, v in options.items() if n not in own}
        call = _Call(self.signature, tensors, weight, own, settings, reduction)
        return self._dispatcher.run(
            call, self._formula, lambda given: self.loss(*given, **settled), self.minimum
        )

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
        plain = functools.partial(_reduced_by, loss, weight, reduction)
        state = {n: v for n, v in vars(loss).items() if not n.startswith("_")}
        if any(True for _ in loss.children()) or not all(_is_fixed(v) for v in state.values()):
            return plain(tensors)  # it may change without our noticing
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


def _reduced_by(
    loss: LossBase, weight: Tensor | None, reduction: Reduction, tensors: Sequence[Any]
) -> Tensor:
    return loss.reduced(*tensors, weight=weight, reduction=reduction)


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


class _Call(NamedTuple):
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


class Passes(NamedTuple):
    """Compiled passes over images, and what torch computes between them; see ``regions``.

    Attributes:
        plan: what is computed.
        images: how the tensors lie, at whatever sizes.
        run: the compiled pass of each phase.
        gradient_of: the places of the tensors that there are gradients for.
        unit_dims: which of their dimensions are the samples'.
    """

    plan: Plan
    images: Images
    run: tuple[Any, ...]
    gradient_of: tuple[int, ...]
    unit_dims: tuple[tuple[bool, ...], ...]

    def compute(
        self, call: _Call, arrays: Sequence[Tensor], donate: bool
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Return the value and the gradients, those of the mean or of the sum; None if refused."""
        from .regions import Small

        arrays = list(arrays)
        sizes = {
            name: n
            for found, a in zip(self.images.axes, arrays, strict=True)
            for name, n in zip(found, a.shape, strict=True)
            if name is not None
        }
        rows, length = sizes[self.images.row], self.images.length
        trailing = math.prod(sizes[p] for p in self.images.pixels)
        if call.weight is not None:
            at = len(call.tensors)
            arrays[at] = fit_weight(arrays[at], torch.Size([rows])).contiguous()
        gradients = _room(arrays, self.gradient_of, donate)
        small, scale = Small(self.plan, sizes), 1.0
        with torch.no_grad():
            small.begin(arrays)
            for phase, (run, measures) in enumerate(zip(self.run, self.plan.passes, strict=True)):
                small.run(phase)
                if measures.gradients and call.reduction == "mean":
                    count = self._count(small, rows)
                    scale = 1 / count if count else 1.0
                given = small.rows(phase, rows, length)
                width = sum(length if node.inner else 1 for node in measures.sums)
                sums = torch.zeros(rows, width, dtype=torch.float64)
                shape = (rows, length, trailing)
                wrong = _run(run, shape, arrays, scale, given, gradients, sums)[2]
                if wrong:
                    return None
                small.take(phase, sums, length)
            small.run(len(self.run))
            if any(small.of(mask).any() for mask in self.plan.wrong):
                return None
            units = small.of(self.plan.units)
            result = units.sum(dtype=torch.float64).item(), self._count(small, rows)
        if donate:
            torch.autograd.graph.increment_version(call.tensors[0])
        return _reduced(call.reduction, units, *result, arrays[0].dtype), gradients

    def _count(self, small: Small, rows: int) -> float:
        return float(rows if self.plan.count is None else small.of(self.plan.count))


class Program(NamedTuple):
    """Compiled code, and what it needs to know.

    ``count`` computes the denominator where it is a sum of weights; ``gradient_of`` are the places
    of the tensors that there are gradients for, ``unit_dims`` which of their dimensions are units';
    ``unit_axes`` name the dimensions of the units; ``is_light`` says that the formula moves no more
    memory.
    """

    run: Any
    count: Any
    gradient_of: tuple[int, ...]
    unit_dims: tuple[tuple[bool, ...], ...]
    unit_axes: tuple[str | None, ...]
    is_light: bool
    layout: Layout

    def compute(
        self, call: _Call, arrays: Sequence[Tensor], donate: bool
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Return the value and the gradients, those of the mean or of the sum; None if refused."""
        arrays = list(arrays)
        layout = self.layout
        sizes = dict(zip(layout.names, arrays[layout.full].shape, strict=True))
        unit_shape = torch.Size([1 if n is None else sizes[n] for n in self.unit_axes])
        if call.weight is not None:
            at = len(call.tensors)
            arrays[at] = fit_weight(arrays[at], unit_shape).contiguous()
        gradients = _room(arrays, self.gradient_of, donate)
        units = torch.empty(unit_shape) if call.reduction == "none" else None
        shape = (layout.rows, layout.length, layout.trailing)
        count, scale = float(unit_shape.numel()), 1.0
        if call.reduction == "mean" and gradients:
            if self.count is not None:
                count = _run(self.count, shape, arrays, scale, (), gradients, None)[0]
            scale = 1 / count if count else 1.0
        total, weight, wrong = _run(self.run, shape, arrays, scale, (), gradients, units)
        if wrong:
            return None
        if donate:
            torch.autograd.graph.increment_version(call.tensors[0])
        if self.count is None:
            weight = count
        return _reduced(call.reduction, units, total, weight, arrays[0].dtype), gradients


class _Dispatcher:
    """Decides between one pass and the formula, and remembers for each kind of input."""

    def __init__(self, donate: bool) -> None:
        self.donate = donate
        self.reasons: tuple[str, ...] = ()
        self._known: dict[object, Program | Passes | None] = {}
        self._programs: dict[object, Program | Passes] = {}

    def run(
        self,
        call: _Call,
        formula: Callable[[_Call, Sequence[Tensor]], Any],
        plain: Callable[[Sequence[Any]], Tensor],
        minimum: int,
    ) -> Tensor:
        check_reduction(call.reduction)
        arrays = call.arrays
        found = self._look_up(call, arrays, formula, minimum)
        if not found:
            return plain(call.tensors)
        donate = self.donate and 0 in found.gradient_of
        if donate:
            _check_donation(arrays[0])
            if call.signature is not None:  # afterwards it is too late to look at the input
                call.signature.admit(call.tensors, call.weight)
        result = found.compute(call, arrays, donate)
        if result is None:
            return plain(call.tensors)  # raises the error that says what is wrong
        value, gradients = result
        if not gradients:
            return value
        if donate:
            plain = _donated
        return cast(Tensor, _OnePass.apply(value, gradients, found, call, plain, *arrays))  # type: ignore[no-untyped-call]  # torch's own

    def gradient_in_place(
        self, call: _Call, formula: Callable[[_Call, Sequence[Tensor]], Any], minimum: int
    ) -> Tensor | None:
        """Return the parts, and leave the gradient in the first tensor; None if it cannot be."""
        arrays = call.arrays
        found = self._look_up(call, arrays, formula, minimum)
        result = found.compute(call, arrays, donate=True) if found else None
        return None if result is None else result[0]

    def _look_up(
        self,
        call: _Call,
        arrays: Sequence[Any],
        formula: Callable[[_Call, Sequence[Tensor]], Any],
        minimum: int,
    ) -> Program | Passes | None:
        """Return the compiled code of a call, or None if the formula has to run."""
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
    ) -> Program | Passes | None:
        from .build import CannotCompile, warn_once
        from .graph import NotFusible
        from .source import FAR

        if not call.fits():
            return None
        try:
            if any(wanted[len(call.tensors) :]):
                raise NotFusible("a weight or a hyperparameter needs a gradient")
            found = self._compile(call, wanted, formula)
            light = isinstance(found, Program) and found.is_light
            if light and max(a.numel() for a in call.arrays) < FAR:
                raise NotFusible("its formula moves no more memory than one pass")
            return found
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
    ) -> Program | Passes:
        from .graph import NotFusible
        from .regions import arrange_images

        reason: NotFusible | None = None
        kinds = (tuple(a.dtype for a in call.arrays), wanted, call.weight is None)
        settings = (*kinds, *call.settings.items(), *call.own)
        try:
            for layout in _layouts(call):
                key = (layout.kind, *settings)
                try:
                    if key not in self._programs:
                        self._programs[key] = _program(call, layout, wanted, formula, self.donate)
                    return cast(Program, self._programs[key])._replace(layout=layout)
                except NotFusible as why:
                    reason = reason or why
        except NotFusible as why:
            reason = why
        if call.signature is None or "*" in call.signature.unit:
            raise reason or NotFusible("nothing says what its units are")
        axes, units = _declared(call, call.signature)
        images = arrange_images([a.shape for a in call.arrays], axes, units)
        passes = (images, *settings)
        if passes not in self._programs:
            self._programs[passes] = _passes(call, images, wanted, formula, self.donate)
        return self._programs[passes]


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
    texts = [source(graph, dtypes, layout.lanes, layout.length, donate=donate) for graph in graphs]
    if texts[0] != texts[1]:
        raise NotFusible("it depends on the size of the batch")
    library, graph = load(texts[0]), graphs[0]
    count = None if graph.count is None else library.count
    units = {axis for axis in graph.unit_axes if axis is not None}
    dims = [layout.axes[i] for i in graph.gradient_of]
    if any(not units <= set(found) for found in dims):
        raise NotFusible("a tensor that needs a gradient is shared by several units")
    unit_dims = tuple(tuple(axis in units for axis in found) for found in dims)
    is_light = graph.is_light and not donate
    return Program(
        library.run, count, graph.gradient_of, unit_dims, graph.unit_axes, is_light, layout
    )


def _passes(
    call: _Call,
    images: Images,
    wanted: tuple[bool, ...],
    formula: Callable[[_Call, Sequence[Tensor]], Any],
    donate: bool,
) -> Passes:
    """Trace and compile a formula over regions."""
    from .build import load
    from .regions import plan
    from .source import source_of_measures
    from .trace import Array

    arrays = [
        Array(a.dtype, axes, need)
        for a, axes, need in zip(call.arrays, images.axes, wanted, strict=True)
    ]
    found = plan(functools.partial(formula, call), arrays, images)
    dtypes = [*(a.dtype for a in arrays), torch.float32, *(row.dtype for row in found.rows)]
    runs = [
        load(source_of_measures(m, dtypes, images.length, donate=donate)).run for m in found.passes
    ]
    places = found.passes[-1].gradient_of
    dims = tuple(tuple(n == images.row for n in images.axes[i]) for i in places)
    return Passes(found, images, tuple(runs), places, dims)


def _layouts(call: _Call) -> Iterator[Layout]:
    """Yield the layouts that a call may have; without a signature it is found by trying."""
    arrays = call.arrays
    shapes = [tuple(a.shape) for a in arrays]
    whole = len(arrays) - len(call.own)
    if call.signature is not None:
        axes, units = _declared(call, call.signature)
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


def _declared(call: _Call, signature: Signature) -> tuple[list[Axes], tuple[str, ...]]:
    """Return the names of the dimensions of each tensor, and of a unit's loss."""
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
            axes.append(aligned(tensor.shape, call.tensors[0].shape, axes[0]))
    return axes, units


def _room(arrays: Sequence[Tensor], gradient_of: Sequence[int], donate: bool) -> list[Tensor]:
    """Return where the gradients are written."""
    return [
        arrays[i].detach()
        if donate and i == 0
        else gradient_buffers.empty(arrays[i].shape, arrays[i].dtype)
        for i in gradient_of
    ]


def _run(
    function: Any,
    shape: Sequence[int],
    arrays: Sequence[Tensor],
    scale: float,
    rows: Sequence[Tensor | None],
    gradients: Sequence[Tensor],
    extra: Tensor | None,
) -> list[float]:
    """Run compiled code, and return what it adds up: values, weights, wrong inputs."""
    factor = ctypes.c_float(scale)
    of_rows = [None if r is None else r.data_ptr() for r in rows]
    inputs = [*(a.data_ptr() for a in arrays), ctypes.addressof(factor), *of_rows]
    result = (ctypes.c_double * 3)()
    largest = max(a.numel() for a in arrays)
    threads = max(1, min(torch.get_num_threads(), largest // MINIMUM_PER_THREAD))
    function(
        *(ctypes.c_int64(n) for n in shape),
        (ctypes.c_void_p * len(inputs))(*inputs),
        (ctypes.c_void_p * len(gradients))(*(g.data_ptr() for g in gradients)),
        ctypes.c_void_p(None if extra is None else extra.data_ptr()),
        result,
        ctypes.c_int(threads),
    )
    return list(result)


def _reduced(
    reduction: Reduction, units: Tensor | None, total: float, weight: float, dtype: torch.dtype
) -> Tensor:
    """Return what ``reduction`` asks for."""
    if reduction == "none" and units is not None:
        return units.to(dtype)
    if reduction == "parts":
        return torch.tensor([total, weight], dtype=torch.float32)
    return torch.full((), total if reduction == "sum" else total / (weight or 1.0), dtype=dtype)


class _OnePass(torch.autograd.Function):
    """Gives back the gradient that was computed with the value."""

    @staticmethod
    def forward(
        ctx: Any,
        value: Tensor,
        gradients: list[Tensor],
        program: Program | Passes,
        call: _Call,
        plain: Callable[[Sequence[Any]], Tensor],
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
            given = ctx.call.tensors
            needs = [i in ctx.places for i in range(len(given))]
            again = differentiate_again(lambda *t: ctx.plain(t), given, needs, incoming)
            out[5 : 5 + len(given)] = again
            return tuple(out)
        for i, g, dims in zip(ctx.places, ctx.saved_tensors, ctx.unit_dims, strict=True):
            out[5 + i] = _scaled(g, incoming, ctx.call.reduction, dims)
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


def _donated(given: Sequence[Any]) -> Tensor:
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
