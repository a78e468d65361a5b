"""Run the faults of the trainer, all of them, and write what happened: `make soak`."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch

HERE = Path(__file__).parent
FILES = ["reliability", "checkpoint", "batches", "nonfinite", "exact"]
OUT = HERE.parents[1] / "docs" / "reliability.json"


class Collector:
    """Counts how the cases of each test ended, and keeps what they recorded."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":  # before and after the test
            return
        name = report.nodeid.rpartition("/")[2].partition("[")[0]
        found = self.tests.setdefault(name, {"passed": 0, "failed": 0, "skipped": 0, "figures": {}})
        found[report.outcome] += 1
        for what, value in report.user_properties if report.when == "call" else ():
            found["figures"].setdefault(what, []).append(value)


def main() -> int:
    os.environ |= {"LOSSARY_SOAK": "1", "LOSSARY_ALL": "1"}
    collector = Collector()
    files = [str(HERE / f"test_{name}.py") for name in FILES]
    code = int(pytest.main(files, plugins=[collector]))
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "tests": dict(sorted(collector.tests.items())),
    }
    OUT.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
