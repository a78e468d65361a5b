"""Keras 3 on the torch backend, in a process of its own: the backend is chosen at import."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason='needs "lossary[keras]"')


def test_keras_on_the_torch_backend(tmp_path: Path) -> None:
    """What Keras writes into its folder stays in the test's."""
    cases = Path(__file__).with_name("share_of_metrics_keras.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", cases],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 100


def test_the_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "integrations" / "keras.md").read_text(encoding="utf-8")
    program = tmp_path / "page.py"
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    program.write_text("\n".join(blocks), encoding="utf-8")
    told = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}  # the page sees to it
    done = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**told, "KERAS_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
