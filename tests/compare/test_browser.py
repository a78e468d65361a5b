"""The report in a real browser."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lossary.compare import compare

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


WATCH = """<script>addEventListener("load", () => setTimeout(() => {
  const asked = performance.getEntriesByType("resource").map(entry => entry.name);
  document.body.dataset.asked = JSON.stringify(asked);
}, 1000))</script>"""


def browse(page: Path, folder: Path) -> tuple[str, str, str]:
    """Return the page as the browser built it, what it asked for, and its console."""
    watched = folder / "watched.html"
    watched.write_text(page.read_text(encoding="utf-8") + WATCH, encoding="utf-8")
    found = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--enable-logging=stderr", "--virtual-time-budget=8000", "--dump-dom"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            watched.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in found.stderr.splitlines() if "CONSOLE" in line]
    asked = re.search(r'data-asked="([^"]*)"', found.stdout)
    assert asked, "the page did not finish loading"
    return found.stdout, asked[1], "\n".join(console)


def test_the_report_draws_without_errors_and_without_the_network(tmp_path: Path) -> None:
    result = compare(
        "iris",
        ["cross_entropy", "focal_loss"],
        out=tmp_path / "out",
        epochs=2,
        folds=2,
        learning_rates=(3e-3,),
        progress=False,
    )
    page, asked, console = browse(result.report, tmp_path)
    assert page.count('class="main-svg"') >= 3  # a plot has at least one
    assert asked == "[]"
    assert console == ""


def test_a_page_that_asks_the_network_is_noticed(tmp_path: Path) -> None:
    """The test above can fail."""
    page = tmp_path / "page.html"
    page.write_text('<img src="http://example.invalid/x.png"><script>throw Error("no")</script>')
    _, asked, console = browse(page, tmp_path)
    assert "http://example.invalid/x.png" in asked
    assert "Error: no" in console
