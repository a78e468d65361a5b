"""The page on data says what is so: its code runs, and what it prints is what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="compare")

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_page_on_data_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    said = re.search(r"^# (regression 20 .*)$", "\n".join(blocks), re.M)
    assert said is not None
    assert said[1] in done.stdout
