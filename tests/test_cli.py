"""The command line, as a process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lossary import catalog
from lossary.curve import curve

LOSSARY = Path(sys.executable).parent / "lossary"


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LOSSARY, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_help_names_every_command_without_loading_torch() -> None:
    program = (
        "import sys; sys.argv = ['lossary', '--help']\n"
        "import lossary_cli\n"
        "try: lossary_cli.main()\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    for command in ("check", "compare", "explore", "list", "merge", "show", "train", "translate"):
        assert re.search(rf"^│ {command} ", out, re.MULTILINE)
    assert out.splitlines()[-1] == "False"


def test_list() -> None:
    out = run("list").stdout
    assert all(spec.name in out and spec.module.__name__ in out for spec in catalog())
    margins = run("list", "--family", "margin").stdout
    assert "hinge_loss" in margins
    assert "mse_loss" not in margins
    assert "focal_loss" in run("list", "--search", "easy examples").stdout


DRAWN = {
    "real *, real * -> *",
    "real *, sign * -> *",
    "real *, prob * -> *",
    "prob *, prob * -> *",
    "real N C *, label N * -> N *",
}


def test_curves() -> None:
    """Every loss of which one number describes a unit can be drawn."""
    for spec in catalog():
        drawn = curve(spec)
        if spec.signature.text in DRAWN and spec.signature.names[0] != "real":
            assert drawn is not None, spec.name
        if drawn is not None:
            assert drawn.value.shape == drawn.at.shape
            assert drawn.value.isfinite().all()


def test_a_curve_is_the_loss_and_its_slope() -> None:
    drawn = curve(next(spec for spec in catalog() if spec.name == "logistic_loss"))
    assert drawn is not None
    assert torch.allclose(drawn.value, torch.nn.functional.softplus(-drawn.at))
    assert drawn.gradient is not None
    assert torch.allclose(drawn.gradient, -torch.sigmoid(-drawn.at))


def test_show() -> None:
    out = run("show", "FocalLoss").stdout
    for part in ("focal_loss", "gamma: focusing strength", "ICCV 2017", "arXiv:1708.02002"):
        assert part in out
    assert "logit of the true class" in out
    assert ":math:" not in out
    assert "No plot" in run("show", "arcface_loss").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "focal_los"), "no loss 'focal_los'; did you mean focal_loss"),
        (("list", "--family", "margins"), "no family 'margins'; there are"),
        (("list", "--search", "qqq"), "no loss mentions 'qqq'"),
        (("check", "nowhere:Loss"), "no module 'nowhere' here or installed"),
        (("check", "math:floor"), "together with its signature"),
        (("compare", "digit", "--losses", "cross_entropy"), "did you mean digits?"),
        (("train", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_wrong_use_says_so_and_exits_with_2(tmp_path: Path, arguments, message: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


USERS = """
from lossary import LossBase
from torch import Tensor

class Right(LossBase):
    takes = "real N C, label N -> N"
    def units(self, output: Tensor, label: Tensor) -> Tensor:
        return -output.log_softmax(1).gather(1, label[:, None]).squeeze(1)

class Wrong(Right):
    def units(self, output: Tensor, label: Tensor) -> Tensor:
        return -output.softmax(1).log().gather(1, label[:, None]).squeeze(1)

def plain(output: Tensor, label: Tensor) -> Tensor:
    return Right()(output, label)
"""


def test_check_of_ones_own_losses(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(USERS)
    right = run("check", "mine:Right", cwd=tmp_path)
    assert right.returncode == 0, right.stdout + right.stderr
    assert re.search(r"Right: \d+ passed, 0 failed", right.stdout)
    wrong = run("check", "mine:Wrong", cwd=tmp_path)
    assert wrong.returncode == 1
    assert re.search(r"^extremes +failed +first tensor x", wrong.stdout, re.MULTILINE)
    assert (
        run("check", "mine:plain", "--signature", "real N C, label N", cwd=tmp_path).returncode == 0
    )


def test_compare_and_its_own_loss(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(USERS)
    arguments = "compare iris --losses cross_entropy mine:Right --epochs 2 --folds 2 --out out"
    done = run(*arguments.split(), "--learning-rates", 0.003, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[4/4] mine:Right, fold 2, seed 0" in done.stderr
    assert "mine:Right" in done.stdout
    assert f"report: {tmp_path / 'out' / 'report.html'}" in done.stdout
    assert arguments in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    again = run(*arguments.split(), "--learning-rates", 0.003, cwd=tmp_path)
    assert "4 of 4 cells are there already" in again.stderr


CONFIG = 'data = "wine"\nloss = "focal_loss:gamma=1"\nout = "out"\nepochs = 8\n'


def test_train(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    done = run("train", "config.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    accuracy = re.findall(r"epoch 8: .*, accuracy (\d\.\d+)", done.stdout)
    assert float(accuracy[0]) > 0.8
    assert (tmp_path / "out" / "model.safetensors").exists()
    assert (tmp_path / "out" / "history.json").exists()
    again = run("train", "config.toml", cwd=tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('loss = "focal', 'los = "focal'), "nothing is called 'los'; did you mean loss?"),
        (("epochs = 8", 'epochs = "8"'), "epochs must be int, got '8'"),
        (("epochs = 8", "valid = 1.5"), "valid must lie between 0 and 1, got 1.5"),
        (("epochs = 8", "learning_rate = 0"), "learning_rate must be positive, got 0"),
        (('out = "out"', ""), "does not say out"),
        (('"wine"', '"win"'), "no data 'win'"),
        (("focal_loss:gamma=1", "mse_loss"), "does not fit the 3 classes"),
        (("epochs", "epochs ="), "Invalid"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, change, message: str) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.replace(*change))
    done = run("train", "config.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
