"""The page of the reliability of the trainer says what was measured."""

import json
import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_figures_that_were_measured() -> None:
    made = runpy.run_path(str(DOCS / "reliability_table.py"))
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    figures = json.loads((DOCS / "reliability.json").read_text(encoding="utf-8"))
    assert made["with_table"](page, figures) == page, "run `make soak`"
    assert sum(test["failed"] for test in figures["tests"].values()) == 0
    kills = figures["tests"]["test_reliability.py::test_killed_again_and_again"]["figures"]
    assert sum(map(sum, kills.values())) >= 50
