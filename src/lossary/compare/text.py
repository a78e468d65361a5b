"""The report as Markdown and as JSON."""

from __future__ import annotations

import html
import json
from dataclasses import asdict

from .result import Comparison, Row


def as_markdown(comparison: Comparison) -> str:
    """Return verdict, table and settings as Markdown."""
    metrics, settings = comparison.metrics, comparison.settings
    heads = _heads(comparison)
    lines = [
        f"# Which loss for {_safe(settings.data)}?",
        "",
        comparison.verdict,
        "",
        _line(heads),
        _line(["---", *["---:"] * (len(heads) - 1)]),
        *(_line(_cells(comparison, row)) for row in comparison.rows),
        "",
        f"Means of {comparison.cells} cells on samples held out. Difference: "
        f"{metrics[comparison.primary].title} less that of {settings.baseline}, with its 95 % "
        "interval (corrected for overlapping training sets); p is corrected for the number of "
        "losses (Holm).",
        "",
        "## Settings",
        "",
        *(f"- {k.replace('_', ' ')}: {v}" for k, v in settings.as_json().items() if v),
        *(f"- {k} version: {v}" for k, v in comparison.about["versions"].items()),
    ]
    if comparison.about["command"]:
        lines += ["", "```", comparison.about["command"], "```"]
    return "\n".join(lines) + "\n"


def as_json(comparison: Comparison) -> str:
    """Return verdict, rows and settings as JSON; the cells are in ``results.jsonl``."""
    found = {
        "verdict": comparison.verdict,
        "primary": comparison.primary,
        "rows": [asdict(row) for row in comparison.rows],
        "settings": comparison.settings.as_json(),
        **comparison.about,
    }
    return json.dumps(found, indent=2) + "\n"


def as_html(comparison: Comparison) -> str:
    """Return verdict and table as a piece of HTML, for a notebook."""
    heads, rows = _heads(comparison), [_cells(comparison, row) for row in comparison.rows]
    lines = [
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        for tag, cells in (("th", heads), *(("td", row) for row in rows))
    ]
    table = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<p>{html.escape(comparison.verdict)}</p><table>{table}</table>"


def _heads(comparison: Comparison) -> list[str]:
    arrows = {"more": "↑", "less": "↓"}
    metrics = [f"{info.short} {arrows[info.better]}" for info in comparison.metrics.values()]
    return ["loss", *metrics, "difference", "p", "chosen", "diverged", "ms per step", "peak MiB"]


def _cells(comparison: Comparison, row: Row) -> list[str]:
    d = row.difference[comparison.primary]
    baseline = row.loss == comparison.settings.baseline
    cost = row.cost
    return [
        row.loss,
        *(f"{row.metrics[m].mean:.4g}" for m in comparison.metrics),
        "baseline" if baseline else f"{d.mean:+.3g} [{d.low:+.3g}, {d.high:+.3g}]",
        "" if baseline else f"{row.p:.2g}",
        chosen(row),
        str(row.diverged),
        "" if cost.seconds_per_step is None else f"{1000 * cost.seconds_per_step:.2f}",
        "" if cost.peak_memory is None else f"{cost.peak_memory / 2**20:.2f}",
    ]


def chosen(row: Row) -> str:
    """Say which values were chosen, of the learning rate and of each hyperparameter."""
    told = []
    for name in row.chosen[0]:
        values = {str(found[name]): found[name] for found in row.chosen}
        told.append(f"{name.replace('_', ' ')} {', '.join(sorted(map(_short, values.values())))}")
    return "; ".join(told)


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(map(_safe, cells)) + " |"


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
