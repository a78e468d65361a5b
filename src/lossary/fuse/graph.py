"""The graph of a formula: what is computed for one unit, as plain operations on numbers.

A graph has two axes: the *units*, and the one *inner* axis that a unit may have, such as its
classes or its features. What compares the samples of a batch with each other is no such graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["f", "i", "m"]  # single precision, whole number, yes or no


class NotFusible(Exception):  # noqa: N818 - an answer, not an error
    """One pass over memory cannot compute a formula; the message says why."""


@dataclass(frozen=True, eq=False)
class Node:
    """One value: a constant, an input, or an operation on other values.

    Attributes:
        op: the name of the operation.
        args: what it is applied to.
        kind: what it holds.
        units: whether it differs between units.
        inner: whether it differs along the inner axis.
        value: the number of a constant, the place of an input.
        level: how many reductions along the inner axis must come first.
        number: counts the nodes in the order they were made.
    """

    op: str
    args: tuple[Node, ...]
    kind: Kind
    units: bool
    inner: bool
    value: float | int | None
    level: int
    number: int

    @property
    def is_constant(self) -> bool:
        return self.op == "const"


REDUCTIONS = frozenset({"sum", "max", "min"})  # along the inner axis


class Builder:
    """Makes nodes, equal ones only once."""

    def __init__(self) -> None:
        self.nodes: dict[object, Node] = {}

    def make(
        self,
        op: str,
        *args: Node,
        kind: Kind | None = None,
        units: bool = False,
        inner: bool = False,
        value: float | int | None = None,
    ) -> Node:
        kind = kind or (args[0].kind if args else "f")
        units = units or any(a.units for a in args)
        ends = op in REDUCTIONS or op == "take"
        inner = not ends and (inner or any(a.inner for a in args))
        level = max((a.level for a in args), default=0) + (op in REDUCTIONS)
        key = (op, tuple(a.number for a in args), kind, units, inner, repr(value))
        if key not in self.nodes:
            self.nodes[key] = Node(op, args, kind, units, inner, value, level, len(self.nodes))
        return self.nodes[key]

    def const(self, value: float | int | bool, kind: Kind | None = None) -> Node:
        if kind is None:
            kind = "m" if isinstance(value, bool) else "i" if isinstance(value, int) else "f"
        return self.make("const", kind=kind, value=float(value) if kind == "f" else int(value))

    def cast(self, node: Node, kind: Kind) -> Node:
        if node.kind == kind:
            return node
        if node.is_constant:
            value = node.value or 0
            return self.const(bool(value) if kind == "m" else value, kind)
        if node.op == "where" and all(a.is_constant for a in node.args[1:]):
            condition, a, b = node.args
            return self.where(condition, self.cast(a, kind), self.cast(b, kind))
        return self.make(f"{node.kind}_to_{kind}", node, kind=kind)

    def binary(self, op: str, a: Node, b: Node) -> Node:
        """Make an arithmetic operation in its shortest form.

        Signs and constants move outwards, where they meet others and vanish. A factor that is the
        same along the inner axis moves inwards, to where it is multiplied once per unit.
        """
        a, b = self._alike(a, b)
        if a.kind == "m":
            a, b = self.cast(a, "i"), self.cast(b, "i")
        if a.is_constant and b.is_constant and a.kind == "f" and op in _FOLD:
            return self.const(_FOLD[op](a.value or 0.0, b.value or 0.0))
        if op in ("add", "sub", "mul", "div") and self._same_choice(a, b):
            return self.where(
                a.args[0],
                self.binary(op, a.args[1], b.args[1]),
                self.binary(op, a.args[2], b.args[2]),
            )
        if op == "add":
            return self._add(a, b)
        if op == "sub":
            if b.op == "neg":
                return self._add(a, b.args[0])
            if b.is_constant and b.value == 0:
                return a
            if _is(a, 1) and b.op == "mul" and is_reciprocal(b.args[1]):
                share, rest = b.args  # 1 - e / (1 + e) is 1 / (1 + e)
                if _logistic(rest.args[1]) is share:
                    return rest
            return self.unary("neg", b) if _is(a, 0) else self.make(op, a, b)
        if op == "mul":
            return self._mul(a, b)
        if op == "div":
            if a.op == "neg":
                return self.unary("neg", self.binary("div", a.args[0], b))
            return a if _is(b, 1) else self._div(a, b)
        return self.make(op, a, b)

    def _div(self, a: Node, b: Node) -> Node:
        """Divide by what is at least 1, and often divides others too, by way of its reciprocal."""
        softmax = a.inner and b.op == "sum" and b.args[0].op == "exp" and _is_shifted(b.args[0])
        if a.is_constant or not (softmax or _logistic(b)):
            return self.make("div", a, b)
        return self.binary("mul", a, self.make("div", self.const(1.0), b))

    def _add(self, a: Node, b: Node) -> Node:
        if _is(a, 0) or _is(b, 0):
            return b if _is(a, 0) else a
        if a.op == "neg":
            a, b = b, a
        return self.binary("sub", a, b.args[0]) if b.op == "neg" else self.make("add", a, b)

    def _mul(self, a: Node, b: Node) -> Node:
        if b.is_constant:
            a, b = b, a
        if a.inner != b.inner and a.kind == "f":
            inside, factor = (a, b) if a.inner else (b, a)
            absorbed = self._absorb(inside, factor)
            if absorbed is not None:
                return absorbed
        if _is(a, 1):
            return b
        if _is(a, -1):
            return self.unary("neg", b)
        for x, y in ((a, b), (b, a)):
            if x.op == "neg":
                return self.unary("neg", self.binary("mul", x.args[0], y))
            signs = x.op == "where" and all(_is(s, 1) or _is(s, -1) for s in x.args[1:])
            if signs and not y.is_constant:
                return self.where(
                    x.args[0], self.binary("mul", x.args[1], y), self.binary("mul", x.args[2], y)
                )
            if x.op == "mul" and x.args[0].is_constant and x.kind == "f":
                rest = self.binary("mul", x.args[1], y)
                if y.is_constant:
                    rest, y = x.args[1], self.binary("mul", x.args[0], y)
                    return self.binary("mul", y, rest)
                return self.binary("mul", x.args[0], rest)
        return self.make("mul", a, b)

    def _absorb(self, node: Node, factor: Node) -> Node | None:
        """Multiply ``node`` without a multiplication for each place of the inner axis, if one can.

        Zeros that a choice makes stay zeros.
        """
        if node.is_constant and node.value == 0:
            return node
        if not node.inner:
            return self.binary("mul", node, factor)
        parts = node.args
        if node.op == "neg":
            found = self._absorb(parts[0], factor)
            return None if found is None else self.unary("neg", found)
        if node.op == "mul" and parts[0].inner != parts[1].inner:
            inside, other = parts if parts[0].inner else parts[::-1]
            return self.make("mul", inside, self.binary("mul", other, factor))
        if node.op in ("add", "sub", "where"):
            chosen = parts[-2:]
            first, second = (self._absorb(part, factor) for part in chosen)
            if first is None or second is None:
                return None
            if node.op == "where":
                return self.where(parts[0], first, second)
            return self.binary(node.op, first, second)
        return None

    def _same_choice(self, a: Node, b: Node) -> bool:
        return a is not b and a.op == b.op == "where" and a.args[0] is b.args[0]

    def unary(self, op: str, x: Node) -> Node:
        """Make a function of one number."""
        if op == "neg" and x.is_constant:
            return self.const(-(x.value or 0), x.kind)
        if op == "neg" and x.op == "neg":
            return x.args[0]
        if op == "neg" and x.op == "mul" and x.args[0].is_constant:
            return self.binary("mul", self.unary("neg", x.args[0]), x.args[1])
        if op == "abs" and x.op in ("neg", "abs"):
            return self.unary("abs", x.args[0])
        if op == "sigmoid":  # from the exponential of what is not positive: it cannot overflow
            small = self.exp(self.unary("neg", self.unary("abs", x)))
            one = self.const(1.0)
            share = self._div(small, self.binary("add", small, one))
            return self.where(
                self.compare("gt", x, self.const(0.0)), self.binary("sub", one, share), share
            )
        if op == "log1p" and [n.op for n in _chain(x, 3)] == ["exp", "neg", "abs"]:
            return self.make("log1p_between_0_and_1", x)
        return self.exp(x) if op == "exp" else self.make(op, x)

    def exp(self, node: Node) -> Node:
        """Make an exponential; that of a log-softmax or log-sigmoid is made of one that is known.

        So are their squares and cubes, and in general where a whole number multiplies them.
        """
        if node.op == "mul" and node.args[0].is_constant and node.args[0].value in (2, 3, 4):
            base = self.exp(node.args[1])
            if base.op != "exp":
                power = base
                for _ in range(1, int(node.args[0].value)):
                    power = self.binary("mul", power, base)
                return power
        if node.op == "sub" and node.args[1].op == "log1p_between_0_and_1":
            below, size = node.args[0], node.args[1].args[0].args[0].args[0]
            negative = below.op == "minimum" and _is(below.args[0], 0)
            if negative and self.unary("abs", below.args[1]) is size:
                return self.unary("sigmoid", below.args[1])
        if node.op == "sub" and node.args[1].op == "log":
            shifted, total = node.args[0], node.args[1].args[0]
            if total.op == "sum" and total.args[0].op == "exp" and total.args[0].args[0] is shifted:
                share = self.binary("div", self.const(1.0), total)
                return self.binary("mul", total.args[0], share)
        return self.make("exp", node)

    def compare(self, op: str, a: Node, b: Node) -> Node:
        a, b = self._alike(a, b)
        if a.op == "neg" and _is(b, 0):
            return self.compare(_MIRRORED[op], a.args[0], b)
        if op == "lt" and a.op == "abs" and _is(b, 0):
            return self.const(False)
        return self.make(op, a, b, kind="m")

    def where(self, condition: Node, a: Node, b: Node) -> Node:
        a, b = self._alike(a, b)
        if a is b:
            return a
        if condition.is_constant:
            return a if condition.value else b
        positive = condition.op == "gt" and condition.args[0] is b and _is(condition.args[1], 0)
        if positive and a is self.unary("neg", b):
            return self.unary("neg", self.unary("abs", b))
        return self.make("where", condition, a, b, kind=a.kind)

    def take(self, node: Node, index: Node) -> Node:
        """Return the value of ``node`` at one place of the inner axis."""
        if not node.inner:
            return node
        return index if node.op == "iota" else self.make("take", node, index, kind=node.kind)

    def reduce(self, op: str, node: Node, length: int) -> Node:
        """Reduce along the inner axis, of the given length."""
        node = self.cast(node, "f")
        if op == "sum":  # what stands at one place of the axis only is its own sum
            factor = self.const(1.0)
            if node.op == "mul" and node.inner != all(a.inner for a in node.args):
                factor, node = sorted(node.args, key=lambda a: a.inner)
            if node.op == "where" and node.args[0].op == "eq" and node.args[2].value == 0:
                place, entry, _ = node.args
                if place.args[0].op == "iota" and not (entry.inner or place.args[1].inner):
                    return self.binary("mul", entry, factor)
            node = self.binary("mul", node, factor)
        if node.inner:
            return self.make(op, node)
        return self.binary("mul", node, self.const(float(length))) if op == "sum" else node

    def _alike(self, a: Node, b: Node) -> tuple[Node, Node]:
        for kind in ("f", "i", "m"):
            if kind in (a.kind, b.kind):
                return self.cast(a, kind), self.cast(b, kind)
        return a, b


def _chain(node: Node, length: int) -> Iterator[Node]:
    """Yield a node, its first argument, the first argument of that, and so on."""
    for _ in range(length):
        yield node
        if not node.args:
            return
        node = node.args[0]


def _is_shifted(exp: Node) -> bool:
    """Whether it is the exponential of what is at most 0, and 0 somewhere along the inner axis."""
    shift = exp.args[0]
    return (
        shift.op == "sub" and shift.args[1].op == "max" and shift.args[1].args[0] is shift.args[0]
    )


def is_reciprocal(node: Node) -> bool:
    """Whether it is 1 divided by something."""
    return node.op == "div" and _is(node.args[0], 1)


def _logistic(node: Node) -> Node | None:
    """Return e = exp(-|x|) of 1 + e, the denominator of all logistic functions of x."""
    if node.op != "add" or not _is(node.args[1], 1):
        return None
    e = node.args[0]
    return e if [n.op for n in _chain(e, 3)] == ["exp", "neg", "abs"] else None


def reachable(roots: Iterable[Node]) -> list[Node]:
    """Return the nodes that lead to ``roots``, each after what it needs."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            for arg in node.args:
                visit(arg)
            found[node] = None

    for root in roots:
        visit(root)
    return list(found)


def _adds_up(node: Node) -> bool:
    """Whether it is the sum of an input, or of two inputs or their differences."""
    added = node.args[0] if node.op == "sum" else node
    inputs = added.args if added.op in ("add", "sub") else (added,)
    return node.op == "sum" and all(arg.op == "load" for arg in inputs)


def _is(node: Node, value: float) -> bool:
    return node.is_constant and node.value == value


_FOLD: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}

_MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True)
class Graph:
    """What one pass computes.

    Attributes:
        units: the weighted loss of each unit.
        count: what each unit adds to the denominator of the mean; None if that is 1.
        wrong: where an input lies outside its domain; None if none has one.
        gradients: for each input that needs one.
        gradient_of: the places of those inputs.
        gradient_inner: whether those inputs have the inner axis; their gradients may be the same
            all along it.
        unit_axes: the names of the dimensions of ``units``; None for size 1.
    """

    units: Node
    count: Node | None
    wrong: Node | None
    gradients: tuple[Node, ...] = ()
    gradient_of: tuple[int, ...] = ()
    gradient_inner: tuple[bool, ...] = ()
    unit_axes: tuple[str | None, ...] = ()

    @property
    def is_light(self) -> bool:
        """Whether inputs with the inner axis are only added up, or picked from.

        Then the formula's gradient costs nothing but room, or not even that.
        """
        given = (self.units, self.count, self.wrong, *self.gradients)
        roots = [root for root in given if root is not None]
        read: set[Node] = set()  # what differs along the axis because an input does
        for node in reachable(roots):
            of_input = not read.isdisjoint(node.args)
            if node.inner and (of_input or node.op == "load"):
                read.add(node)
            elif of_input and node.op != "take" and not _adds_up(node):
                return False
        return bool(read) and read.isdisjoint(roots)


@dataclass(frozen=True)
class Measures:
    """What one pass over images computes: sums over the pixels of each row, or gradients.

    Attributes:
        sums: what is added up, for each row and, if it differs along it, place of the inner axis.
        wrong: see :class:`Graph`; so are the others.
    """

    sums: tuple[Node, ...]
    wrong: Node | None = None
    gradients: tuple[Node, ...] = ()
    gradient_of: tuple[int, ...] = ()
    gradient_inner: tuple[bool, ...] = ()
