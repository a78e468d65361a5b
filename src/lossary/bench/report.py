"""The figures of a benchmark as tables, and as a chart."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator
from typing import Any

from .run import Result

Rows = list[tuple[str, ...]]
WAYS = {"peer": "torch", "compiled": "torch.compile", "eager": "ours", "fused": "fused"}
Titled = tuple[str, tuple[str, ...], Rows]
ALONE = "losses without a peer, against our own formula"


def tables(result: Result) -> Iterator[Titled]:
    """Yield title, head and rows of each table; no table mixes two settings."""
    yield from compared(result)
    yield from alone(result)


def compared(result: Result) -> Iterator[Titled]:
    """Yield the tables of losses that somebody else has too."""
    for title, found in _measured(result):
        rows = [row for row in found if "peer" in row["seconds"]]
        if rows:
            head, lines = _times(rows)
            means = [("geometric mean, losses with a peer", rows)]
            if len(found) > len(rows):
                means.append((whole(found), found))
            yield title, head, lines + _means(means, head)
    for size, found in result["memory"].items():
        if peers := {loss: ways for loss, ways in found.items() if "peer" in ways}:
            yield f"Peak memory beyond the inputs, MiB, {size} elements", *_memory(peers)
    for case, ways in result["linear"].items():
        yield f"Linear cross-entropy: {case}", *_linear(ways)


def alone(result: Result) -> Iterator[Titled]:
    """Yield the tables of losses that nobody else has, and of what could not be measured."""
    for title, found in _measured(result):
        if rows := [row for row in found if "peer" not in row["seconds"]]:
            head, lines = _times(rows)
            means = [("geometric mean, against our own formula", rows)]
            yield f"{title}: {ALONE}", head, lines + _means(means, head)
    for size, found in result["memory"].items():
        if rest := {loss: ways for loss, ways in found.items() if "peer" not in ways}:
            title = f"Peak memory beyond the inputs, MiB, {size} elements: losses without a peer"
            yield title, *_memory(rest)
    if failed := list(_failures(result)):
        yield "Failed", ("what", "why"), failed
    left_out: Rows = [
        (loss, ", ".join(sizes), why)
        for loss, found in result["left_out"].items()
        for why, sizes in _by_reason(found).items()
    ]
    if left_out:
        yield "Not measured", ("loss", "sizes", "why"), left_out


def whole(rows: list[dict[str, Any]]) -> str:
    """Say what the mean over all losses compares with."""
    return f"geometric mean, all {len(rows)} losses, against our own formula where no peer is"


def speedup(rows: Iterable[dict[str, Any]], than: str | None = None) -> float:
    """Return the geometric mean of how many times faster fused is than another way to run a loss.

    Args:
        than: that way; the peer by default, and our own formula where there is none.
    """
    ratios = [_faster(row["seconds"], than) for row in rows]
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def at(result: Result, setting: str, size: str) -> list[dict[str, Any]]:
    """Return what was measured at one size under one setting, without what failed."""
    found = result["settings"].get(setting, {}).get(size, {})
    return [{"loss": loss, **row} for loss, row in found.items() if "seconds" in row]


def _measured(result: Result) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for setting, by_size in result["settings"].items():
        for size in by_size:
            if rows := at(result, setting, size):
                yield f"{size} elements, {setting}", rows


def _failures(result: Result) -> Iterator[tuple[str, ...]]:
    for setting, by_size in result["settings"].items():
        for size, found in by_size.items():
            for loss, row in found.items():
                if "failed" in row:
                    yield f"{loss}: {size} elements, {setting}", row["failed"]
    for part in ("memory", "linear"):
        for case, subjects in result[part].items():
            answers = subjects if part == "memory" else {part: subjects}
            for subject, ways in answers.items():
                for way, answer in ways.items():
                    if "failed" in answer:
                        yield f"{subject}: {WAYS.get(way, way)}, {case}", answer["failed"]


def _by_reason(found: dict[str, str]) -> dict[str, list[str]]:
    sizes: dict[str, list[str]] = {}
    for size, why in found.items():
        sizes.setdefault(why, []).append(size)
    return sizes


def _against(seconds: dict[str, float]) -> float:
    return seconds.get("peer", seconds["eager"])


def _faster(seconds: dict[str, float], than: str | None = None) -> float:
    return (_against(seconds) if than is None else seconds[than]) / seconds["fused"]


def _times(rows: list[dict[str, Any]]) -> tuple[tuple[str, ...], Rows]:
    unit, factor = ("ms", 1e3) if max(_against(r["seconds"]) for r in rows) > 2e-3 else ("µs", 1e6)
    ways = [way for way in WAYS if any(way in row["seconds"] for row in rows)]
    others = _others(rows)
    fresh = any("fused_fresh" in row["seconds"] for row in rows)
    head = (
        "loss",
        *(f"{WAYS[w]}, {unit}" for w in ways),
        "fused: times faster",
        *(f"than {WAYS[w]}" for w in others),
        "times the floor",
        *(["with fresh memory"] if fresh else []),
        "value checks",
    )
    lines: Rows = []
    for row in rows:
        seconds = row["seconds"]
        mark = "" if row["peer"] == "torch" or "peer" not in seconds else " *"
        cells = [_number(seconds.get(w), factor) + (mark if w == "peer" else "") for w in ways]
        faster = [f"{_faster(seconds, w):.2f}" if w in seconds else "-" for w in others]
        over = [_over(row, "fused", "floor")]
        over += [_over(row, "fused_fresh", "floor_fresh")] if fresh else []
        checks = _checks(seconds)
        lines.append((row["loss"], *cells, f"{_faster(seconds):.2f}", *faster, *over, checks))
    return head, lines


def _others(rows: list[dict[str, Any]]) -> list[str]:
    """Return which ways besides the peer the fused one is compared with."""
    ways = ("compiled", "eager") if any("peer" in row["seconds"] for row in rows) else ()
    return [way for way in ways if any(way in row["seconds"] for row in rows)]


def _means(means: list[tuple[str, list[dict[str, Any]]]], head: tuple[str, ...]) -> Rows:
    """Return a line per mean, each under the column it is the mean of."""
    lines: Rows = []
    for title, rows in means:
        cells = dict.fromkeys(head, "")
        cells[head[0]], cells["fused: times faster"] = title, f"{speedup(rows):.2f}"
        for way in _others(rows):
            having = [row for row in rows if way in row["seconds"]]
            cells[f"than {WAYS[way]}"] = f"{speedup(having, way):.2f}"
        lines.append(tuple(cells.values()))
    return lines


def _over(row: dict[str, Any], way: str, floor: str) -> str:
    """Say how many times the floor a fused loss takes."""
    seconds = row["seconds"]
    if row["reasons"] or way not in seconds:
        return "-"
    return f"{seconds[way] / seconds[floor]:.2f}"


def _number(seconds: float | None, factor: float) -> str:
    return "-" if seconds is None else f"{seconds * factor:.3g}"


def _checks(seconds: dict[str, float]) -> str:
    """Say which part of our eager time is the look at the values."""
    if "unchecked" not in seconds:
        return "-"
    return f"{1 - seconds['unchecked'] / seconds['eager']:.1%}"


def _memory(memory: dict[str, dict[str, dict[str, Any]]]) -> tuple[tuple[str, ...], Rows]:
    ways = [w for w in WAYS if any(w in found for found in memory.values())]
    rows: Rows = [
        (loss, *(_mebibytes(found.get(w, {})) for w in ways)) for loss, found in memory.items()
    ]
    return ("loss", *(WAYS[w] for w in ways)), rows


def _mebibytes(answer: dict[str, Any]) -> str:
    return f"{answer['bytes'] / 2**20:.0f}" if "bytes" in answer else "-"


def _linear(ways: dict[str, dict[str, Any]]) -> tuple[tuple[str, ...], Rows]:
    rows: Rows = []
    for way, found in ways.items():
        if "failed" in found:
            rows.append((way, "failed", "", ""))
            continue
        name = found["name"]
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
