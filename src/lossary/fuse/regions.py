"""From a formula over regions to passes over pixels, and what torch computes between them.

A loss such as Dice adds up values over the pixels of each sample, computes something small from the
sums, and has a gradient at each pixel that depends on them. Its graph is cut there: what differs
between pixels is compiled, a pass for each time that sums are needed for what comes next; what does
not is run by torch as it was recorded.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, fx

from .graph import Kind, Measures, Node, NotFusible
from .layout import PRIMES, Axes
from .trace import Array, Formula, Reader, Recorded, kind_of, record

aten = torch.ops.aten

DTYPES: dict[Kind, torch.dtype] = {"f": torch.float32, "i": torch.int64, "m": torch.bool}
ROW, PIXEL = "row", "pixel"  # what a dimension is, besides the inner axis


@dataclass(frozen=True)
class Images:
    """How the tensors of a call lie: samples, the inner axis if there is one, pixels.

    Attributes:
        axes: for each tensor, the names of its dimensions; None for size 1.
        row: the name of the dimension of the samples.
        inner: the name of the inner axis, "" if there is none.
        length: its length.
        pixels: the names of the dimensions of the pixels.
    """

    axes: tuple[Axes, ...]
    row: str
    inner: str
    length: int
    pixels: tuple[str, ...]

    def sizes(self, which: int) -> dict[str, int]:
        """Return sizes to trace at, all different, of which pixels and samples differ twice."""
        names = (self.row, *self.pixels)
        free = [p for p in PRIMES if p != self.length]
        if 2 * len(names) > len(free):
            raise NotFusible("it has too many dimensions")
        sizes = dict(zip(names, free[which * len(names) :], strict=False))
        if math.prod(sizes[p] for p in self.pixels) == self.length:
            raise NotFusible("it has as many classes as the pixels that it is traced with")
        return {**sizes, self.inner: self.length} if self.inner else sizes


def arrange_images(
    shapes: Sequence[Sequence[int]], axes: Sequence[Axes], units: Sequence[str]
) -> Images:
    """Find how the tensors of a call lie; the first has all dimensions, samples first."""
    names = tuple(str(n) for n in axes[0])
    size = dict(zip(names, shapes[0], strict=True))
    pixels = tuple(n for n in names if n.startswith("*"))
    inner = [n for n in names if n not in pixels and n not in units and size[n] != 1]
    if len(units) != 1 or names[:1] != tuple(units) or not pixels or len(inner) > 1:
        raise NotFusible("it has more than one dimension that is not a unit's")
    known = {*units, *inner, *pixels}
    given = tuple(tuple(n if n in known else None for n in found) for found in axes)
    if any(n is not None and n not in names for found in axes for n in found):
        raise NotFusible("its tensors have different dimensions")
    return Images(given, units[0], *((inner[0], size[inner[0]]) if inner else ("", 1)), pixels)


@dataclass(frozen=True)
class Size:
    """A number in a recorded graph that is a product of sizes: 1 for none."""

    names: tuple[str, ...]

    def at(self, sizes: Mapping[str, int]) -> int:
        return math.prod(sizes[n] for n in self.names)


@dataclass(frozen=True)
class Slot:
    """The value that an operation made, by number."""

    number: int


@dataclass(frozen=True)
class Step:
    """One operation of torch on what is small."""

    made: int
    target: Any
    args: Any
    options: dict[str, Any]

    def run(self, values: Mapping[int, Any], sizes: Mapping[str, int]) -> Any:
        args = [_now(a, values, sizes) for a in self.args]
        options = {k: _now(v, values, sizes) for k, v in self.options.items()}
        return self.target(*args, **options)


def _now(value: Any, values: Mapping[int, Any], sizes: Mapping[str, int]) -> Any:
    """Return what an argument is in one call."""
    if isinstance(value, Slot):
        return values[value.number]
    if isinstance(value, Size):
        return value.at(sizes)
    if isinstance(value, list):
        return [_now(v, values, sizes) for v in value]
    return value


@dataclass(frozen=True)
class Sums:
    """Sums of one pass, as a value: which they are, and what the formula expects of them.

    Where it expects booleans, it asked whether any is true.
    """

    made: int
    node: Node
    shape: list[Any]
    divisor: Size
    dtype: torch.dtype


@dataclass(frozen=True)
class Row:
    """A small value that passes read.

    Attributes:
        slot: which it is, or the size that it is.
        inner: whether it has the inner axis.
        dtype: what it is handed over as.
        phase: how many passes must come first.
    """

    slot: Slot | Size
    inner: bool
    dtype: torch.dtype
    phase: int


@dataclass
class Plan:
    """Passes, and the steps before each.

    Attributes:
        passes: what each pass over the pixels computes; the last has the gradients.
        rows: the small values that passes read.
        sums: for each pass, the sums to unpack.
        steps: what torch runs before each pass, and after the last.
        arrays: the small arguments that steps use: number of the value, place of the argument.
        sizes: the tensors that the formula made of sizes.
        fixed: what depends on no argument and no size, and is the same in each call.
        units: the weighted losses of the samples.
        count: what the mean divides by; None for the number of samples.
        wrong: small masks of what lies outside its domain.
    """

    passes: list[Measures]
    rows: list[Row]
    sums: list[list[Sums]]
    steps: list[list[Step]]
    arrays: dict[int, int]
    sizes: dict[int, tuple[Size, torch.dtype]]
    fixed: dict[int, Tensor]
    units: Slot
    count: Slot | None
    wrong: list[Slot]


def plan(formula: Formula, arrays: Sequence[Array], images: Images) -> Plan:
    """Return the passes that compute ``formula``.

    Raises:
        NotFusible: if it is not made of sums over pixels.
    """
    sizes = [images.sizes(i) for i in (0, 1)]
    recorded = [record(formula, arrays, s) for s in sizes]
    reader = _Splitter(recorded[0], recorded[1], images, sizes)
    return reader.split(arrays)


@dataclass
class _Small:
    """A value without pixels: the operation that makes it, and how many passes must come first."""

    node: fx.Node
    phase: int


MEASURES = (aten.sum.dim_IntList, aten.sum.default, aten.mean.dim, aten.any.dim, aten.any.dims)


def _pairs(first: fx.GraphModule, second: fx.GraphModule) -> dict[fx.Node, fx.Node]:
    """Return for each operation of a recording that of the other, which must be the same."""
    ones, others = list(first.graph.nodes), list(second.graph.nodes)
    if [_form(n) for n in ones] != [_form(n) for n in others]:
        raise NotFusible("it depends on the size of the batch")
    return dict(zip(ones, others, strict=True))


def _form(node: fx.Node) -> Any:
    """Return an operation without its numbers."""

    def form(arg: Any) -> Any:
        if isinstance(arg, list | tuple):
            return [form(a) for a in arg]
        if isinstance(arg, fx.Node):
            return arg.name
        return int if isinstance(arg, int | float) and not isinstance(arg, bool) else arg

    target = node.target if node.op == "call_function" else node.op
    options = {name: form(value) for name, value in node.kwargs.items()}
    return node.name, target, form(node.args), options


class _Splitter(Reader):
    """Reads what has pixels into a graph, and leaves the rest to torch."""

    def __init__(
        self, first: Recorded, second: Recorded, images: Images, sizes: Sequence[dict[str, int]]
    ) -> None:
        super().__init__(first.module, sizes[0], images.inner)
        self.first, self.second, self.images, self.both = first, second, images, sizes
        own = sizes[0]
        self.names = {own[images.row]: ROW, **{own[p]: PIXEL for p in images.pixels}}
        self.names[math.prod(own[p] for p in images.pixels)] = PIXEL
        if images.inner:
            self.names[images.length] = images.inner
        self.pixels = [own[p] for p in images.pixels]
        self.values: dict[fx.Node, Any] = {}
        self.measured: dict[fx.Node, tuple[Node, Size]] = {}
        self.read_rows: dict[fx.Node | Size, Node] = {}
        self.phases: dict[Node, int] = {}
        self.inputs = 0
        self.twin = _pairs(first.module, second.module)
        self.known_sizes: dict[tuple[float, float], Size] = {}
        groups = [(images.row,), *((p,) for p in images.pixels), images.pixels]
        for names in (*groups, (images.row, *images.pixels)):
            for more in ((), (images.inner,)) if images.inner else ((),):
                found = Size((*names, *more))
                self.known_sizes.setdefault((found.at(sizes[0]), found.at(sizes[1])), found)

    def place(self, shape: Sequence[int]) -> tuple[bool, bool, bool]:
        """Return whether a tensor has samples, the inner axis, and all pixels."""
        rest = [s for s in shape if s != 1]
        found = []
        for size in (self.both[0][self.images.row], self.length if self.inner else 0):
            found.append(size in rest)
            if size in rest:
                rest.remove(size)
        if rest == [2]:  # the two sums of a loss, side by side
            return False, False, False
        if rest and rest != self.pixels and rest != [math.prod(self.pixels)]:
            raise NotFusible(f"it makes a tensor of shape {tuple(shape)}: not one number per pixel")
        return found[0], found[1], bool(rest)

    def axes(self, shape: Sequence[int], cat: bool = False) -> tuple[bool, bool]:
        rows, inner, pixels = self.place(shape)
        if pixels and not rows:
            raise NotFusible("it makes an image that all samples share")
        return rows, inner

    # ---- reading

    def split(self, arrays: Sequence[Array]) -> Plan:
        self.inputs = len(arrays) + 1
        places = iter(enumerate(arrays))
        small: dict[fx.Node, int] = {}
        results: Sequence[Any] = ()
        for node in self.recorded.graph.nodes:
            if node.op == "placeholder":
                place, array = next(places)
                rows, inner, pixels = self.place(node.meta["val"].shape)
                if not pixels:
                    small[node] = place
                if rows and not pixels:
                    self.values[node] = _Small(node, 0)
                else:
                    self.values[node] = self.build.make(
                        "load", kind=kind_of(array.dtype), units=rows, inner=inner, value=place
                    )
            elif node.op == "get_attr":
                self.values[node] = self._attribute(node)
            elif node.op == "output":
                results = node.args[0]
            else:
                self.values[node] = self._read(node)
        return self._passes(arrays, list(results), small)

    def _attribute(self, node: fx.Node) -> Any:
        try:
            value = self.literal(node)
        except NotFusible:
            return _Small(node, 0)
        other = getattr(self.second.module, str(self.twin[node].target)).item()
        return value if other == value.value else _Small(node, 0)

    def _read(self, node: fx.Node) -> Any:
        shown, given = node.meta["val"], [self.values[n] for n in node.all_input_nodes]
        if isinstance(shown, Tensor) and self.place(shown.shape)[2]:
            other = self.twin[node]
            args = [self._readable(a, b) for a, b in zip(node.args, other.args, strict=True)]
            options = {k: self._readable(v, other.kwargs[k]) for k, v in node.kwargs.items()}
            return self.apply(node, args, options)
        if any(
            isinstance(self.values[n], Node) and self._has_pixels(n) for n in node.all_input_nodes
        ):
            return self._measure(node)
        small = [v.phase for v in given if isinstance(v, _Small)]
        if not small and not self._resized(node):
            with contextlib.suppress(NotFusible):  # what a pass cannot compute, torch can
                return self.call(node, self.values)
        return _Small(node, max(small, default=0))

    def _has_pixels(self, node: fx.Node) -> bool:
        return self.place(node.meta["val"].shape)[2]

    def _readable(self, mine: Any, other: Any) -> Any:
        """Return an argument that a pass can read; shapes, which are lists, do not matter to it."""
        if isinstance(mine, fx.Node):
            return self._as_node(mine)
        if isinstance(mine, int | float) and mine != other:
            return self._read_row(self.size_of(mine, other), False, "f", 0)
        return mine

    def _resized(self, node: fx.Node) -> bool:
        """Whether a number in the operation depends on the sizes."""
        other = self.twin[node]
        mine, yours = ((*n.args, *n.kwargs.values()) for n in (node, other))
        return _numbers(mine) != _numbers(yours)

    def _as_node(self, node: fx.Node) -> Node:
        """Return a value as one that a pass can read."""
        value = self.values[node]
        if isinstance(value, Node):
            return value
        if not isinstance(value, _Small):
            raise NotFusible("it uses several values at once")
        shape = [s for s in node.meta["val"].shape if s != 1]
        inner = self.place(shape)[1]
        if inner and shape[-1] != self.length:
            raise NotFusible("it transposes what it adds up")
        return self._read_row(node, inner, kind_of(node.meta["val"].dtype), value.phase)

    def _read_row(self, source: fx.Node | Size, inner: bool, kind: Kind, phase: int) -> Node:
        if source not in self.read_rows:
            value = self.inputs + len(self.read_rows)
            found = self.build.make("load_row", kind=kind, units=True, inner=inner, value=value)
            self.read_rows[source], self.phases[found] = found, phase
        return self.read_rows[source]

    def size_of(self, a: float, b: float) -> Size:
        """Return what a number is that was ``a`` in one recording and ``b`` in the other."""
        if (a, b) not in self.known_sizes:
            raise NotFusible("it depends on the size of the batch")
        return self.known_sizes[a, b]

    def phase(self, node: Node) -> int:
        """Return how many passes must come before a value of pixels can be computed."""
        if node not in self.phases:
            self.phases[node] = max((self.phase(a) for a in node.args), default=0)
        return self.phases[node]

    def _measure(self, node: fx.Node) -> _Small:
        """Read a sum or a mean over the pixels."""
        if node.target not in MEASURES:
            raise NotFusible(f"it uses {node.target} over the pixels")
        argument = node.all_input_nodes[0]
        shape = argument.meta["val"].shape
        dims: Any = node.args[1] if len(node.args) > 1 else None
        dims = [dims] if isinstance(dims, int) else dims
        dims = [d % len(shape) for d in dims] if dims else list(range(len(shape)))
        over = {self.name(argument, d) for d in dims} - {None}
        if ROW in over or PIXEL not in over:
            raise NotFusible("it reduces over the batch")
        value = self.build.cast(self._as_node(argument), "f")
        if self.inner and self.inner in over:
            value = self.build.reduce("sum", value, self.length)
        divisor: tuple[str, ...] = ()
        if node.target is aten.mean.dim:
            divisor = (*self.images.pixels, *([self.inner] if self.inner in over else []))
        self.measured[node] = value, Size(divisor)
        return _Small(node, self.phase(value) + 1)

    # ---- cutting

    def _passes(
        self, arrays: Sequence[Array], results: list[Any], small: Mapping[fx.Node, int]
    ) -> Plan:
        units, *rest = results
        count = rest.pop(0) if self.first.counted else None
        wanted = [i for i, array in enumerate(arrays) if array.needs_gradient]
        slopes, masks = rest[: len(wanted)], rest[len(wanted) :]
        if not isinstance(self.values[units], _Small) or not self.measured:
            raise NotFusible("it adds nothing up over the pixels")
        if tuple(units.meta["val"].shape) != (self.both[0][self.images.row],):
            raise NotFusible("it does not return a loss for each sample")
        if count is not None and not isinstance(self.values[count], _Small):
            raise NotFusible("it averages over something that is not a sum of weights")
        scale = self.build.make("load", kind="f", value=len(arrays))
        gradients = tuple(self.build.binary("mul", self._as_node(g), scale) for g in slopes)
        if any(not self._has_pixels(g) for g in slopes):
            raise NotFusible("a tensor without pixels needs a gradient")
        wrong = self.either([self._as_node(m) for m in masks if self._has_pixels(m)])
        needed = [self.phase(g) for g in gradients]
        last = max([self.phase(v) for v, _ in self.measured.values()] + needed)
        if count is not None and gradients:
            last = max(last, self.values[count].phase)
        outside = [m for m in masks if not self._has_pixels(m) and not self._is_false(m)]
        outputs = [units, *([count] if count is not None else []), *outside]
        read = [n for n in self.read_rows if isinstance(n, fx.Node)]
        program = _Program(self, small, last)
        program.write([*outputs, *read])
        passes: list[Measures] = []
        for phase, sums in enumerate(program.sums):
            final = phase == last
            along = tuple(bool(self.inner) and self.inner in arrays[i].axes for i in wanted)
            passes.append(
                Measures(
                    tuple(dict.fromkeys(s.node for s in sums)),
                    wrong if phase == 0 else None,
                    gradients if final else (),
                    tuple(wanted) if final else (),
                    along if final else (),
                )
            )
        rows = [
            Row(
                source if isinstance(source, Size) else program.slot(source),
                made.inner,
                DTYPES[made.kind],
                self.phase(made),
            )
            for source, made in self.read_rows.items()
        ]
        return Plan(
            passes,
            rows,
            program.sums,
            program.steps,
            program.arrays,
            program.sizes,
            program.fixed,
            program.slot(units),
            None if count is None else program.slot(count),
            [program.slot(m) for m in outside],
        )

    def _is_false(self, node: fx.Node) -> bool:
        value = self.values[node]
        return isinstance(value, Node) and value.is_constant and not value.value


class _Program:
    """Writes down the operations that torch is to run, with sizes instead of numbers.

    What is computed twice, as by a loss and by its sum, gets one number and is run once; what
    depends on nothing that a call brings is run here.
    """

    def __init__(self, splitter: _Splitter, small: Mapping[fx.Node, int], last: int) -> None:
        self.of = splitter
        self.small = small
        self.steps: list[list[Step]] = [[] for _ in range(last + 2)]
        self.sums: list[list[Sums]] = [[] for _ in range(last + 1)]
        self.arrays: dict[int, int] = {}
        self.sizes: dict[int, tuple[Size, torch.dtype]] = {}
        self.fixed: dict[int, Tensor] = {}
        self.numbers: dict[fx.Node, int] = {}
        self.known: dict[str, int] = {}

    def slot(self, node: fx.Node) -> Slot:
        return Slot(self.numbers[node])

    def write(self, roots: Sequence[fx.Node]) -> None:
        """Write down what the values of ``roots`` need."""
        needed: set[fx.Node] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node in needed:
                continue
            needed.add(node)
            part = _part(node)
            if part is not None:
                stack.append(part)
            elif node not in self.of.measured:
                stack.extend(node.all_input_nodes)
        phases: dict[fx.Node, int] = {}
        for node in (n for n in self.of.recorded.graph.nodes if n in needed):
            part = _part(node)
            if part is not None:
                phases[node], self.numbers[node] = phases[part], self.numbers[part]
            elif node in self.of.measured:
                phases[node] = self._measured(node)
            else:
                phases[node] = max((phases[n] for n in node.all_input_nodes), default=0)
                self._write(node, phases[node])

    def _is_new(self, node: fx.Node, *made: object) -> bool:
        """Number a value by how it is made, and return whether it is the first of its kind."""
        new = repr(made) not in self.known
        self.numbers[node] = self.known.setdefault(repr(made), len(self.known))
        return new

    def _measured(self, node: fx.Node) -> int:
        value, divisor = self.of.measured[node]
        shapes = (n.meta["val"].shape for n in (node, self.of.twin[node]))
        shape = self._sized(*(list(found) for found in shapes))
        dtype, phase = node.meta["val"].dtype, self.of.phase(value)
        if self._is_new(node, "sums", value.number, shape, divisor, dtype):
            self.sums[phase].append(Sums(self.numbers[node], value, shape, divisor, dtype))
        return phase + 1

    def _write(self, node: fx.Node, phase: int) -> None:
        if node.op == "placeholder":
            if node not in self.small:
                raise NotFusible("it uses pixels where it should not")
            if self._is_new(node, "array", self.small[node]):
                self.arrays[self.numbers[node]] = self.small[node]
        elif node.op == "get_attr":
            value, dtype = self._constant(node)
            if self._is_new(node, "constant", value, dtype):
                if isinstance(value, Size):
                    self.sizes[self.numbers[node]] = value, dtype
                else:
                    self.fixed[self.numbers[node]] = torch.tensor(value, dtype=dtype)
        else:
            other = self.of.twin[node]
            args = self._sized(node.args, other.args)
            options = {k: self._sized(v, other.kwargs[k]) for k, v in node.kwargs.items()}
            if self._is_new(node, node.target, args, options):
                self._run(Step(self.numbers[node], node.target, args, options), phase)

    def _run(self, step: Step, phase: int) -> None:
        """Run an operation now if each call would run the same, and write it down if not."""
        given = _leaves([step.args, *step.options.values()])
        if all(isinstance(a, Slot) and a.number in self.fixed for a in given):
            self.fixed[step.made] = step.run(self.fixed, {})
        else:
            self.steps[phase].append(step)

    def _constant(self, node: fx.Node) -> tuple[Any, torch.dtype]:
        other = self.of.twin[node]
        mine = getattr(self.of.first.module, str(node.target))
        yours = getattr(self.of.second.module, str(other.target))
        if mine.numel() != 1:
            raise NotFusible("it uses a tensor that is not one of its arguments")
        return self._sized(mine.item(), yours.item()), mine.dtype

    def _sized(self, a: Any, b: Any) -> Any:
        """Return an argument with slots for values, and sizes for what depends on sizes."""
        if isinstance(a, fx.Node):
            return Slot(self.numbers[a])
        if isinstance(a, list | tuple):
            return [self._sized(x, y) for x, y in zip(a, b, strict=True)]
        if isinstance(a, int | float) and not isinstance(a, bool) and a != b:
            return self.of.size_of(a, b)
        return a


def _part(node: fx.Node) -> fx.Node | None:
    """Return the number that is taken from numbers that were put side by side, as parts are."""
    if node.target is not aten.select.int or node.args[1] != 0:
        return None
    both: Any = node.args[0]
    if both.target is not aten.cat.default or len(both.args) > 1:
        return None
    each = both.args[0]
    if any(n.target is not aten.unsqueeze.default or n.args[0].meta["val"].dim() for n in each):
        return None
    return cast(fx.Node, each[node.args[2]].args[0])


def _leaves(args: Any) -> list[Slot | Size]:
    """Return what an operation is applied to that may differ between calls."""
    if isinstance(args, list):
        return [leaf for a in args for leaf in _leaves(a)]
    return [args] if isinstance(args, Slot | Size) else []


def _numbers(args: Any) -> list[Any]:
    """Return the numbers among the arguments of an operation."""
    if isinstance(args, list | tuple):
        return [n for a in args for n in _numbers(a)]
    return [args] if isinstance(args, int | float) else []


@dataclass
class Small:
    """The values that torch computes between the passes of one call."""

    plan: Plan
    sizes: Mapping[str, int]
    values: dict[int, Any] = field(default_factory=dict)

    def begin(self, arrays: Sequence[Tensor]) -> None:
        """Take what is fixed, the arguments, and the sizes."""
        self.values.update(self.plan.fixed)
        for number, place in self.plan.arrays.items():
            self.values[number] = arrays[place]
        for number, (size, dtype) in self.plan.sizes.items():
            self.values[number] = torch.tensor(size.at(self.sizes), dtype=dtype)

    def run(self, phase: int) -> None:
        """Run the steps before a pass."""
        for step in self.plan.steps[phase]:
            self.values[step.made] = step.run(self.values, self.sizes)

    def rows(self, phase: int, rows: int, length: int) -> list[Tensor | None]:
        """Return what a pass reads of the rows, in the form it expects."""
        out: list[Tensor | None] = []
        for row in self.plan.rows:
            if row.phase > phase:
                out.append(None)
                continue
            value = torch.as_tensor(_now(row.slot, self.values, self.sizes)).to(row.dtype)
            shape = (rows, length) if row.inner else (rows,)
            if value.numel() == math.prod(shape):
                out.append(value.reshape(shape).contiguous())
            else:  # the same for all rows
                out.append(value.reshape(-1).expand(shape).contiguous())
        return out

    def take(self, phase: int, found: Tensor, length: int) -> None:
        """Unpack the sums of a pass, of shape (rows, width)."""
        at, where = 0, {}
        for node in self.plan.passes[phase].sums:
            width = length if node.inner else 1
            where[node] = found[:, at : at + width]
            at += width
        for sums in self.plan.sums[phase]:
            value = where[sums.node]
            if sums.divisor.names:
                value = value / sums.divisor.at(self.sizes)
            shape = _now(sums.shape, self.values, self.sizes)
            value = value > 0 if sums.dtype == torch.bool else value.to(sums.dtype)
            self.values[sums.made] = value.reshape(shape)

    def of(self, slot: Slot) -> Any:
        return self.values[slot.number]
