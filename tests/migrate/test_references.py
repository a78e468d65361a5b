"""The golden files are compared with what the frameworks make anew, and the table is of them."""

import importlib.util
import inspect
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from lossary.migrate import keras, mindspore, optax, paddle, paddleocr, torch as criteria
from lossary.migrate.paddle import functional
from lossary.migrate.paddleocr import basic
from migrate import references
from migrate.outcomes import Outcome, golden

HERE = Path(__file__).parent
PROGRAMS = [p for e in references.ENVIRONMENTS.values() for p in e.programs]


def load_table() -> ModuleType:
    path = HERE.parent.parent / "docs" / "migration_table.py"
    spec = importlib.util.spec_from_file_location("migration_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = load_table()


def test_every_golden_file_has_its_program_and_its_versions() -> None:
    assert sorted(PROGRAMS) == sorted(p.stem for p in (HERE / "golden").glob("*.json"))
    named = {p.stem.removeprefix("make_golden_") for p in HERE.glob("make_golden_*.py")}
    assert named == set(PROGRAMS)
    for environment in references.ENVIRONMENTS.values():
        pins = dict(p.split("==") for p in environment.packages)
        for program in environment.programs:
            for package, version in golden(program)["versions"].items():
                assert pins.get(package, references.COMMIT) == version


@pytest.mark.parametrize(
    ("kept", "made", "found"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 1e-6]}, []),
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.1]}, ["/a/1: 2.0 became 2.1"]),
        ({"a": [1e4, 0.0]}, {"a": [1e4, 0.05]}, []),  # the rounding of 1e4
        ({"float64": [1.0]}, {"float64": [1.0 + 1e-9]}, ["/float64/0: 1.0 became 1.000000001"]),
        ({"a": [float("nan")]}, {"a": [float("nan")]}, []),
        ({"a": [float("nan")]}, {"a": [1.0]}, ["/a/0: nan became 1.0"]),
        ({"a": [float("inf")]}, {"a": [1.0]}, ["/a/0: inf became 1.0"]),
        ({"a": 1}, {"b": 1}, ["/a: is gone", "/b: is new"]),
        ({"a": [1, 2]}, {"a": [1]}, ["/a: 2 elements became 1"]),
        ({"a": None}, {"a": [1]}, ["/a: null became [1]"]),
        ({"a": True}, {"a": False}, ["/a: true became false"]),
        ({"a": "2.10.0"}, {"a": "2.11.0"}, ['/a: "2.10.0" became "2.11.0"']),
        (["step: 1, loss is 2.0"], ["step: 1, loss is 2.000001"], []),
        (["loss is 2.0"], ["loss is 2.1"], ['/0: "loss is 2.0" became "loss is 2.1"']),
        (["loss is 2.0"], ["cost is 2.0"], ['/0: "loss is 2.0" became "cost is 2.0"']),
        (["none [0.1, 0.2]"], ["none [0.1, 0.2000001]"], []),
    ],
)
def test_differences(kept: object, made: object, found: list[str]) -> None:
    assert list(references.differences(kept, made)) == found


@pytest.mark.parametrize("keep", [False, True])
def test_what_differs_is_said(
    keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And kept only if one asks for it."""
    shutil.copytree(HERE / "golden", tmp_path / "golden")
    monkeypatch.setattr(references, "HERE", tmp_path)
    path = tmp_path / "golden" / "keras.json"
    assert not references.compare("keras", path, keep)
    found = json.loads(path.read_text())
    found["cases"][0]["float64"]["value"][0] += 1
    made = tmp_path / "made.json"
    made.write_text(json.dumps(found))
    assert references.compare("keras", made, keep)
    assert "keras: 1 differences\n  /cases/0/float64/value" in capsys.readouterr().out
    assert (json.loads(path.read_text()) == found) == keep


def test_a_framework_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["references.py", "caffe"])
    with pytest.raises(SystemExit):
        references.main()
    assert "frameworks must be of mindspore, paddle, keras, optax, got caffe" in (
        capsys.readouterr().err
    )


def test_a_folder_without_ppocr(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="must be a folder that holds ppocr/losses"):
        references.ppocr_of(tmp_path, tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="it is git that fetches")
def test_ppocr_is_fetched_at_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From a repository that has gone on since."""
    origin = tmp_path / "origin"
    file = origin / "ppocr" / "losses" / "cls_loss.py"
    file.parent.mkdir(parents=True)
    git = ["git", "-C", origin, "-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for text in ("then", "now"):
        file.write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", text], check=True)
    command = [*git, "rev-parse", "--short", "HEAD~1"]
    then = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    monkeypatch.setattr(references, "PADDLEOCR", origin.as_uri())
    monkeypatch.setattr(references, "COMMIT", then)
    fetched = references.ppocr_of(tmp_path, None)
    assert (fetched / "ppocr" / "losses" / "cls_loss.py").read_text() == "then"
    assert references.ppocr_of(tmp_path, None) == fetched
    shutil.rmtree(fetched)
    monkeypatch.setattr(references, "PADDLEOCR", (tmp_path / "nothing").as_uri())
    with pytest.raises(SystemExit, match="cannot be fetched: give a folder that holds its package"):
        references.ppocr_of(tmp_path, None)
    assert not fetched.exists()


def losses(module: ModuleType, ends: str = "") -> set[str]:
    """What a module of ours offers: its own classes and functions, and those of its files."""
    return {
        name
        for name, found in vars(module).items()
        if getattr(found, "__module__", "").startswith(module.__name__.rpartition(".")[0])
        and (inspect.isclass(found) or inspect.isfunction(found))
        and not name.startswith("_")
        and name.endswith(ends)
    }


OF_DETECTION = set(golden("paddleocr")["public"]["det_basic_loss"])
OURS = {
    "torch": {n for n in vars(criteria) if n.endswith(("Loss", "_loss", "entropy", "logits"))}
    | {"kl_div"},
    "mindspore": losses(mindspore)
    - {"Cell", "Dense", "Momentum", "WithLossCell"},  # of the training
    "paddle": losses(paddle, "Loss") | losses(functional) - {"reduced", "adaptive_log_prob"},
    "paddleocr": {
        name
        for name in losses(paddleocr) - {"build_loss"}
        if vars(paddleocr)[name].__module__ != basic.__name__
    }
    | {
        n if n in OF_DETECTION else f"basic.{n}"
        for n in losses(basic)
        if inspect.isclass(vars(basic)[n])
    },
    "keras": losses(keras),
    "optax": losses(optax),
}


@pytest.mark.parametrize("framework", TABLE.FRAMEWORKS)
def test_the_table_has_every_name_of_the_framework_and_of_ours(framework: str) -> None:
    """Those of the framework are compared, or there is a reason; ours are all of the framework."""
    compared = set(TABLE.differences(framework))
    here = set(TABLE.UNCOMPARED.get(framework, {}))
    absent = set(TABLE.ABSENT.get(framework, {}))
    assert compared | here | absent == TABLE.public(framework)
    assert not here & compared
    assert not absent & compared
    assert OURS[framework] == compared | here


def test_the_page_is_of_the_present_numbers() -> None:
    """The names and cases are the same; the numbers are of this machine, so only about the same."""
    page = TABLE.PAGE.read_text(encoding="utf-8")
    written = page.partition(TABLE.BEGIN)[2].partition(TABLE.END)[0].strip().splitlines()
    fresh = TABLE.tables().splitlines()
    number = re.compile(r"\d(?:e[+-]\d\d)?(?= \|)")
    assert len(written) == len(fresh)
    for line, wanted in zip(written, fresh, strict=True):
        assert number.sub("#", line) == number.sub("#", wanted)


@pytest.mark.parametrize("framework", TABLE.FRAMEWORKS)
def test_differences_are_roundings(framework: str) -> None:
    largest = 1e-9 if framework in TABLE.DOUBLE else 1e-4
    for found in TABLE.differences(framework).values():
        assert found.value < largest
        assert found.gradient is None or found.gradient < largest


def test_a_difference() -> None:
    """Relative to the largest number; what is not a number there is counted, if it is one here."""
    theirs = torch.tensor([4.0, torch.nan, torch.inf, torch.inf])
    ours = torch.tensor([3.0, 1.0, torch.inf, 5.0])
    found = TABLE.Difference()
    found.add(Outcome("x", ours, theirs, [(torch.zeros(2), torch.tensor([0.0, 2.0]))]))
    assert found == TABLE.Difference(cases=1, value=0.25, gradient=1.0, replaced=2)
    found.add(Outcome("x", torch.tensor([torch.nan]), torch.tensor([1.0]), []))
    assert found.value == torch.inf


def test_a_name_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE.ABSENT, "torch", {})
    with pytest.raises(ValueError, match=r"PyTorch: neither compared nor explained: \['Adaptive"):
        TABLE.tables()


def test_torch_has_no_other_losses() -> None:
    assert {n for n in dir(nn) if n.endswith("Loss")} <= TABLE.public("torch")
