"""The concept pages: their code prints what they say, their commands work, both languages agree."""

import csv
import importlib.util
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossary
from lossary.data.tables import load_table
from lossary.tasks.choice import choose
from lossary_cli.commands import app

ROOT = Path(__file__).parent.parent
CONCEPTS = sorted((ROOT / "docs" / "concepts").glob("*.md"))
PAIRS = [(page, ROOT / "docs" / "zh" / page.name) for page in CONCEPTS]
PAIRS.append((ROOT / "README.md", ROOT / "README.zh-CN.md"))
NAMES = {spec.name for spec in lossary.catalog()}
NUMBER = r"\d+(?:[.,]\d+)*"
LINK = r"\]\((?!(?:\.\./|docs/)(?:zh|concepts)/|README)[^)]+"
LIKE_A_LOSS = re.compile(r"[a-z]\w*_(loss|entropy|penalty|divergence|distance)")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """Return language and content of every block of code."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """Return the text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return the commands of a page."""
    shell = "".join(block for language, block in blocks(read(page)) if language == "sh")
    return [line for line in shell.splitlines() if line]


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda page: page.stem)
def test_the_code_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it in one go, as a module: classes of a loss have to be found again by name."""
    code = "\n".join(block for language, block in blocks(read(page)) if language == "python")
    name = f"page_{page.stem.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(tmp_path)
    spec.loader.exec_module(module)
    told = re.findall(r"^ *print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert len(told) == code.count("print("), "a print does not say what it prints"
    assert capsys.readouterr().out.splitlines() == told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the commands name."""
    made = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    with (made / "data.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["height", "label", "species", "price", "grade", "news", "sport"])
        for i in range(40):
            word, height = "abcd"[i % 4], f"{random.normal():.3f}"
            rows.writerow([height, word, word, i + 0.5, 1 + i % 5, i % 2, i // 2 % 2])
    for name in ("train.csv", "held_out.csv"):
        shutil.copy(made / "data.csv", made / name)
    masks = np.arange(3).repeat(96).reshape(4, 8, 9)
    np.savez(made / "masks.npz", x=random.normal(size=(4, 1, 8, 9)).astype("float32"), y=masks)
    own = next(block for _, block in blocks(read(CONCEPTS[-1])) if "class LogError" in block)
    (made / "mymodule.py").write_text(own.partition("x, y =")[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.syspath_prepend(made)
        yield made
    sys.modules.pop("mymodule", None)


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda page: page.stem)
@pytest.mark.usefixtures("folder")
def test_the_commands_are_understood(page: Path) -> None:
    """Their options exist; of comparisons the data can be read, and every loss fits them."""
    for line in commands(page):
        program, *tokens = shlex.split(line)
        assert program == "lossary"
        command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
        told: dict[str, Any] = bound.arguments
        if command.__name__ == "compare":
            columns = told.get("target")
            target = columns[0] if columns and len(columns) == 1 else columns
            table = load_table(told["data"], target, told.get("task"))
            for loss in told["losses"]:
                choose(loss, table)
        for loss in told.get("losses", ()) if command.__name__ == "explore" else ():
            assert loss in NAMES or ":" in loss, line


def test_the_first_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the page on comparing; and the folder holds what the page lists."""
    pytest.importorskip("matplotlib", reason="the extra pictures is not installed")
    monkeypatch.chdir(tmp_path)
    lines = commands(ROOT / "docs" / "concepts" / "comparing.md")
    for line in [*lines[:3], next(line for line in lines if "runs/formats" in line)]:
        app(shlex.split(line)[1:], result_action="return_value")
    out = capsys.readouterr().out
    assert out.count("choose by") + out.count("etter than") + out.count("orse than") >= 4
    page = read(ROOT / "docs" / "concepts" / "comparing.md")
    section = page.partition("## The result folder")[2].partition("```")[0]
    for cell in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cell):
            assert (tmp_path / "runs" / "formats" / name).exists(), name
    assert (tmp_path / "runs" / "both" / "report.html").exists()


@pytest.mark.parametrize("page", [p for pair in PAIRS for p in pair], ids=str)
def test_every_loss_that_is_named_exists(page: Path) -> None:
    for told in re.findall(r"`([^`\n]+)`", prose(read(page))):
        name = told.partition(":")[0].removeprefix("lossary.")
        if LIKE_A_LOSS.fullmatch(name):
            assert name in NAMES, name


@pytest.mark.parametrize("language", ["concepts", "zh"])
def test_the_columns_of_losses_hold_nothing_else(language: str) -> None:
    """The first cells of the tables that choose a loss, whatever the names look like."""
    page = read(ROOT / "docs" / language / "choosing.md")
    found = re.findall(r"^\| (`.*?) \|.*\|.*\|.*\|$", page, re.MULTILINE)
    names = [name for cell in found for name in re.findall(r"`(\w+)", cell)]
    assert len(names) > 100
    assert set(names) - NAMES == {"class_weight"}


@pytest.mark.parametrize(("page", "other"), PAIRS, ids=lambda page: page.name)
def test_the_translation_is_whole(page: Path, other: Path) -> None:
    english, chinese = read(page), read(other)
    assert blocks(chinese) == blocks(english)
    heads = [re.findall(r"^#+", prose(text), re.MULTILINE) for text in (english, chinese)]
    assert heads[0] == heads[1]
    assert f"]({other.name}" in english or f"/{other.name})" in english or page.name == "README.md"
    assert f"{page.name})" in chinese.splitlines()[0]


def told(page: Path, pattern: str) -> list[str]:
    """Return what matches in the prose, without the list of all losses that is written anew."""
    text = re.sub(r"<!-- losses.*?<!-- end of losses -->", "", prose(read(page)), flags=re.DOTALL)
    return sorted(re.findall(pattern, text, re.MULTILINE))


@pytest.mark.parametrize(("page", "other"), PAIRS[:-1], ids=lambda page: page.stem)
@pytest.mark.parametrize("pattern", [r"`[^`\n]+`", NUMBER, r"^\|", LINK])
def test_the_translation_has_the_same_facts(page: Path, other: Path, pattern: str) -> None:
    """Names, numbers, rows of tables and links: what goes stale without a sound."""
    assert told(other, pattern) == told(page, pattern)


def test_the_translation_of_the_readme_has_the_same_facts() -> None:
    """And of the list of losses the families, whose table it has instead."""
    page, other = PAIRS[-1]
    assert told(other, NUMBER) == told(page, NUMBER)
    assert set(told(page, r"`[^`\n]+`")) <= set(told(other, r"`[^`\n]+`"))
    assert set(told(page, LINK)) <= set(told(other, LINK))
    families = re.findall(r"^\| \[(\w+)\]\(docs/losses.md#\1\) \|", read(other), re.MULTILINE)
    assert families == sorted({spec.family for spec in lossary.catalog()})


@pytest.mark.parametrize("page", [p for pair in PAIRS[:-1] for p in pair], ids=str)
def test_a_page_ends_with_where_to_go_on(page: Path) -> None:
    last = prose(read(page)).split("\n## ")[-1].splitlines()
    assert last[0] in ("Where next", "接下来读什么")
    assert all(line.startswith("- [") for line in last[1:] if line)
