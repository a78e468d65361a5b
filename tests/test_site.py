"""The documentation site: its generators, and with LOSSARY_ALL the whole of it in a browser."""

import html
import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("furo", reason="of the extra docs")
pytest.importorskip("matplotlib", reason="of the extra docs")
pytest.importorskip("myst_parser", reason="of the extra docs")
pytest.importorskip("sphinx_gallery", reason="of the extra docs")

sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "site"))
import gallery
import loss_pages
import pictures
from loss_pages import errors, page, paper_link, source_name, verified
from mathml_renderer import unknown_commands
from project_pages import led_inside, without_missing_pages

from lossary import catalog
from lossary.explore.formula import mathml
from lossary.lookup import find
from lossary.spec import LossSpec

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EVERYTHING = "LOSSARY_ALL" in os.environ  # `make test-all`
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FORMULA = re.compile(r":math:`([^`]*)`")


def test_every_loss_has_a_page_whose_formulas_convert() -> None:
    listed = loss_pages.index_page()
    for spec in catalog():
        text = page(spec, None)
        assert text.splitlines()[5:7] == [spec.name, "=" * len(spec.name)]
        assert f".. autofunction:: lossary.{spec.name}\n" in text
        assert f".. autoclass:: lossary.{spec.module.__name__}\n" in text
        assert f":doc:`{spec.name} </loss/{spec.name}>`" in listed
        formulas = FORMULA.findall(text) + FORMULA.findall(inspect.getdoc(spec.function) or "")
        assert formulas, spec.name
        for tex in formulas:
            assert unknown_commands(tex) == [], spec.name
            ElementTree.fromstring(mathml(tex).replace("&nbsp;", " "))


def test_a_page_says_what_the_spec_says() -> None:
    text = page(find("huber_loss"), None)
    assert "``input``: any numbers, of shape ``(...)``; ``target``: any numbers" in text
    assert "never below zero; zero where the input equals the target" in text
    assert "`doi:10.1214/aoms/1177703732 <https://doi.org/10.1214/aoms/1177703732>`__" in text
    assert "``src/lossary/losses/regression/huber.py``" in text
    assert "   * - ``delta``\n     - ``1.0``\n     - (0, inf)\n" in text
    assert "   * - SciPy\n     - none\n" in text
    assert ":doc:`smooth_l1_loss </loss/smooth_l1_loss>`" in text
    assert "    kernel = F.huber_loss\n" in text
    assert ">>>" not in text  # the docstring is left to autodoc, once
    owner = page(find("arcface_loss"), None)
    assert ":Owned: the Module holds ``prototypes`` itself" in owner
    assert "``target``: class indices below the size of C, of shape ``(N,)``" in owner


def test_the_messages_are_those_of_the_loss() -> None:
    of_value, of_shape = errors(find("focal_loss"))
    assert of_value == "ValueError: focal_loss: gamma must lie in [0, inf), got -1.0"
    assert of_shape.startswith("ValueError: focal_loss: target must have shape (N, ...) = (4, 2)")
    assert all(errors(spec) for spec in catalog())


def test_every_source_that_verifies_a_loss_has_a_name() -> None:
    assert verified().keys() == {spec.name for spec in catalog()}
    named = {source_name(check.source) for checks in verified().values() for check in checks}
    assert {"PyTorch", "PyTorch Metric Learning", "MONAI", loss_pages.PAPER} <= named


def test_signs_of_an_address_are_written_so_that_it_leads_there() -> None:
    link = paper_link("doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2")
    assert "<https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2>" in link
    assert paper_link("Lewis, 1995") == "Lewis, 1995"


def drawn(name: str) -> tuple[Any, str, str]:
    found = pictures.picture(find(name))
    assert found is not None
    assert pictures.INK not in found.svg
    assert "currentColor" in found.svg
    return ElementTree.fromstring(found.svg), found.svg, found.says


def test_a_curve_is_drawn_at_several_values_of_a_hyperparameter() -> None:
    svg, text, says = drawn("huber_loss")
    assert svg.get("role") == "img"
    assert says.startswith("Value and gradient of huber_loss against input - target, for 4 values")
    assert svg.get("aria-label") == says.removesuffix(".")
    for label in ("delta = 0.1", "delta = 1", "gradient"):
        assert f">{label}<" in text
    # four lines of values, four of gradients, each as thick as it should be
    assert len(re.findall(r"stroke-width: 2\.4", text)) == 3  # and one in the legend
    assert len(re.findall(r"stroke-width: 1\.6", text)) == 9


def test_other_losses_are_drawn_over_two_numbers_or_along_a_line() -> None:
    assert drawn("giou_loss")[2].startswith("giou_loss over shift, in widths of the true box")
    assert "the line from input (0) to target (1)" in drawn("ssim_loss")[2]
    assert ">a metric: no gradient<" in drawn("zero_one_loss")[1]


def test_a_picture_is_drawn_again_when_its_code_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[str] = []

    def picture(spec: LossSpec) -> pictures.Picture | None:
        times.append(spec.name)
        return None if spec.name == "l1_loss" else pictures.Picture("<svg>\n</svg>", "It.")

    monkeypatch.setattr(loss_pages, "picture", picture)
    huber, l1 = find("huber_loss"), find("l1_loss")
    first = loss_pages.drawn_once(huber, tmp_path)
    assert loss_pages.drawn_once(l1, tmp_path) is None
    assert loss_pages.drawn_once(huber, tmp_path) == first
    assert loss_pages.drawn_once(l1, tmp_path) is None
    assert times == ["huber_loss", "l1_loss"]
    monkeypatch.setattr(loss_pages, "fingerprint", lambda spec: "changed")
    loss_pages.drawn_once(huber, tmp_path)
    assert times[2:] == ["huber_loss"]


def test_every_example_is_in_the_gallery_under_its_title() -> None:
    for path in (ROOT / "examples").glob("*.py"):
        text = gallery.staged(path.stem)
        title, line = text.splitlines()[:2]
        assert len(title.removeprefix('r"""')) == len(line)
        assert set(line) == {"="}
        assert "# ruff:" not in text
        compile(text, path.name, "exec")
        run = path.stem not in gallery.SHOWN_ONLY
        assert (gallery.AFTER / path.name).exists() == run, "what is run ends with a picture"
        assert bool(re.search(str(gallery.SETTINGS["filename_pattern"]), str(path))) == run


def test_links_of_the_code_host_lead_into_the_site(tmp_path: Path) -> None:
    assert led_inside("[a](../../examples/)", "zh/a") == "[a](/gallery/index.rst)"
    assert led_inside("[a](../README.md)", "data") == "[a](/project/README.markdown)"
    inside = led_inside("[a](CONTRIBUTING.md#set-up)", "project/README")
    assert inside == "[a](/project/CONTRIBUTING.markdown#set-up)"
    assert led_inside("[a](other.md)", "project/README") == "[a](other.md)"
    assert led_inside("[a](losses.md)", "index") == "[a](/loss/index.rst)"
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "one.md").touch()
    pages = "```{toctree}\n:glob:\n\nconcepts/*\n```\n```{toctree}\n\nzh/one\nzh/two\n```\n"
    assert without_missing_pages(pages, tmp_path) == "```{toctree}\n\nzh/one\n```\n"


CONF = """
import sys
sys.path.insert(0, {site!r})
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "mathml_renderer"]
html_math_renderer = "mathml"
html_theme = "basic"
myst_enable_extensions = ["dollarmath"]
suppress_warnings = ["ref.doc"]  # there is but one page
"""


def build(folder: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-b", "html", *options, str(folder), str(out)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_page_is_built_with_formulas_that_need_nothing(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(CONF.format(site=str(DOCS / "site")), encoding="utf-8")
    text = page(find("huber_loss"), pictures.Picture("<svg></svg>", "It."))
    (tmp_path / "index.rst").write_text(text, encoding="utf-8")
    (tmp_path / "own.md").write_text("# Own\n\n$$\\sum_i w_i$$\n", encoding="utf-8")
    done = build(tmp_path, tmp_path / "out", "-q")
    assert [line for line in done.stderr.splitlines() if "own.md" not in line] == []
    made = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in made
    assert "the error, in the unit of the target" in made
    assert "<figcaption>It.</figcaption>" in made
    assert "mathjax" not in made.lower()
    own = (tmp_path / "out" / "own.html").read_text(encoding="utf-8")
    assert '<math display="block">' in own

    (tmp_path / "own.md").write_text("# Own\n\n$a \\gg b$\n", encoding="utf-8")
    assert "does not know: gg" in build(tmp_path, tmp_path / "out", "-q").stderr


SEARCH = "search.html?q=huber"
LOOK = """<script>addEventListener("load", () => setTimeout(() => {
  const seen = {
    asked: performance.getEntriesByType("resource").map(entry => entry.name),
    wide: document.documentElement.scrollWidth <= innerWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.querySelector("article svg") || document.body).color,
    formulas: document.querySelectorAll("article math").length,
    found: null,
    results: [...document.querySelectorAll("ul.search li a")].map(one => one.textContent),
  };
  const field = document.querySelector(".find-loss input");
  if (field) {
    field.value = "huber";
    field.dispatchEvent(new Event("input"));
    seen.found = [...document.querySelectorAll("table.losses tbody tr")]
      .filter(row => row.offsetParent).map(row => row.cells[0].textContent.trim());
  }
  document.body.dataset.seen = JSON.stringify(seen);
}, 1500))</script>"""


class Quiet(SimpleHTTPRequestHandler):
    """Serve the site with LOOK at the end of its pages, and say nothing."""

    def send_head(self) -> Any:
        path = Path(self.translate_path(self.path))
        if path.suffix != ".html":
            return super().send_head()
        content = path.read_bytes() + LOOK.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Serve the site: of pages that are files, a browser does not tell what they load."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def look(page: str, folder: Path, dark: bool, width: int) -> tuple[dict[str, Any], str]:
    """Return what is seen of a page in a browser, and the browser's console."""
    found = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--window-size={width},900",
            f"--user-data-dir={folder / 'profile'}",
            page,
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


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build all of it, as `make docs` does; LOSSARY_SITE names one that is built already."""
    if "LOSSARY_SITE" in os.environ:
        return Path(os.environ["LOSSARY_SITE"])
    folder = tmp_path_factory.mktemp("site")
    options = ("-W", "--keep-going", "-q", "-d", str(folder / "doctrees"))
    done = build(DOCS, folder / "html", *options)
    assert done.returncode == 0, done.stderr
    return folder / "html"


whole = pytest.mark.skipif(not EVERYTHING, reason="LOSSARY_ALL builds the whole site")


@whole
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1300, 500])
def test_pages_work_without_errors_and_without_the_network(
    address: str, tmp_path: Path, dark: bool, width: int
) -> None:
    pages = ("index", "loss/index", "loss/huber_loss", "loss/giou_loss", "gallery/index", SEARCH)
    for name in pages:
        page = name if name == SEARCH else f"{name}.html"
        seen, console = look(f"{address}{page}", tmp_path, dark, width)
        assert console == "", name
        assert any(where.endswith(".css") or ".css?" in where for where in seen["asked"]), name
        assert all(where.startswith(address) for where in seen["asked"]), name
        if name == SEARCH:
            assert "huber_loss" in seen["results"]
            continue
        assert seen["wide"], f"{name} is wider than its window"
        assert seen["dark"] == dark
        light = [sum(map(int, re.findall(r"\d+", seen[key])[:3])) for key in ("paper", "ink")]
        assert (light[0] < 150 < light[1]) if dark else (light[1] < 150 < light[0]), name
        if name == "loss/index":
            assert seen["found"] is not None
            assert {"huber_loss", "modified_huber_loss"} <= set(seen["found"])
            assert len(seen["found"]) < 20
            assert seen["formulas"] > len(catalog()) / 2


@whole
def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    for made in site.rglob("*.html"):
        text = made.read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//', text), made.name
        assert not re.search(r'<link[^>]* rel="stylesheet"[^>]*"(?:https?:)?//', text), made.name
        for target in set(re.findall(r'<a [^>]*href="([^"#?]+)', text)):
            if not re.match(r"\w+:", target):
                assert (made.parent / html.unescape(target)).exists(), f"{made.name}: {target}"
    table = (site / "losses.html").read_text(encoding="utf-8")
    assert table.count('href="loss/huber_loss.html"><code') == 2  # the function and the Module
    assert {spec.name for spec in catalog()} <= {path.stem for path in site.glob("loss/*.html")}
