"""From a graph to C++: one pass over memory, a tile at a time.

A tile is what a vector register and the nearest cache hold. Where the inner axis is the last in
memory, a tile is one unit, and the lanes of a vector are places of its inner axis. Where units come
last, as the pixels of an image do, a tile is as many units as a vector has lanes. Reductions along
the inner axis cut the work on a tile into loops; the values of one loop that are costly are kept
for the next, in the cache.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import cast

import torch

from .graph import REDUCTIONS, Graph, Measures, Node, NotFusible, is_reciprocal, reachable
from .layout import Lanes

TYPES = {
    torch.float32: "float",
    torch.bfloat16: "bf16",
    torch.bool: "bool",
    torch.int64: "int64_t",
}
SYMBOLS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "and": "{} & {}",
    "or": "{} | {}",
    "not": "~{}",
    "eq": "(I)({} == {})",
    "ne": "(I)({} != {})",
    "lt": "(I)({} < {})",
    "le": "(I)({} <= {})",
    "gt": "(I)({} > {})",
    "ge": "(I)({} >= {})",
    "maximum": "max_v({}, {})",
    "minimum": "min_v({}, {})",
    "m_to_f": "pick({}, all(1), all(0))",
    "m_to_i": "-{}",
    "i_to_f": "__builtin_convertvector({}, V)",
    "f_to_i": "__builtin_convertvector({}, I)",
    "f_to_m": "(I)({} != 0)",
    "i_to_m": "(I)({} != 0)",
}
# What takes longer to compute again than to write down and read.
COSTLY = frozenset(
    {"div", "exp", "expm1", "log", "log1p", "log1p_between_0_and_1", "pow", "sqrt", "tanh"}
    | {"acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "sin", "sinh", "tan"}
    | {"erf", "erfc", "lgamma"}
)
LOADS = frozenset({"load", "load_row"})
# Two tiles at once: what one waits for, the other computes.
SECOND = "x"  # at the end of the names in the second of them
PAIR = (
    "if (trailing - at >= 2 * LANES && t + 1 < last) two(row, at), at += LANES, t++;\n      else "
)
TWO = """
  auto two = [&](int64_t row, int64_t at) __attribute__((always_inline)) {{
    constexpr bool FULL = true;
    const int64_t n = LANES;
    const I live = all_i(-1);
    (void)n; (void)live;
{}
  }};"""
HEAD = '#include "vector.h"\n#include <omp.h>\n#include <cstdlib>\n\n'
UNROLLED = 8  # at most so many places of an inner axis are written out, and kept in registers
FAR = 1 << 22  # elements of a gradient that does not stay in the caches
NEUTRAL = {"sum": "0", "max": "-INFINITY", "min": "INFINITY"}


def source(
    graph: Graph, dtypes: Sequence[torch.dtype], lanes: Lanes, length: int, *, donate: bool
) -> str:
    """Return the C++ of a graph: a function ``run``, and ``count`` for the denominator alone.

    Args:
        graph: what to compute.
        dtypes: of the inputs, the incoming gradient last.
        lanes: the axis that is last in memory.
        length: of the inner axis.
        donate: whether the first gradient is written over its input.
    """
    if unknown := {d for d in dtypes if d not in TYPES}:
        raise NotFusible(f"it takes {unknown.pop()}")
    totals = [n for n in (graph.units, graph.count, graph.wrong) if n is not None]
    whole = _Function(graph, dtypes, lanes, length, donate, totals).text("run")
    alone = ""
    if graph.count is not None:
        only = Graph(units=graph.count, count=None, wrong=None)
        alone = _Function(only, dtypes, lanes, length, False, [graph.count]).text("count")
    return f"{HEAD}{whole}{alone}"


def source_of_measures(
    measures: Measures, dtypes: Sequence[torch.dtype], length: int, *, donate: bool
) -> str:
    """Return the C++ of one pass over images: a function ``run``.

    Args:
        measures: what to compute.
        dtypes: of the inputs, the incoming gradient and what is known of the rows.
        length: of the inner axis.
        donate: whether the first gradient is written over its input.
    """
    if unknown := {d for d in dtypes if d not in TYPES}:
        raise NotFusible(f"it takes {unknown.pop()}")
    wrong = [] if measures.wrong is None else [measures.wrong]
    totals = [*measures.sums, *wrong]
    return f"{HEAD}{_Measuring(measures, dtypes, 'units', length, donate, totals).text('run')}"


class _Function:
    """Writes one function.

    Attributes:
        totals: what is added up over all units.
        parameter: what the function writes besides gradients and its result.
        in_pairs: whether tiles without an inner axis go two by two.
    """

    parameter = "float* units_out"
    in_pairs = True

    def __init__(
        self,
        graph: Graph | Measures,
        dtypes: Sequence[torch.dtype],
        lanes: Lanes,
        length: int,
        donate: bool,
        totals: Sequence[Node],
    ) -> None:
        self.graph = graph
        self.totals = totals
        self.dtypes = dtypes
        self.lanes = lanes
        self.donate = donate
        self.unrolled = length if lanes == "units" and length <= UNROLLED else 0
        self.fixed_lines: list[str] = []  # what is the same for all tiles
        self.fixed: dict[Node, str] = {}  # their names
        self.row: dict[Node, str] = {}  # what is known of the tile
        self.place: dict[tuple[Node, Node], str] = {}  # what is known at one place of it
        self.body: dict[Node, str] = {}  # what is known in the loop
        self.row_lines: list[str] = []
        self.body_lines: list[str] = []
        everything = reachable([*totals, *graph.gradients])
        users = Counter(a for n in everything for a in n.args)
        self.lone_reciprocals = {n for n in users if users[n] == 1 and is_reciprocal(n)}
        self.reductions = [n for n in everything if n.op in REDUCTIONS]
        along = graph.gradient_inner
        self.stores = {i: g.level for i, g in enumerate(graph.gradients) if along[i]}
        self.sums = {n: n.level for n in totals if n.inner}
        levels = [
            *self.stores.values(),
            *self.sums.values(),
            *(r.level - 1 for r in self.reductions),
        ]
        self.loops = max(levels, default=-1) + 1
        if donate and self.stores:  # when nothing reads the input any more
            self.loops = max(self.loops, 1 + max((n.level for n in totals), default=-1))
            self.stores = dict.fromkeys(self.stores, self.loops - 1)
        self.kept = self._costly_values_of_earlier_loops()

    def _roots(self, loop: int) -> list[Node]:
        return [
            *(r.args[0] for r in self.reductions if r.level - 1 == loop),
            *(self.graph.gradients[i] for i, at in self.stores.items() if at == loop),
            *(n for n, at in self.sums.items() if at == loop),
        ]

    def _costly_values_of_earlier_loops(self) -> dict[Node, int]:
        """Return the values that a loop keeps for later ones, and where."""
        kept: dict[Node, int] = {}
        for loop in reversed(range(self.loops)):
            stack = [*self._roots(loop), *(n for n in kept if n.level == loop)]
            seen: set[Node] = set()
            while stack:
                node = stack.pop()
                if node in seen or not node.inner:
                    continue
                seen.add(node)
                if node.level < loop and node.op in COSTLY and node.kind == "f":
                    kept.setdefault(node, len(kept))
                else:
                    stack.extend(node.args)
        return kept

    # ---- text

    def text(self, name: str) -> str:
        tile = self._tile("")
        slots = len(self.kept)
        inside = "\n".join("    " + line for line in tile)
        two, pairs = "", self.in_pairs and self.lanes == "units" and not self.loops
        if pairs:
            lines = zip(tile, self._tile(SECOND), strict=True)
            two = TWO.format("\n".join("    " + line for pair in lines for line in pair))
        fixed = "\n".join("  " + line for line in self.fixed_lines)
        if self.lanes == "inner":
            tiles, begin, call = "rows", "", "tile(t);"
            opening = "auto tile = [&](int64_t row) __attribute__((always_inline)) {"
            width = "(inner + LANES)"
        else:
            tiles = "rows * ((trailing + LANES - 1) / LANES)"
            call = (
                f"{self._before_tile()}{PAIR if pairs else ''}"
                "      if (trailing - at >= LANES) tile(std::true_type{}, row, at, LANES);\n"
                "      else tile(std::false_type{}, row, at, trailing - at);\n"
                "      if ((at += LANES) >= trailing) row++, at = 0;"
            )
            begin = (
                "  int64_t row = blocks ? first / blocks : 0, at = (first - row * blocks) * LANES;"
            )
            opening = (
                "auto tile = [&](auto full, int64_t row, int64_t at, int64_t n) "
                "__attribute__((always_inline)) {\n"
                "    constexpr bool FULL = decltype(full)::value;\n"
                "    const I live = FULL ? all_i(-1) : (I)(lane_numbers() < (int32_t)n);"
            )
            if self.unrolled and slots:
                opening += f"\n    alignas(64) float kept[{slots * self.unrolled} * LANES];"
            width = "(inner * LANES)"
        inner = "const int64_t inner = length;"
        room = f"(float*)aligned_alloc(64, ({slots} * {width} * sizeof(float) + 127) / 64 * 64)"
        scratch = f"float* kept = {room if slots else 'nullptr'};"
        if self.unrolled:
            inner = f"constexpr int64_t inner = {self.unrolled};"
            scratch = ""
        loads = "\n".join(
            f"  const {TYPES[d]}* in{i} = (const {TYPES[d]}*)in[{i}];"
            for i, d in enumerate(self.dtypes)
        )
        stores = "\n".join(
            f"  {TYPES[self.dtypes[self._place(i)]]}* out{i} = "
            f"({TYPES[self.dtypes[self._place(i)]]}*)out[{i}];"
            for i in range(len(self.graph.gradients))
        )
        return f"""
extern "C" void {name}(int64_t rows, int64_t length, int64_t trailing, const void* const* in,
    void* const* out, {self.parameter}, double* result, int threads) {{
{loads}
{stores}
  {inner}
  const int64_t blocks = (trailing + LANES - 1) / LANES, tiles = {tiles};
  const bool far = rows * inner * trailing >= {FAR};
  double totals[256] = {{0}}, counts[256] = {{0}};
  int wrongs[256] = {{0}};
  threads = threads > 256 ? 256 : threads;
  (void)blocks; (void)in; (void)out; (void)length; (void)inner; (void)far;
#pragma omp parallel num_threads(threads)
  {{
  const int me = omp_get_thread_num(), all_of_us = omp_get_num_threads();
  const int64_t first = tiles * me / all_of_us, last = tiles * (me + 1) / all_of_us;
  {scratch}
  D total{{}}, count{{}};
  I wrong{{}};
{self._opening()}
{fixed}
  {opening}
{inside}
  }};{two}
{begin}
  for (int64_t t = first; t < last; t++) {{
      {call}
  }}
{self._closing()}
  end_of_far();
  totals[me] = sum_lanes(total), counts[me] = sum_lanes(count), wrongs[me] = any(wrong);
  {"" if self.unrolled else "free(kept);"}
  }}
  for (int i = 0; i < threads; i++)
    result[0] += totals[i], result[1] += counts[i], result[2] += wrongs[i];
}}
"""

    def _tile(self, which: str) -> list[str]:
        """Write what is done with a tile; ``which`` ends all names."""
        self.which, self.at = which, "(at + LANES)" if which else "at"
        self.row, self.place = {}, {}
        return [*(line for loop in range(self.loops) for line in self._loop(loop)), *self._end()]

    def _place(self, gradient: int) -> int:
        """Return which input a gradient belongs to."""
        return self.graph.gradient_of[gradient]

    def _loop(self, loop: int) -> list[str]:
        """Write one loop over the inner axis, and before it what it needs to know."""
        self.body, self.body_lines, self.row_lines = {}, [], []
        if loop == self.loops - 1:  # the last one may overwrite what these read
            for node in (*self.totals, *self.graph.gradients):
                if not node.inner and node.level <= loop:
                    self.of(node, loop)
        reductions = [r for r in self.reductions if r.level - 1 == loop]
        step = {"sum": "{a} + ({x})", "max": "max_v({a}, {x})", "min": "min_v({a}, {x})"}
        for r in reductions:
            x = self.of(r.args[0], loop)
            acc = f"acc{r.number}"
            start = f"all({NEUTRAL[r.op]})"
            if self.lanes == "inner":  # several sums, so that none waits for the one before
                self.row_lines.append(f"V {acc}[4] = {{{start}, {start}, {start}, {start}}};")
                acc = f"{acc}[K]"
            else:
                self.row_lines.append(f"V {acc} = {start};")
            if self.lanes == "inner":
                x = f"FULL ? {x} : pick(live, {x}, all({NEUTRAL[r.op]}))"
            self.body_lines.append(f"{acc} = {step[r.op].format(a=acc, x=x)};")
        for node, slot in self.kept.items():
            if node.level == loop:
                self.body_lines.append(
                    f"store<true>({self._kept(slot)}, {self.of(node, loop)}, LANES);"
                )
        for node, at in self.sums.items():
            if at == loop:
                self.body_lines += self._sum(node, self.of(node, loop), self._at_inner(True))
        written = [
            (i, self.of(self.graph.gradients[i], loop))
            for i, at in self.stores.items()
            if at == loop
        ]
        for i, x in written:  # after all that is read: it may be an input's own memory
            self.body_lines.append(self._store(i, "FULL", self._at_inner(True), x, "n"))
        opened = [
            "auto loop = [&](auto full, auto which, int64_t j, int64_t n) "
            "__attribute__((always_inline)) {",
            "  constexpr bool FULL = decltype(full)::value;",
            "  constexpr int K = decltype(which)::value;",
            "  const I live = FULL ? all_i(-1) : (I)(lane_numbers() < (int32_t)n);",
        ]
        if self.lanes == "inner":
            run = [
                "int64_t j = 0;",
                "for (; j + 4 * LANES <= inner; j += 4 * LANES) {",
                "  loop(std::true_type{}, which<0>{}, j, LANES);",
                "  loop(std::true_type{}, which<1>{}, j + LANES, LANES);",
                "  loop(std::true_type{}, which<2>{}, j + 2 * LANES, LANES);",
                "  loop(std::true_type{}, which<3>{}, j + 3 * LANES, LANES);",
                "}",
                "for (; j + LANES <= inner; j += LANES) "
                "loop(std::true_type{}, which<0>{}, j, LANES);",
                "if (j < inner) loop(std::false_type{}, which<1>{}, j, inner - j);",
            ]
            around = [*opened, *("  " + line for line in self.body_lines), "};", *run]
        else:
            around = [
                *([f"#pragma GCC unroll {UNROLLED}"] if self.unrolled else []),
                "for (int64_t j = 0; j < inner; j++) {",
                *("  " + line for line in self.body_lines),
                "}",
            ]
        lines = [*self.row_lines, "{", *around, "}"]
        for r in reductions:
            acc = f"acc{r.number}"
            if self.lanes == "inner":
                pair = step[r.op]
                first, second = (pair.format(a=f"{acc}[{i}]", x=f"{acc}[{i + 1}]") for i in (0, 2))
                both = pair.format(a=f"({first})", x=second)
                lines.append(f"const V of_{acc} = all({r.op}_lanes({both}));")
                acc = f"of_{acc}"
            self.row[r] = acc
        return lines

    def _end(self) -> list[str]:
        """Write what is left when the loops have run."""
        self.row_lines = []
        lines: list[str] = []
        inner_lanes = self.lanes == "inner"
        at = "row" if inner_lanes else f"row * trailing + {self.at}"
        for node in self.totals:
            if node not in self.sums:
                lines += self._sum(node, self.of(node, self.loops), at, one=inner_lanes)
        for i, g in enumerate(self.graph.gradients):
            if i not in self.stores:
                n = "1" if inner_lanes else "n"
                full = "false" if inner_lanes else "FULL"
                lines.append(self._store(i, full, at, self.of(g, self.loops), n))
        return [*self.row_lines, *lines]

    def _store(self, gradient: int, full: str, at: str, x: str, n: str) -> str:
        """Write how a gradient is written; what overwrites its input is in the cache already."""
        if self.donate and gradient == 0:
            return f"store<{full}>(out{gradient} + {at}, {x}, {n});"
        return f"store_far<{full}>(out{gradient} + {at}, {x}, {n}, far);"

    def _sum(self, node: Node, x: str, at: str, one: bool = False) -> list[str]:
        """Write how a value is added up over the units."""
        live = "(I)(lane_numbers() < 1)" if one else "live"
        full = "false" if one else "FULL"
        lines = self._add(node, x, f"{full} ? {x} : pick({live}, {x}, all(0))")
        if isinstance(self.graph, Graph) and node is self.graph.units:
            n = "1" if one else "n"
            lines.append(f"if (units_out) store<{full}>(units_out + {at}, {x}, {n});")
        if node is self.graph.wrong:
            lines.append(f"wrong |= {x} & {live};")
        return lines

    def _add(self, node: Node, x: str, value: str) -> list[str]:
        """Write how the values of a tile are added to what is known."""
        graph = cast(Graph, self.graph)
        roles = {"total": graph.units, "count": graph.count}
        return [
            f"{role} += __builtin_convertvector({value}, D);"
            for role, target in roles.items()
            if node is target
        ]

    def _opening(self) -> str:
        """Write what each thread makes for itself."""
        return ""

    def _before_tile(self) -> str:
        """Write what is done when it is known which row comes."""
        return ""

    def _closing(self) -> str:
        """Write what each thread does at the end."""
        return ""

    # ---- values

    def of(self, node: Node, loop: int) -> str:
        """Return the name of a value, after writing what computes it."""
        if node.is_constant:
            return _literal(node)
        if not node.inner:
            return self._of_row(node)
        if node in self.body:
            return self.body[node]
        name = f"b{node.number}_{loop}"
        if node.level < loop and node in self.kept:
            text = f"load<true>({self._kept(self.kept[node])}, LANES)"
        elif node.op in LOADS:
            text = self._load(node)
        elif node.op == "iota":
            text = "lane_numbers() + (int32_t)j" if self.lanes == "inner" else "all_i((int32_t)j)"
        else:
            text = self._operation(node, loop)
        self.body_lines.append(f"const {_type(node)} {name} = {text};")
        self.body[node] = name
        return name

    def _operation(self, node: Node, loop: int) -> str:
        """Write an operation; by a reciprocal that nothing else needs one divides at once."""
        if node.op == "mul" and node.args[1] in self.lone_reciprocals:
            dividend, (_, divisor) = node.args[0], node.args[1].args
            if dividend.inner == divisor.inner:
                return f"{self.of(dividend, loop)} / {self.of(divisor, loop)}"
        return _operation(node, [self.of(a, loop) for a in node.args])

    def _of_row(self, node: Node) -> str:
        differs = node.units or node.level
        names, lines = (self.row, self.row_lines) if differs else (self.fixed, self.fixed_lines)
        if node in names:
            return names[node]
        name = f"r{node.number}{self.which}"
        if node.op in LOADS:
            text = self._load(node)
        elif node.op == "take":
            value, index = node.args
            where = self.of(index, -1)
            text = self._at_place(value, index, where)
        else:
            text = self._operation(node, -1)
        lines.append(f"const {_type(node)} {name} = {text};")
        names[node] = name
        return name

    def _at_place(self, node: Node, index: Node, where: str) -> str:
        """Return the value of ``node`` at one place of the inner axis."""
        if not node.inner:
            return self.of(node, -1)
        if node.op == "iota":
            return where
        key = (node, index)
        if key not in self.place:
            name = f"p{node.number}_{index.number}{self.which}"
            if node.op in LOADS:
                text = self._gather(node, where)
            else:
                text = _operation(node, [self._at_place(a, index, where) for a in node.args])
            self.row_lines.append(f"const {_type(node)} {name} = {text};")
            self.place[key] = name
        return self.place[key]

    def _at_inner(self, units: bool) -> str:
        if not units:
            return "j"
        return "row * inner + j" if self.lanes == "inner" else "(row * inner + j) * trailing + at"

    def _load(self, node: Node) -> str:
        source = f"in{node.value}"
        if node.op == "load_row":
            return f"one({source} + {'row * inner + j' if node.inner else 'row'})"
        vector_of_inner = self.lanes == "inner" and node.inner
        vector_of_units = self.lanes == "units" and node.units
        if node.inner:
            at = self._at_inner(node.units)
        elif node.units:
            at = "row" if self.lanes == "inner" else f"row * trailing + {self.at}"
        else:
            at = "0"
        if vector_of_inner or vector_of_units:
            return f"load<FULL>({source} + {at}, n)"
        return f"one({source} + {at})"

    def _gather(self, node: Node, where: str) -> str:
        start = "row * inner" if node.units else "0"
        if node.op == "load_row":
            return f"gather(in{node.value}, {start}, 1, -1, {where}, inner, LANES)"
        if self.lanes == "inner":
            return f"one(in{node.value} + {start} + place({where}[0], inner))"
        stride, shift = ("trailing", self.at) if node.units else ("1", "-1")
        return (
            f"gather(in{node.value}, {start} * {stride}, {stride}, {shift}, {where}, inner, "
            f"{'n' if node.units else 'LANES'})"
        )

    def _kept(self, slot: int) -> str:
        if self.lanes == "inner":
            return f"kept + {slot} * (inner + LANES) + j"
        return f"kept + ({slot} * inner + j) * LANES"


class _Measuring(_Function):
    """Writes a function that adds up values over the pixels of each row.

    A thread adds in single precision, a lane at a time, and passes on to double precision before
    the sums are long.
    """

    parameter = "double* sums"
    in_pairs = False
    graph: Measures

    def _slots(self) -> list[str]:
        """Return where the sums begin, counted in numbers of a row; the last is their count."""
        slots = ["0"]
        for node in self.graph.sums:
            slots.append(f"{slots[-1]} + {'inner' if node.inner else '1'}")
        return slots

    def _add(self, node: Node, x: str, value: str) -> list[str]:
        slots = self._slots()
        lines = []
        for slot, one in zip(slots, self.graph.sums, strict=False):
            if one is node:
                lines.append(f"sum_of[{slot}{' + j' if node.inner else ''}] += {value};")
        return lines

    def _opening(self) -> str:
        place = "V sum_of[width + 1] = {};"
        if not self.unrolled:
            place = (
                "V* sum_of = (V*)aligned_alloc(64, (width + 1) * sizeof(V));\n"
                "  for (int64_t i = 0; i < width; i++) sum_of[i] = V{};"
            )
        kind = "constexpr" if self.unrolled else "const"
        return f"""  {kind} int64_t width = {self._slots()[-1]};
  {place}
  int64_t current = blocks ? first / blocks : 0, since = first;
  auto pass_on = [&]() {{
    for (int64_t i = 0; i < width; i++) {{
      const double found = sum_lanes(sum_of[i]);
#pragma omp atomic
      sums[current * width + i] += found;
      sum_of[i] = V{{}};
    }}
  }};"""

    def _before_tile(self) -> str:
        return (
            "      if (row != current || t - since >= 256) {\n"
            "        pass_on();\n        current = row, since = t;\n      }\n"
        )

    def _closing(self) -> str:
        free = "" if self.unrolled else "  free(sum_of);"
        return f"  if (first < last) pass_on();\n{free}"


def _type(node: Node) -> str:
    return "V" if node.kind == "f" else "I"


def _operation(node: Node, args: Sequence[str]) -> str:
    if node.op == "where":
        return f"{'pick' if node.kind == 'f' else 'pick_i'}({', '.join(args)})"
    if node.op in ("maximum", "minimum") and node.kind == "i":
        sign = ">" if node.op == "maximum" else "<"
        return f"pick_i((I)({args[0]} {sign} {args[1]}), {args[0]}, {args[1]})"
    if node.op in ("maximum", "minimum"):
        known = [i for i, a in enumerate(node.args) if a.is_constant and a.value == a.value]
        if known:  # a constant that is not nan: one instruction
            return f"{node.op[:3]}_c({args[known[0]]}, {args[1 - known[0]]})"
    if node.op in SYMBOLS:
        return SYMBOLS[node.op].format(*args)
    if node.op in (*LOADS, "take", *REDUCTIONS) or node.kind != "f":
        raise NotFusible(f"it uses {node.op} of whole numbers, which one pass does not know")
    name = node.op if node.op.startswith("log1p_") else f"{node.op}_v"
    return f"{name}({', '.join(args)})"


def _literal(node: Node) -> str:
    value = node.value
    if node.kind == "m":
        return f"all_i({-1 if value else 0})"
    if node.kind == "i":
        return f"all_i({value})"
    number = float(value or 0)
    if math.isnan(number):
        return "all(NAN)"
    if math.isinf(number):
        return f"all({'-' if number < 0 else ''}INFINITY)"
    return f"all({number!r})"
