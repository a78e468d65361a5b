"""The report in a real browser."""

import base64
import json
import os
import re
import select
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossary.compare import compare
from lossary.data.tables import table_of

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
CONSOLE = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
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
            *OPTIONS,
            *("--enable-logging=stderr", "--virtual-time-budget=8000", "--dump-dom"),
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


class Tab:
    """A tab that a test drives through the browser's own protocol."""

    def __init__(self, folder: Path) -> None:
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        # the browser reads from its descriptor 3 and writes to 4
        program = f'exec {shlex.quote(str(BROWSER))} "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            [
                *("bash", "-c", program, "browser", *OPTIONS, "--remote-debugging-pipe"),
                f"--user-data-dir={folder / 'profile'}",
            ],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.sent, self.rest, self.session = 0, b"", {}
        self.complaints: list[Any] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its answer; keep what the console is told meanwhile."""
        self.sent += 1
        told = {"id": self.sent, "method": method, "params": params, **self.session}
        os.write(self.commands, json.dumps(told).encode() + b"\0")
        while (found := self._read()).get("id") != self.sent:
            if found["method"] in CONSOLE:
                self.complaints.append(found["params"])
        assert "error" not in found, found
        answer: dict[str, Any] = found["result"]
        return answer

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.answers], [], [], 60)
            assert ready, "the browser does not answer"
            self.rest += os.read(self.answers, 2**20)
        line, _, self.rest = self.rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def value(self, script: str) -> Any:
        """Return what a script says."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get(
            "value"
        )

    def show(self, page: Path, width: int) -> None:
        """Load a page at a width, until its figures are drawn."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        self.ask("Page.navigate", url=page.resolve().as_uri())
        deadline = time.monotonic() + 60
        drawn = "document.readyState == 'complete' && document.querySelectorAll('.main-svg').length"
        while not self.value(drawn):
            assert time.monotonic() < deadline, "the page did not finish loading"
            time.sleep(0.1)

    def press(self, key: str, code: int) -> None:
        """Press a key and let it go."""
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **told, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def close(self) -> None:
        self.session = {}
        self.ask("Browser.close")
        self.process.wait(60)
        os.close(self.commands)
        os.close(self.answers)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    found = Tab(tmp_path_factory.mktemp("tab"))
    yield found
    found.close()


X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
LONG = "huber_loss:delta=1.23456789|0.987654321"
REPORTS: dict[str, tuple[Any, list[str]]] = {
    "regression": (X[:, 0], ["mse_loss", LONG]),
    "ordinal": (np.digitize(X[:, 0], [-0.5, 0.5]), ["cross_entropy", "coral_loss"]),
}


@pytest.mark.parametrize("task", REPORTS)
def test_a_report_is_read_by_keyboard_on_a_phone_and_on_paper(
    task: Any, tmp_path: Path, tab: Tab
) -> None:
    y, losses = REPORTS[task]
    options: dict[str, Any] = {"epochs": 2, "folds": 2, "learning_rates": (3e-3,)}
    table = table_of(X, y, task)
    result = compare(table, losses, out=tmp_path / "out", progress=False, **options)
    tab.complaints.clear()
    tab.show(result.report, 1200)
    tab.press("Tab", 9)
    assert tab.value("document.activeElement.className") == "skip"
    assert tab.value("document.activeElement.getBoundingClientRect().left") >= 0
    tab.press("Enter", 13)
    assert tab.value("location.hash") == "#results"
    tab.press("Tab", 9)
    assert tab.value("document.activeElement.getAttribute('aria-label')") == "Results"
    assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    wanted = 2 + len(result.figures())  # and on to every table and figure
    for _ in range(wanted - 1):
        tab.press("Tab", 9)
        assert tab.value("document.activeElement.getAttribute('role')") == "region"
    tab.show(result.report, 360)
    assert tab.value("document.documentElement.scrollWidth") <= 360
    paper = base64.b64decode(tab.ask("Page.printToPDF")["data"])
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 8
    assert tab.complaints == []


def test_the_tab_hears_complaints(tab: Tab, tmp_path: Path) -> None:
    """And sees what is too wide: the test above can fail."""
    page = tmp_path / "page.html"
    page.write_text(
        "<svg class='main-svg' style='width: 999px'></svg><script>throw Error('no')</script>"
    )
    tab.complaints.clear()
    tab.show(page, 360)
    assert tab.value("document.documentElement.scrollWidth") > 360
    assert "Error: no" in str(tab.complaints)
