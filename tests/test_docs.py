"""What the documents say is true: their code runs, and their tables are those of the catalog."""

import importlib.util
import itertools
import math
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lossary
from lossary.spec import Trait
from references import MISSING, REFERENCES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_readme_runs(tmp_path: Path) -> None:
    """All of it, in one go, as a reader would."""
    program = tmp_path / "readme.py"
    program.write_text("\n".join(blocks(README)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "0 failed" in done.stdout
    assert "epoch: 5 step: 8, loss is" in done.stdout
    assert str(Path("runs") / "iris" / "report.html") in done.stdout
    assert (tmp_path / "runs" / "iris" / "report.html").exists()


def test_the_page_on_training_runs(tmp_path: Path) -> None:
    """All of it, in one go; only the nan that it puts into the data may be warned of."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    program = tmp_path / "training.py"
    program.write_text("\n".join(blocks(page)), encoding="utf-8")
    mild = "default:the loss is nan:RuntimeWarning"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", mild, program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for said in re.findall(r"#[^\n]* (resumed after .*)$", page, re.MULTILINE):
        assert said in done.stderr
    assert "sample 17 of Files could not be read: OSError: no such file: 17.png" in done.stdout
    assert "epoch: 1 step: 8, loss is" in done.stdout
    listed = re.search(r"^```\nruns/sides/\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert listed is not None
    written = {path.name for path in (tmp_path / "runs").rglob("*")}
    assert set(re.findall(r"^ +(\S+?)/?(?: |$)", listed[1], re.MULTILINE)) <= written


def test_the_page_on_moving_over_runs() -> None:
    page = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    program = "import torch, lossary\n" + "\n".join(blocks(page))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_headings_of_the_pages_leave_out_no_level() -> None:
    """The site is not built with such a page."""
    pages = [p for p in (ROOT / "docs").rglob("*.md") if "build" not in p.parts]
    for page in pages:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
        assert all(b <= a + 1 for a, b in itertools.pairwise([0, *levels])), page


def test_the_readme_lists_the_losses_of_the_catalog() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "loss_table.py"))
    assert made["with_list"](README, made["families"]()) == README, "run `make readme`"
    page = (ROOT / "docs" / "losses.md").read_text(encoding="utf-8")
    assert made["with_list"](page, made["table"]()) == page, "run `make readme`"


def errors() -> dict[str, list[float]]:
    """Return the rows of the table of errors."""
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `(\w+)` \|((?: [\d.einf+-]+ \|){6})$", page, re.MULTILINE)
    return {name: [float(cell) for cell in cells.split("|")[:-1]] for name, cells in found}


def test_the_table_of_errors_has_every_loss_and_the_readme_its_worst() -> None:
    specs = [s for s in lossary.catalog() if s.example is None and Trait.RANDOM not in s.traits]
    assert set(errors()) == {spec.name for spec in specs}, "run `make tables`"
    columns = [sorted(column) for column in zip(*errors().values(), strict=True)]
    for share, told in ((0.5, "half of the losses"), (0.95, "95 %"), (1.0, "the worst")):
        found = [column[math.ceil(share * len(column)) - 1] for column in columns]
        assert f"| {told} | " + " | ".join(f"{n:.0e}" for n in found) + " |" in README


@pytest.mark.parametrize("name", ["focal_loss", "huber_loss"])
def test_the_table_of_errors_is_what_is_measured(name: str) -> None:
    """A sample, in single precision; `make tables` measures all of them."""
    worst = runpy.run_path(str(ROOT / "docs" / "trust_tables.py"))["worst"]
    spec = next(spec for spec in lossary.catalog() if spec.name == name)
    for measured, told in zip(worst(spec, torch.float32), errors()[name], strict=False):
        assert measured <= 3 * told  # other processors round otherwise


def test_the_table_of_support_has_every_loss_and_no_exception() -> None:
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|((?: (?:yes|no|n/a) \|){8})$", page, re.MULTILINE)
    assert {name for name, _ in rows} == {spec.name for spec in lossary.catalog()}
    declared = {spec.name for spec in lossary.catalog() if spec.exempt}
    assert {name for name, cells in rows if " no " in cells} <= declared


def test_verification_has_every_loss_that_others_implement() -> None:
    page = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\d.e+-]+) \| ", page, re.MULTILINE)
    told = {(name, source) for name, source, _ in rows}
    known = {(name, source) for source, names in REFERENCES.items() for name in names}
    assert known <= told, "run `make references`"
    assert {source for _, source in told} == {*REFERENCES, *MISSING}, "run `make references`"
    assert all(float(value) < 1e-8 for _, _, value in rows)
    others = {name for name, source in told if not source.startswith("papers")}
    assert f"{len(others)} losses" in page


def test_the_changelog_counts_the_losses() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    families = {spec.family for spec in lossary.catalog()}
    assert f"{len(lossary.catalog())} losses in {len(families)} families" in changelog


def test_a_loss_is_one_file_and_one_line(tmp_path: Path) -> None:
    """CONTRIBUTING, followed to the letter in a copy of the package."""
    shutil.copytree(ROOT / "src" / "lossary", tmp_path / "lossary")
    file, line = blocks(CONTRIBUTING)
    (tmp_path / "lossary" / "losses" / "regression" / "log_l1.py").write_text(file)
    with (tmp_path / "lossary" / "__init__.py").open("a") as names:
        names.write(line)
    program = """
import doctest, torch, lossary
from lossary.losses.regression import log_l1
found = lossary.check(lossary.log_l1_loss, reference=lambda x, y, alpha=0.5: (
    torch.log(torch.max(x - y, y - x) + alpha)
))
print(found)
found.raise_if_failed()
assert doctest.testmod(log_l1, extraglobs={"torch": torch}).failed == 0
assert "log_l1_loss" in [spec.name for spec in lossary.catalog()]
assert lossary.LogL1Loss(alpha=2.0)(torch.zeros(3), torch.ones(3)) > 0
print(lossary.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(tmp_path) in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+?)\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
    for target in re.findall(r"`lossary\.(\w+)", text):
        known = hasattr(lossary, target) or importlib.util.find_spec(f"lossary.{target}")
        assert known, f"{path.name}: lossary.{target}"
