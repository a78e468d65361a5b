"""From a formula in torch to its graph, by torch's own tracer.

The tracer records what a formula and its derivative do to tensors of certain sizes. Each axis has a
size of its own there, which tells what a dimension of any tensor is, and everything is traced at
two sizes of the batch: what is not the same both times depends on the batch, and cannot be fused.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch._decomp import core_aten_decompositions, get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from .graph import Builder, Graph, Kind, Node, NotFusible

aten = torch.ops.aten

_ONE_AT_A_TIME = threading.Lock()  # torch keeps in a global variable whether it is tracing


@dataclass(frozen=True)
class Traced:
    """What the formula of a loss returns to the tracer.

    Attributes:
        units: the weighted loss of each unit.
        count: what the mean divides by; None for the number of units.
        wrong: for each checked input, where it lies outside its domain.
    """

    units: Tensor
    count: Tensor | None
    wrong: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Array:
    """A tensor as the tracer sees it.

    Attributes:
        dtype: its dtype.
        axes: what each of its dimensions is: a name, or None for size 1.
        needs_gradient: whether a gradient is wanted.
    """

    dtype: torch.dtype
    axes: tuple[str | None, ...]
    needs_gradient: bool = False


Formula = Callable[[Sequence[Tensor]], Traced]


@dataclass(frozen=True)
class Recorded:
    """What torch's tracer saw: units, denominator if ``counted``, gradients, wrong inputs."""

    module: fx.GraphModule
    counted: bool


def record(formula: Formula, arrays: Sequence[Array], sizes: dict[str, int]) -> Recorded:
    """Record a formula and its derivative at some sizes.

    Raises:
        NotFusible: if the tracer cannot follow it.
    """
    examples = [
        torch.zeros([sizes[a] if a else 1 for a in array.axes], dtype=array.dtype)
        for array in arrays
    ]

    counted = False

    def joint(*given: Tensor) -> list[Tensor]:
        nonlocal counted
        tensors = [
            t.detach().requires_grad_() if array.needs_gradient else t
            for t, array in zip(given, arrays, strict=True)
        ]
        traced = formula(tensors)
        wanted = [t for t in tensors if t.requires_grad]
        gradients: Sequence[Tensor] = ()
        if wanted:
            ones = torch.ones_like(traced.units)
            gradients = torch.autograd.grad(traced.units, wanted, ones, allow_unused=True)
            if any(g is None for g in gradients):
                raise NotFusible("a tensor that needs a gradient gets none")
        counted = traced.count is not None
        count = [] if traced.count is None else [traced.count]
        return [traced.units, *count, *gradients, *traced.wrong]

    try:
        with _ONE_AT_A_TIME:
            recorder = make_fx(joint, decomposition_table=_OURS, tracing_mode="fake")
            recorded = recorder(*examples)
            # derivatives of torch write in place, which the second recording undoes
            pure = torch.func.functionalize(recorded)
            recorder = make_fx(pure, decomposition_table=_DECOMPOSITIONS, tracing_mode="fake")
            recorded = recorder(*examples)
    except NotFusible:
        raise
    except Exception as error:  # whatever the formula does that the tracer cannot follow
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NotFusible(f"it cannot be traced: {reason}") from error
    recorded.graph.eliminate_dead_code()
    return Recorded(recorded, counted)


def trace(formula: Formula, arrays: Sequence[Array], sizes: dict[str, int], inner: str) -> Graph:
    """Return the graph of ``formula`` at these sizes; those but ``inner``'s are of no importance.

    The gradients are multiplied by one more input, a single number, behind the arrays.

    Raises:
        NotFusible: if it is not a graph of units.
    """
    found = record(formula, arrays, sizes)
    reader = Reader(found.module, sizes, inner)
    units, *rest = reader.read(arrays)
    if isinstance(units, _Total) or not units.units:
        raise NotFusible("it does not return a loss for each unit")
    count = reader.count(rest.pop(0), math.prod(reader.unit_shape)) if found.counted else None
    scale = reader.build.make("load", kind="f", value=len(arrays))
    gradients = [
        reader.build.binary("mul", reader.plain(rest.pop(0)), scale)
        for array in arrays
        if array.needs_gradient
    ]
    wrong = [reader.plain(node) for node in rest]
    return Graph(
        reader.plain(units),
        count,
        reader.either(wrong),
        tuple(gradients),
        tuple(i for i, array in enumerate(arrays) if array.needs_gradient),
        tuple(bool(inner) and inner in array.axes for array in arrays if array.needs_gradient),
        tuple(reader.names.get(size) for size in reader.unit_shape),
    )


@dataclass(frozen=True)
class _Total:
    """The sum of a value over all units, which only the denominator may be."""

    node: Node


Value = Node | _Total | tuple["Node | _Total", ...]


class Reader:
    """Reads a recorded graph of tensors into a graph of units."""

    def __init__(self, recorded: fx.GraphModule, sizes: dict[str, int], inner: str) -> None:
        self.recorded = recorded
        self.build = Builder()
        self.inner = inner
        self.length = sizes.get(inner, 1)
        self.names = {size: name for name, size in sizes.items() if size != 1}
        self.batch = frozenset(name for name in sizes if name != inner)
        self.unit_shape: tuple[int, ...] = ()

    def read(self, arrays: Sequence[Array]) -> list[Any]:
        values: dict[fx.Node, Any] = {}
        places = iter(enumerate(arrays))
        for node in self.recorded.graph.nodes:
            if node.op == "placeholder":
                place, array = next(places)
                units, inner = self.axes(node.meta["val"].shape)
                kind = kind_of(array.dtype)
                values[node] = self.build.make(
                    "load", kind=kind, units=units, inner=inner, value=place
                )
            elif node.op == "get_attr":
                values[node] = self.literal(node)
            elif node.op == "output":
                first = node.args[0][0]
                self.unit_shape = tuple(first.meta["val"].shape)
                return [values[out] for out in node.args[0]]
            else:
                values[node] = self.call(node, values)
        raise AssertionError("a recorded graph ends in its output")

    def call(self, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
        def known(arg: Any) -> Any:
            if isinstance(arg, fx.Node):
                return values[arg]
            if isinstance(arg, list | tuple):
                return [known(a) for a in arg]
            return arg

        return self.apply(node, known(node.args), {k: known(v) for k, v in node.kwargs.items()})

    def apply(self, node: fx.Node, args: Sequence[Any], options: dict[str, Any]) -> Any:
        read = _READERS.get(node.target)
        if read is None:
            raise NotFusible(f"it uses {node.target}, which one pass does not know")
        if isinstance(node.meta["val"], Tensor):
            self.axes(node.meta["val"].shape, cat=node.target in _SHORT)
        return read(self, node, *args, **options)

    def axes(self, shape: Sequence[int], cat: bool = False) -> tuple[bool, bool]:
        """Return whether a tensor differs between units, and along the inner axis."""
        if cat:
            return False, False
        found = [self.names.get(size) for size in shape if size != 1]
        if None in found or len(set(found)) < len(found):
            raise NotFusible(f"it makes a tensor of shape {tuple(shape)}: not one number per unit")
        named = set(found) - {self.inner}
        if named and named != self.batch:
            raise NotFusible("it makes a tensor that has only some dimensions of the units")
        return bool(named), self.inner in found

    def name(self, node: fx.Node, dim: int) -> str | None:
        shape = node.meta["val"].shape
        return self.names.get(shape[dim]) if shape[dim] != 1 else None

    def plain(self, value: Value) -> Node:
        if isinstance(value, Node):
            return value
        raise NotFusible("it uses a sum over the batch")

    def number(self, value: Any) -> Node:
        if isinstance(value, _Total | tuple):
            return self.plain(value)
        return value if isinstance(value, Node) else self.build.const(value)

    def literal(self, node: fx.Node) -> Node:
        """Read a number that the formula made into a tensor; tensors from elsewhere may change."""
        tensor = getattr(self.recorded, str(node.target))
        made_here = all(user.target is aten.lift_fresh_copy.default for user in node.users)
        if tensor.numel() != 1 or not made_here:
            raise NotFusible("it uses a tensor that is not one of its arguments")
        return self.build.const(tensor.item())

    def count(self, value: Value, units: int) -> Node | None:
        if isinstance(value, _Total):
            return self.build.cast(value.node, "f")
        if isinstance(value, Node) and value.is_constant and value.value == units:
            return None
        raise NotFusible("it averages over something that is not a sum of weights")

    def either(self, masks: Sequence[Node]) -> Node | None:
        out: Node | None = None
        for mask in masks:
            if not (mask.is_constant and not mask.value):
                out = mask if out is None else self.build.make("or", out, mask)
        return out

    def reduced(self, op: str, node: fx.Node, x: Value, dims: Sequence[int] | None) -> Value:
        argument = cast(fx.Node, node.args[0])
        shape = argument.meta["val"].shape
        dims = range(len(shape)) if not dims else [d % len(shape) for d in dims]
        over = {self.name(argument, d) for d in dims} - {None}
        value = self.plain(x)
        if over <= {self.inner}:
            return self.build.reduce(op, value, self.length) if over else value
        everything = {self.name(argument, d) for d in range(len(shape))} - {None}
        if op == "sum" and over == everything:
            return _Total(value)
        raise NotFusible("it reduces over the batch")


def kind_of(dtype: torch.dtype) -> Kind:
    return "f" if dtype.is_floating_point else "m" if dtype == torch.bool else "i"


Read = Callable[..., Any]
_READERS: dict[Any, Read] = {}


def _reads(*targets: Any) -> Callable[[Read], Read]:
    def register(read: Read) -> Read:
        for target in targets:
            _READERS[target] = read
        return read

    return register


def _unary(op: str) -> Read:
    return lambda r, node, x: r.build.unary(op, r.build.cast(r.plain(x), "f"))


def _binary(op: str) -> Read:
    def read(r: Reader, node: fx.Node, a: Any, b: Any, alpha: float = 1) -> Node:
        a, b = r.plain(r.number(a)), r.plain(r.number(b))
        if alpha != 1:
            b = r.build.binary("mul", b, r.build.const(float(alpha)))
        if op == "div":
            a, b = r.build.cast(a, "f"), r.build.cast(b, "f")
        return r.build.binary(op, a, b)

    return read


def _comparison(op: str) -> Read:
    return lambda r, node, a, b: r.build.compare(op, r.plain(a), r.plain(r.number(b)))


_FUNCTIONS = (
    *("abs", "ceil", "floor", "neg", "round", "sign", "sqrt", "trunc"),
    *("exp", "expm1", "log", "log1p", "sigmoid", "tanh", "erf", "erfc", "lgamma"),
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "sin", "sinh", "tan"),
)
for _op in _FUNCTIONS:
    _READERS[getattr(aten, _op).default] = _unary(_op)
for _op in ("add", "sub", "mul", "div"):
    for _overload in getattr(aten, _op).overloads():
        if _overload in ("Tensor", "Scalar"):
            _READERS[getattr(getattr(aten, _op), _overload)] = _binary(_op)
for _op in ("eq", "ne", "lt", "le", "gt", "ge"):
    _READERS[getattr(aten, _op).Tensor] = _comparison(_op)
    _READERS[getattr(aten, _op).Scalar] = _comparison(_op)
_READERS[aten.maximum.default] = _binary("maximum")
_READERS[aten.minimum.default] = _binary("minimum")
for _op in ("and", "or"):
    for _target in (f"bitwise_{_op}", f"logical_{_op}"):
        _found = getattr(aten, _target)
        _READERS[_found.Tensor if _target[0] == "b" else _found.default] = (
            lambda r, node, a, b, op=_op: r.build.make(
                op, r.build.cast(r.plain(a), "m"), r.build.cast(r.plain(b), "m"), kind="m"
            )
        )

# operations after which a vector of two sums may be taken apart
_SHORT = frozenset({aten.cat.default, aten.unsqueeze.default})


@_reads(
    aten.alias.default,
    aten.detach.default,
    aten.clone.default,
    aten.lift_fresh_copy.default,
    aten.expand.default,
    aten.view.default,
    aten.reshape.default,
    aten._unsafe_view.default,
    aten.unsqueeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.squeeze.default,
    aten.permute.default,
    aten.transpose.int,
)
def _same(r: Reader, node: fx.Node, x: Value, *_: Any, **options: Any) -> Value:
    """Read what moves dimensions: their sizes tell what they are."""
    return x


@_reads(aten._to_copy.default)
def _to_copy(
    r: Reader, node: fx.Node, x: Value, dtype: torch.dtype | None = None, **_: Any
) -> Value:
    """Read a conversion; half precision is a matter of memory, not of what is computed."""
    if isinstance(x, _Total):
        return x
    return x if dtype is None else r.build.cast(r.plain(x), kind_of(dtype))


@_reads(aten.copy.default)
def _copy(r: Reader, node: fx.Node, into: Value, x: Value, *_: Any) -> Value:
    return r.build.cast(r.plain(x), kind_of(node.meta["val"].dtype))


@_reads(aten.cat.default)
def _cat(r: Reader, node: fx.Node, values: list[Any], dim: int = 0) -> tuple[Any, ...]:
    if any(part.meta["val"].numel() != 1 for part in cast(list[fx.Node], node.args[0])):
        raise NotFusible("it joins tensors")
    return tuple(values)


@_reads(aten.select.int)
def _select(r: Reader, node: fx.Node, x: Any, dim: int, index: int) -> Any:
    if isinstance(x, tuple):
        return x[index]
    if r.name(cast(fx.Node, node.args[0]), dim) != r.inner:
        raise NotFusible("it selects single units")
    return r.build.take(r.plain(x), r.build.const(index % r.length))


@_reads(aten.rsqrt.default)
def _rsqrt(r: Reader, node: fx.Node, x: Value) -> Node:
    return r.build.binary("div", r.build.const(1.0), r.build.unary("sqrt", r.plain(x)))


@_reads(aten.reciprocal.default)
def _reciprocal(r: Reader, node: fx.Node, x: Value) -> Node:
    return r.build.binary("div", r.build.const(1.0), r.plain(x))


@_reads(aten.relu.default)
def _relu(r: Reader, node: fx.Node, x: Value) -> Node:
    return r.build.binary("maximum", r.plain(x), r.build.const(0.0))


@_reads(aten.rsub.Scalar)
def _rsub(r: Reader, node: fx.Node, x: Value, other: float, alpha: float = 1) -> Node:
    scaled = r.build.binary("mul", r.plain(x), r.build.const(float(alpha)))
    return r.build.binary("sub", r.build.const(float(other)), scaled)


@_reads(aten.clamp.default, aten.clamp_min.default, aten.clamp_max.default)
def _clamp(
    r: Reader, node: fx.Node, x: Value, first: Any = None, second: Any = None, **bounds: Any
) -> Node:
    if node.target is aten.clamp_max.default:
        first, second = None, first
    low, high = bounds.get("min", first), bounds.get("max", second)
    out = r.plain(x)
    if low is not None:
        out = r.build.binary("maximum", out, r.number(low))
    if high is not None:
        out = r.build.binary("minimum", out, r.number(high))
    return out


@_reads(aten.pow.Tensor_Scalar, aten.pow.Tensor_Tensor)
def _pow(r: Reader, node: fx.Node, x: Value, power: Any) -> Node:
    base = r.build.cast(r.plain(x), "f")
    if isinstance(power, int | float) and abs(power) in (0, 1, 2, 3, 4):
        out = r.build.const(1.0)
        for _ in range(abs(int(power))):
            out = r.build.binary("mul", out, base)
        return out if power >= 0 else r.build.binary("div", r.build.const(1.0), out)
    if power in (0.5, -0.5):
        root = r.build.unary("sqrt", base)
        return root if power > 0 else r.build.binary("div", r.build.const(1.0), root)
    return r.build.make("pow", base, r.build.cast(r.plain(r.number(power)), "f"))


@_reads(aten.pow.Scalar)
def _power_of(r: Reader, node: fx.Node, base: float, x: Value) -> Node:
    return r.build.make("pow", r.build.const(float(base)), r.build.cast(r.plain(x), "f"))


@_reads(aten.any.dim, aten.any.dims)
def _any(r: Reader, node: fx.Node, x: Value, dims: Any, keep: bool = False) -> Value:
    found = r.reduced(
        "max", node, r.build.cast(r.plain(x), "f"), [dims] if isinstance(dims, int) else dims
    )
    return r.build.compare("gt", r.plain(found), r.build.const(0.0))


@_reads(aten.where.self)
def _where(r: Reader, node: fx.Node, condition: Value, a: Value, b: Value) -> Node:
    return r.build.where(r.plain(condition), r.plain(a), r.plain(b))


@_reads(aten.logical_not.default, aten.bitwise_not.default)
def _not(r: Reader, node: fx.Node, x: Value) -> Node:
    value = r.plain(x)
    if node.target is aten.bitwise_not.default and value.kind != "m":
        raise NotFusible("it inverts the bits of numbers")
    return r.build.make("not", r.build.cast(value, "m"))


@_reads(aten.isnan.default)
def _isnan(r: Reader, node: fx.Node, x: Value) -> Node:
    return r.build.compare("ne", r.plain(x), r.plain(x))


@_reads(aten.isinf.default)
def _isinf(r: Reader, node: fx.Node, x: Value) -> Node:
    size = r.build.unary("abs", r.plain(x))
    return r.build.compare("eq", size, r.build.const(math.inf))


@_reads(aten.scalar_tensor.default, aten.full_like.default, aten.full.default)
def _full(r: Reader, node: fx.Node, *given: Any, **_: Any) -> Node:
    value = given[0] if node.target is aten.scalar_tensor.default else given[1]
    return r.build.const(value, kind_of(node.meta["val"].dtype))


@_reads(aten.empty_permuted.default, aten.empty_like.default, aten.empty.memory_format)
def _empty(r: Reader, node: fx.Node, *_: Any, **__: Any) -> Node:
    return r.build.const(math.nan, kind_of(node.meta["val"].dtype))  # what is left unwritten shows


@_reads(aten.arange.start_step)
def _arange(r: Reader, node: fx.Node, start: float, end: float, step: float = 1, **_: Any) -> Node:
    if r.name(node, 0) != r.inner or start != 0 or step != 1:
        raise NotFusible("it counts something else than its classes")
    iota = r.build.make("iota", kind="i", inner=True)
    return r.build.cast(iota, kind_of(node.meta["val"].dtype))


@_reads(aten.sum.dim_IntList)
def _sum(
    r: Reader, node: fx.Node, x: Value, dims: list[int] | None, keep: bool = False, **_: Any
) -> Value:
    return r.reduced("sum", node, x, dims)


@_reads(aten.sum.default)
def _sum_all(r: Reader, node: fx.Node, x: Value, **_: Any) -> Value:
    return r.reduced("sum", node, x, None)


@_reads(aten.mean.dim, aten.mean.default)
def _mean(
    r: Reader, node: fx.Node, x: Value, dims: Any = None, keep: bool = False, **_: Any
) -> Value:
    total = r.plain(r.reduced("sum", node, x, dims))
    return total if total is x else r.build.binary("div", total, r.build.const(float(r.length)))


@_reads(aten.amax.default)
def _amax(r: Reader, node: fx.Node, x: Value, dims: list[int], keep: bool = False) -> Value:
    return r.reduced("max", node, x, dims)


@_reads(aten.amin.default)
def _amin(r: Reader, node: fx.Node, x: Value, dims: list[int], keep: bool = False) -> Value:
    return r.reduced("min", node, x, dims)


def _along_inner(r: Reader, node: fx.Node, dim: int, index: Node) -> None:
    name = r.name(cast(fx.Node, node.args[0]), dim)
    if name not in (r.inner, None) or index.inner:
        raise NotFusible("it gathers from other units, or several entries of one")


@_reads(aten.gather.default)
def _gather(r: Reader, node: fx.Node, x: Value, dim: int, index: Value, **_: Any) -> Node:
    _along_inner(r, node, dim, r.plain(index))
    return r.build.take(r.plain(x), r.plain(index))


@_reads(aten.index.Tensor)
def _index(r: Reader, node: fx.Node, x: Value, indices: list[Any]) -> Node:
    found = r.plain(x)
    if len(indices) != 1 or found.units or r.plain(indices[0]).kind != "i":
        raise NotFusible("it selects by an index or a mask")
    return r.build.take(found, r.plain(indices[0]))


@_reads(aten.scatter.value, aten.scatter.src, aten.scatter_add.default)
def _scatter(r: Reader, node: fx.Node, x: Value, dim: int, index: Value, source: Any) -> Node:
    where, into, new = r.plain(index), r.plain(x), r.plain(r.number(source))
    _along_inner(r, node, dim, where)
    iota = r.build.const(0) if r.length == 1 else r.build.make("iota", kind="i", inner=True)
    if node.target is aten.scatter_add.default:
        new = r.build.binary("add", into, new)
    return r.build.where(r.build.compare("eq", iota, where), new, into)


def _binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """Decompose what torch decomposes into three exponentials into one."""
    if weight is not None:
        raise NotFusible("it weighs inside binary_cross_entropy_with_logits")
    tail = torch.log1p(torch.exp(-input.abs()))
    yes, no = (-input).clamp(min=0) + tail, input.clamp(min=0) + tail
    units = (target if pos_weight is None else pos_weight * target) * yes + (1 - target) * no
    return units if reduction == 0 else units.mean() if reduction == 1 else units.sum()


_OURS = {aten.binary_cross_entropy_with_logits.default: _binary_cross_entropy_with_logits}

_DECOMPOSITIONS = {
    **core_aten_decompositions(),
    **get_decompositions(
        [
            aten._log_softmax,
            aten._softmax,
            aten._log_softmax_backward_data,
            aten._softmax_backward_data,
            aten.nll_loss_forward,
            aten.nll_loss_backward,
            aten.softplus,
            aten.softplus_backward,
            aten.log_sigmoid_forward,
            aten.log_sigmoid_backward,
            aten.smooth_l1_loss,
            aten.smooth_l1_loss_backward,
            aten.huber_loss,
            aten.huber_loss_backward,
            aten.xlogy,
            aten.logsumexp,
            aten.leaky_relu,
            aten.leaky_relu_backward,
            aten.mse_loss,
            aten.binary_cross_entropy,
        ]
    ),
}
