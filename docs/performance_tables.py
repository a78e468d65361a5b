"""Write the figures of docs/benchmarks.json into docs/performance.md, README.md and a chart."""

import json
import re
from pathlib import Path
from typing import Any

from lossary.bench import report

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
CHART = ROOT / "docs" / "speed.svg"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"


def figures(result: dict[str, Any]) -> str:
    """Return the machine and all tables as Markdown."""
    told = result["machine"]
    lines = [
        f"Measured on {told['processor']}, {told['instructions']}, {told['threads']} threads, "
        f"torch {told['torch']}, Python {told['python']}.",
        "",
    ]
    for title, head, rows in report.tables(result):
        lines += [f"### {title}", ""]
        lines += ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def chart(result: dict[str, Any]) -> str:
    """Return the chart of the largest size, where nobody pays for page faults."""
    setting = next(iter(result["settings"]))
    rows = [row for row in result["settings"][setting] if row["size"] == "16M"]
    return report.chart(rows, f"fused, times faster than before: 16 M elements, {setting}")


def with_speed(readme: str, result: dict[str, Any]) -> str:
    """Return the README with the mean of the same rows as the chart."""
    rows = next(iter(result["settings"].values()))
    mean = report.speedup([row for row in rows if row["size"] == "16M"])
    return re.sub(r"(<!-- speed -->)[\d.]* times", rf"\g<1>{mean:.1f} times", readme)


def with_figures(page: str, result: dict[str, Any]) -> str:
    """Return the page with these figures."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures(result)}\n{END}{after}"


if __name__ == "__main__":
    found = json.loads(FIGURES.read_text(encoding="utf-8"))
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    README.write_text(with_speed(README.read_text(encoding="utf-8"), found), encoding="utf-8")
    CHART.write_text(chart(found), encoding="utf-8")
