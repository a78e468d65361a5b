"""The figures of a benchmark as tables, and as a chart."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator
from typing import Any

from .run import Result

Rows = list[tuple[str, ...]]
WAYS = {"peer": "torch", "compiled": "torch.compile", "eager": "ours", "fused": "fused"}


def tables(result: Result) -> Iterator[tuple[str, tuple[str, ...], Rows]]:
    """Yield title, head and rows of each table; no table mixes two settings."""
    for setting, found in result["settings"].items():
        for size in dict.fromkeys(row["size"] for row in found):
            rows = [row for row in found if row["size"] == size]
            yield f"{size} elements, {setting}", *_times(rows, _ways(found))
    if result["memory"]:
        yield "Peak memory beyond the inputs, MiB", *_memory(result["memory"])
    for case, ways in result["linear"].items():
        yield f"Linear cross-entropy: {case}", *_linear(ways)


def speedup(rows: Iterable[dict[str, Any]]) -> float:
    """Return the geometric mean of how many times faster fused is than the peer, or than eager."""
    ratios = [_against(row["seconds"]) / row["seconds"]["fused"] for row in rows]
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def _against(seconds: dict[str, float]) -> float:
    return seconds.get("peer", seconds["eager"])


def _ways(found: list[dict[str, Any]]) -> list[str]:
    return [way for way in WAYS if any(way in row["seconds"] for row in found)]


def _times(rows: list[dict[str, Any]], ways: list[str]) -> tuple[tuple[str, ...], Rows]:
    unit, factor = ("ms", 1e3) if max(_against(r["seconds"]) for r in rows) > 2e-3 else ("µs", 1e6)
    head = (
        "loss",
        *(f"{WAYS[w]}, {unit}" for w in ways),
        "fused: times faster",
        "times the floor",
        "value checks",
    )
    lines: Rows = []
    for row in rows:
        seconds = row["seconds"]
        mark = "" if row["peer"] == "torch" or "peer" not in seconds else " *"
        cells = [_number(seconds.get(w), factor) + (mark if w == "peer" else "") for w in ways]
        over = "-" if row["reasons"] else f"{seconds['fused'] / seconds['floor']:.2f}"
        faster = _against(seconds) / seconds["fused"]
        lines.append((row["loss"], *cells, f"{faster:.2f}", over, _checks(seconds)))
    mean = f"{speedup(rows):.2f}"
    lines.append(("geometric mean", *("" for _ in ways), mean, "", ""))
    return head, lines


def _number(seconds: float | None, factor: float) -> str:
    return "-" if seconds is None else f"{seconds * factor:.3g}"


def _checks(seconds: dict[str, float]) -> str:
    """Say which part of our eager time is the look at the values."""
    if "unchecked" not in seconds:
        return "-"
    return f"{1 - seconds['unchecked'] / seconds['eager']:.1%}"


def _memory(memory: dict[str, dict[str, float]]) -> tuple[tuple[str, ...], Rows]:
    ways = [w for w in WAYS if any(w in found for found in memory.values())]
    rows: Rows = [
        (loss, *(f"{found[w] / 2**20:.0f}" if w in found else "-" for w in ways))
        for loss, found in memory.items()
    ]
    return ("loss", *(WAYS[w] for w in ways)), rows


def _linear(ways: dict[str, dict[str, Any]]) -> tuple[tuple[str, ...], Rows]:
    rows: Rows = []
    for way, found in ways.items():
        name = found.get("name", way)
        shown = f"{way}, {name}" if name != way else way
        over = f"{found['seconds'] / found['products']:.2f}"
        rows.append((shown, f"{found['seconds']:.2f}", over, f"{found['bytes'] / 2**20:.0f}"))
    return ("way", "s", "times the products", "extra MiB"), rows


BAR, LINE, LEFT, WIDTH = 14, 20, 270, 900


def chart(rows: list[dict[str, Any]], title: str) -> str:
    """Return an SVG of bars: how many times faster fused is, on a logarithmic scale."""
    shown = [row for row in rows if not row["reasons"]]
    ratios = {r["loss"]: _against(r["seconds"]) / r["seconds"]["fused"] for r in shown}
    largest = max(2.0, *ratios.values())
    scale = (WIDTH - LEFT - 60) / math.log(largest)
    lines = []
    for i, (loss, ratio) in enumerate(sorted(ratios.items(), key=lambda item: -item[1])):
        y = 40 + i * LINE
        long = max(1.0, scale * math.log(max(ratio, 1.0)))
        lines.append(
            f'<text x="{LEFT - 8}" y="{y + BAR - 3}" text-anchor="end">{html.escape(loss)}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="{BAR}" rx="2"/>'
            f'<text x="{LEFT + long + 6:.1f}" y="{y + BAR - 3}">{ratio:.1f}</text>'
        )
    height = 60 + LINE * len(lines)
    style = "text{font:13px sans-serif;fill:#667}rect{fill:#3b82c4}.t{font-size:15px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
        f"<style>{style}</style>"
        f'<text class="t" x="12" y="22">{html.escape(title)}</text>{"".join(lines)}</svg>\n'
    )
