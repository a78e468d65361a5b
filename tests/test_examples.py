"""The examples run, and learn what they say."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run an example as a program, and return what it printed."""

    def example(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return example


def test_every_example_is_tested() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in tested, path.name


def test_linear_fit(run: Run) -> None:
    out = run("linear_fit.py")
    assert re.fullmatch(r"epoch: 1 step: 1, loss is \d+\.\d{6}", out.splitlines()[0])
    assert out.splitlines()[-1] == "learnt: y = 2.0 x + 3.0"


def test_multi_label(run: Run) -> None:
    """Both ways of wiring compute the same."""
    first, second = (re.findall(r"\d+\.\d+", line) for line in run("multi_label.py").splitlines())
    assert first[0] == second[0]
    assert float(first[0]) < 0.1


def test_learned_weights(run: Run) -> None:
    """Both parts fall, and their coefficients, which begin with 1, grow."""
    lines = run("learned_weights.py").splitlines()
    row = r"epoch (\d+): loss -?\d+\.\d+, side (.+) x (.+), distance (.+) x (.+)"
    found = [re.fullmatch(row, line) for line in (lines[0], lines[-1])]
    (_, *first), (epoch, *last) = ([float(n) for n in f.groups()] for f in found if f)
    assert epoch == 20
    assert last[0] < first[0] / 10
    assert last[2] < first[2] / 10
    assert last[1] > 2
    assert last[3] > 2


def test_resume(run: Run, tmp_path: Path) -> None:
    """Two parts are the whole, to the last bit, and the best weights are those that it names."""
    whole = run("resume.py", tmp_path / "whole", "--epochs", 4).splitlines()
    run("resume.py", tmp_path / "parts", "--epochs", 2)
    rest = run("resume.py", tmp_path / "parts", "--epochs", 4).splitlines()
    assert rest[0] == whole[2]  # the first of epoch 3
    assert rest[-2:] == whole[-2:]
    assert float(whole[-1].split()[-1]) > 0.85


def test_processes(run: Run) -> None:
    """Two processes print once, and what one prints; they start the program anew."""
    one = run("processes.py", "--processes", 1).splitlines()
    done = subprocess.run(
        [sys.executable, EXAMPLES / "processes.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    two = done.stdout.splitlines()
    assert one[0] == "processes: 1, optimizer steps: 80"
    assert two[0] == "processes: 2, optimizer steps: 80"
    assert one[1:] == two[1:]
    assert len(one) == 4


def test_backward(run: Run) -> None:
    """The derivatives in its comments are worked out by hand."""
    assert run("backward.py").splitlines() == [
        "before backward:  weight.grad = None, bias.grad = None",
        "loss = 6.5",
        "after backward:   weight.grad = -8.0, bias.grad = -5.0",
        "once more:        weight.grad = -16.0 (it adds up)",
        "after zero_grad:  weight.grad = None",
    ]


def test_cifar10(run: Run, tmp_path: Path) -> None:
    """On a little data set whose classes differ in brightness."""
    rng = np.random.default_rng(0)
    labels = np.arange(400, dtype=np.uint8) % 10
    images = (labels[:, None] * 25 + rng.integers(0, 20, (400, 3072))).astype(np.uint8)
    records = np.concatenate([labels[:, None], images], 1)
    (tmp_path / "data_batch_1.bin").write_bytes(records[:300].tobytes())
    (tmp_path / "test_batch.bin").write_bytes(records[300:].tobytes())
    out = run("cifar10.py", tmp_path, "--epochs", 1, "--every", 25)
    assert "300 images to train on, 100 to test on" in out
    assert len(re.findall(r"epoch: 1 step: \d+, loss is", out)) == 3
    assert len(re.findall(r"^  \w+ +\d+\.\d%$", out, re.MULTILINE)) == 10


def test_direction_classifier(run: Run) -> None:
    last = run("direction_classifier.py").splitlines()[-1]
    assert float(re.findall(r"of unseen lines (\d+\.\d)%", last)[0]) < 15


@pytest.mark.parametrize(
    "game",
    [
        "minimax",
        "non_saturating",
        "wasserstein",
        "least_squares",
        "loss_sensitive",
        "generalized_loss_sensitive",
    ],
)
def test_gan(run: Run, game: str) -> None:
    """Points start near the origin, 2 off the ring."""
    last = run("gan.py", "--loss", game).splitlines()[-1]
    assert float(re.findall(r"lie (\d+\.\d+) off", last)[0]) < 1
