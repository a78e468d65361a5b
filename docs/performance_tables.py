"""Write the figures of docs/benchmarks.json into docs/performance.md, README.md and a chart.

Losses that nobody else has get a page of their own.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lossary.bench import report
from lossary.bench.run import read

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "performance.md"
REST = ROOT / "docs" / "performance_of_all.md"
README = ROOT / "README.md"
CHART = ROOT / "docs" / "speed.svg"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"


def figures(result: dict[str, Any]) -> str:
    """Return the machine and the tables of losses with a peer as Markdown."""
    rest = list(report.alone(result))
    more = f" All other losses: [{REST.name}]({REST.name})." if rest else ""
    return "\n".join([measured_on(result) + more, "", *markdown(report.compared(result))])


def page_of_all(result: dict[str, Any]) -> str:
    """Return a page of the losses without a peer, and of what was not measured."""
    lines = [
        "# Performance of the losses without a peer",
        "",
        "Written by `make bench`; [performance.md](performance.md) says what the columns mean. "
        "These losses have no function in torch and no usual formula: fused is compared with ours.",
        "",
        measured_on(result),
        "",
        "## Figures",
        "",
        *markdown(report.alone(result)),
    ]
    return "\n".join(lines)


def measured_on(result: dict[str, Any]) -> str:
    """Say on which machine."""
    told = result["machine"]
    return (
        f"Measured on {told['processor']}, {told['instructions']}, {told['threads']} threads, "
        f"torch {told['torch']}, Python {told['python']}."
    )


def markdown(tables: Iterable[report.Titled]) -> list[str]:
    """Return lines of Markdown."""
    lines = []
    for title, head, rows in tables:
        lines += [f"### {title}", ""]
        lines += ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("")
    return lines


def largest(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the losses with a peer at the largest size, where nobody pays for page faults."""
    found = report.at(result, next(iter(result["settings"])), "16M")
    return [row for row in found if "peer" in row["seconds"]]


def chart(result: dict[str, Any]) -> str:
    """Return the chart of the largest size."""
    setting = next(iter(result["settings"]))
    title = f"fused, times faster than before: 16 M elements, {setting}"
    return report.chart(largest(result), title)


def with_speed(readme: str, result: dict[str, Any]) -> str:
    """Return the README with the mean of the same rows as the chart."""
    rows = largest(result)
    if not rows:  # the run was stopped before
        return readme
    mean = report.speedup(rows)
    return re.sub(r"(<!-- speed -->)[\d.]* times", rf"\g<1>{mean:.1f} times", readme)


def with_figures(page: str, result: dict[str, Any]) -> str:
    """Return the page with these figures."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures(result)}\n{END}{after}"


if __name__ == "__main__":
    found = read(FIGURES)
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    README.write_text(with_speed(README.read_text(encoding="utf-8"), found), encoding="utf-8")
    CHART.write_text(chart(found), encoding="utf-8")
    if list(report.alone(found)):
        REST.write_text(page_of_all(found), encoding="utf-8")
