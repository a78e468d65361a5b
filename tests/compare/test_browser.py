"""The report in a real browser."""

import shutil
import subprocess
from pathlib import Path

import pytest
from lossary.compare import compare

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


def browse(page: Path, profile: Path) -> tuple[str, str]:
    """Return the page as the browser built it, and what it wrote to its console.

    No name resolves, so whatever the page asks of the network fails and shows in the console.
    """
    found = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--enable-logging=stderr", "--virtual-time-budget=8000", "--dump-dom"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            page.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in found.stderr.splitlines() if "CONSOLE" in line]
    return found.stdout, "\n".join(console)


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
    page, console = browse(result.report, tmp_path / "profile")
    assert page.count('class="main-svg"') >= 3  # a plot has at least one
    assert console == ""


def test_a_page_that_asks_the_network_is_noticed(tmp_path: Path) -> None:
    """The test above can fail."""
    page = tmp_path / "page.html"
    page.write_text('<img src="http://example.invalid/x.png"><script>throw Error("no")</script>')
    _, console = browse(page, tmp_path / "profile")
    assert "ERR_NAME_NOT_RESOLVED" in console or "Failed to load" in console
    assert "Error: no" in console
