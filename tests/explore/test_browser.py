"""The page in a real browser, on its own and with its server."""

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="of the extra compare")

from lossary.explore.page import explore, gather, render
from lossary.explore.server import Pictures, PictureServer

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
LOSSES = ("huber_loss", "l1_loss", "focal_loss", "giou_loss", "arcface_loss")

# What a user does, and what is there afterwards.
USE = """<script>addEventListener("load", () => setTimeout(async () => {
  const all = what => [...document.querySelectorAll(what)];
  const line = (loss, what = "value") =>
    document.querySelector(`path[data-loss="${loss}"][data-what="${what}"]`)?.getAttribute("d");
  const wait = () => new Promise(done => setTimeout(done, 600));
  const seen = {};
  seen.lines = all("path.line").length;
  seen.surfaces = all("[data-surface]").map(one => one.dataset.surface);
  seen.painted = all("canvas").every(canvas => {
    const points = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(points).size > 20;
  });
  seen.formulas = all(".card math").length;
  seen.wide = document.documentElement.scrollWidth <= innerWidth;

  const slider = document.getElementById("knob-huber_loss-delta");
  const before = line("huber_loss");
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input", {bubbles: true}));
  await wait();
  seen.bent = line("huber_loss") !== before;
  seen.hash = location.hash;
  seen.said = slider.getAttribute("aria-valuetext");

  const key = (where, name) => where.dispatchEvent(
    new KeyboardEvent("keydown", {key: name, bubbles: true, cancelable: true}));
  const chart = document.querySelector(".chart");
  chart.focus();
  seen.focused = document.activeElement === chart;
  key(chart, "ArrowRight");
  seen.reading = document.querySelector(".reading").textContent;
  document.activeElement.blur();
  key(document.body, "/");
  seen.searching = document.activeElement.id;

  const search = document.getElementById("search");
  search.value = "easy examples";
  search.dispatchEvent(new Event("input", {bubbles: true}));
  const shown = all("#list label").filter(one => one.style.display !== "none");
  seen.found = shown.map(one => one.textContent);
  const box = document.querySelector('#list input[value="l1_loss"]');
  box.click();
  seen.unticked = line("l1_loss") === undefined && !location.hash.includes("l1_loss");
  location.hash = "#focal_loss;gamma=4";
  await wait();
  seen.recalled = all("[data-card]").map(one => one.dataset.card);
  seen.gamma = document.querySelector(".knob output").textContent;
  seen.problem = document.getElementById("problem").textContent;
  seen.asked = performance.getEntriesByType("resource").map(entry => entry.name);
  document.body.dataset.seen = JSON.stringify(seen);
}, 500))</script>"""


def browse(address: str, folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    """Use a page, and return what was seen, and the browser's console."""
    found = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--enable-logging=stderr", "--virtual-time-budget=9000", "--dump-dom"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={folder / 'profile'}",
            *options,
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = "\n".join(line for line in found.stderr.splitlines() if "CONSOLE" in line)
    seen = re.search(r'data-seen="([^"]*)"', found.stdout)
    assert seen, f"the page did not get through: {console}"
    return json.loads(html.unescape(seen[1])), console


def works(seen: dict[str, Any]) -> None:
    assert seen["lines"] == 6  # value and gradient of three losses
    assert set(seen["surfaces"]) == {"focal_loss", "giou_loss", "arcface_loss"}
    assert seen["painted"]
    assert seen["formulas"] > 5
    assert seen["bent"]
    assert "huber_loss;delta=4" in seen["hash"]
    assert seen["said"] == "delta 4"
    assert seen["focused"]
    assert "at 0.1: huber_loss 0.005" in seen["reading"]  # half the square
    assert seen["searching"] == "search"
    assert seen["found"] == ["focal_loss"]
    assert seen["unticked"]
    assert seen["recalled"] == ["focal_loss"]
    assert seen["gamma"] == "4"
    assert seen["problem"] == ""


@pytest.mark.parametrize("width", [1300, 500])
def test_the_page_works_without_errors_and_without_the_network(tmp_path: Path, width: int) -> None:
    page = explore(LOSSES, tmp_path / "page.html")
    page.write_text(page.read_text(encoding="utf-8") + USE, encoding="utf-8")
    seen, console = browse(page.resolve().as_uri(), tmp_path, f"--window-size={width},900")
    works(seen)
    assert seen["wide"], "the page is wider than its window"
    assert seen["asked"] == []
    assert console == ""


@pytest.fixture
def server() -> Iterator[PictureServer]:
    drawables = gather(LOSSES)
    page = render(drawables, chosen=True, live=True) + USE.replace(
        "slider.value = slider.max", "slider.value = 3.99"
    )
    with PictureServer(Pictures(drawables), page) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def test_continuous_sliders_ask_the_server_for_what_was_not_computed(
    server: PictureServer, tmp_path: Path
) -> None:
    seen, console = browse(server.address, tmp_path)
    delta = float(seen["said"].removeprefix("delta "))
    assert delta == pytest.approx(3.99, abs=0.03)
    assert delta != 4.0
    assert seen["bent"]
    assert seen["problem"] == ""
    assert seen["asked"]
    assert all(where.startswith(server.address + "grid?loss=huber_loss") for where in seen["asked"])
    assert console == ""


def test_a_page_that_fails_is_noticed(tmp_path: Path) -> None:
    """The tests above can fail."""
    page = explore(["huber_loss"], tmp_path / "page.html")
    text = page.read_text(encoding="utf-8").replace("function draw(", "function drew(")
    page.write_text(text + USE, encoding="utf-8")
    with pytest.raises(AssertionError, match=r"did not get through.*draw is not defined"):
        browse(page.resolve().as_uri(), tmp_path)
