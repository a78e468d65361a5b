"""Training scripts of other frameworks, with their imports changed, learn what they learn there.

The scripts in scripts/ are as they run in MindSpore, Paddle and PyTorch. What they print and learn
there is in golden/, with the programs that ran them; PyTorch's runs here.
"""

import inspect
import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lossary.migrate import mindspore, paddle
from lossary.migrate.mindspore import initializer
from lossary.migrate.paddle import optimizer
from migrate.migration import IMPORTS, SCRIPTS, changed, run, start, text_and_numbers

HERE = Path(__file__).parent
GOLDEN = {
    name: json.loads((HERE / "golden" / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("scripts_mindspore", "scripts_paddleocr", "mindspore", "paddle")
}
TRAININGS = GOLDEN["scripts_mindspore"]["trainings"] | GOLDEN["scripts_paddleocr"]["trainings"]


def begin(net: nn.Module) -> None:
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters()):
            parameter.copy_(torch.from_numpy(start(parameter.shape, number)))


def learnt(net: nn.Module) -> list[np.ndarray]:
    return [parameter.detach().numpy() for parameter in net.parameters()]


def put(script: str, folder: Path) -> Path:
    """Write a script with its imports changed, beside its configuration."""
    path = folder / script
    path.write_text(changed(script), encoding="utf-8")
    config = (SCRIPTS / script).with_suffix(".yml")
    if config.exists():
        shutil.copy(config, folder)
    return path


def check(found: dict, wanted: dict, rtol: float) -> None:
    """The same words, and the same numbers up to the rounding of single precision."""
    words, numbers = text_and_numbers(found["printed"])
    those_words, those = text_and_numbers(wanted["printed"])
    assert words == those_words
    np.testing.assert_allclose(numbers, those, rtol=rtol, atol=1e-6)
    assert len(found["learnt"]) == len(wanted["learnt"])
    for ours, theirs in zip(found["learnt"], wanted["learnt"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-5)


@pytest.mark.parametrize("script", ["mindspore_losses.py", "mindspore_classifier.py"])
def test_a_mindspore_script(script: str, tmp_path: Path) -> None:
    compare(script, tmp_path)


def test_a_paddleocr_script(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="its configuration is YAML: extra paddleocr")
    compare(script="paddleocr_direction.py", folder=tmp_path)


def compare(script: str, folder: Path) -> None:
    found = run(put(script, folder), begin, learnt)
    wanted = {n.split("/")[1]: t for n, t in TRAININGS.items() if n.startswith(script)}
    assert found.keys() == wanted.keys()
    for name, training in wanted.items():
        assert len(training["printed"]) > 2
        check(found[name], training, rtol=1e-4)


def write_cifar(folder: Path) -> None:
    """An archive in the form of CIFAR-10: a label, then an image, of which it is the brightness."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name in ("data_batch_1", "data_batch_2", "test_batch"):
        labels = rng.integers(0, 10, (24, 1))
        pixels = rng.integers(0, 60, (24, 3072)) + 19 * labels
        np.hstack([labels, pixels]).astype(np.uint8).tofile(folder / f"{name}.bin")


def test_a_torch_script(tmp_path: Path) -> None:
    write_cifar(tmp_path / "cifar")
    wanted = run(SCRIPTS / "torch_cifar10.py", begin, learnt, tmp_path / "cifar")
    found = run(put("torch_cifar10.py", tmp_path), begin, learnt, tmp_path / "cifar")
    assert len(wanted["train"]["printed"]) == 13
    check(found["train"], wanted["train"], rtol=1e-4)


@pytest.mark.parametrize("script", IMPORTS)
def test_only_imports_are_changed(script: str, tmp_path: Path) -> None:
    """The names of the frameworks are gone, and all other lines are there."""
    before = (SCRIPTS / script).read_text(encoding="utf-8").splitlines()
    after = changed(script).splitlines()
    kept = [line for line in before if line not in IMPORTS[script]]
    new = "\n".join(IMPORTS[script].values()).splitlines()
    assert sorted(after) == sorted([*kept, *new])
    modules = [line.split()[1].split(".")[0] for line in after if line.startswith("from ")]
    assert not {"mindspore", "paddle", "ppocr"} & set(modules)


@pytest.mark.parametrize("script", IMPORTS)
def test_scripts_run_as_programs(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From the random start that they have without the tests."""
    if script.startswith("paddleocr"):
        pytest.importorskip("yaml", reason="its configuration is YAML: extra paddleocr")
    write_cifar(tmp_path / "cifar-10-batches-bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [script])
    torch.manual_seed(0)
    runpy.run_path(str(put(script, tmp_path)), run_name="__main__")
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_an_import_that_a_script_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(IMPORTS, "torch_cifar10.py", {"import caffe": "import torch"})
    with pytest.raises(ValueError, match=r"not once each of the imports \['import caffe'\]"):
        changed("torch_cifar10.py")


def test_dense() -> None:
    """Its arguments are MindSpore's, but the dtype; where it begins is as told."""
    names = [n for n in GOLDEN["mindspore"]["dense"] if n != "dtype"]
    assert list(inspect.signature(mindspore.Dense).parameters) == names
    x = torch.tensor([[1.0, -2.0]])
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert mindspore.Dense(2, 2, weight, 0.5)(x).tolist() == [[-2.5, -4.5]]
    dense = mindspore.Dense(2, 2, weight, "ones", activation=torch.relu)
    assert dense(x).tolist() == [[0, 0]]
    assert dense.state_dict().keys() == {"weight", "bias"}
    bare = mindspore.Dense(2, 1, initializer.One(), has_bias=False)
    assert bare.bias is None
    assert bare(x).tolist() == [[-1]]
    bound = mindspore.Dense(400, 100)
    for parameter in (bound.weight, bound.bias):  # uniform between +-1 / sqrt(400)
        assert 0.045 < parameter.abs().max() <= 0.05


@pytest.mark.parametrize(
    ("made", "mean", "std", "largest"),
    [
        (initializer.Normal(0.5, 3.0), 3.0, 0.5, 8.0),
        (initializer.Normal(), 0.0, 0.01, 0.1),
        (initializer.Uniform(), 0.0, 0.07 / 3**0.5, 0.07),
        (initializer.Constant(2.0), 2.0, 0.0, 2.0),
        (initializer.Zero(), 0.0, 0.0, 0.0),
    ],
    ids=lambda x: type(x).__name__,
)
def test_initializers(
    made: initializer.Initializer, mean: float, std: float, largest: float
) -> None:
    torch.manual_seed(0)
    x = torch.full((20000,), torch.nan)
    made(x)
    assert x.mean().item() == pytest.approx(mean, abs=0.02)
    assert x.std().item() == pytest.approx(std, rel=0.03)
    assert x.abs().max() <= largest + 1e-6


@pytest.mark.parametrize("case", GOLDEN["paddle"]["optimizers"], ids=lambda c: c["name"])
def test_paddles_optimizers(case: dict) -> None:
    """What is left of two parameters after three steps; its arguments are Paddle's first ones."""
    made = getattr(optimizer, case["name"])
    ours = inspect.signature(made).parameters
    theirs = dict(case["arguments"])
    assert {n: p.default for n, p in ours.items()} == {n: theirs[n] for n in ours}
    assert list(ours) == [n for n in theirs if n in ours]
    parameters = [nn.Parameter(torch.tensor(x)) for x in case["start"]]
    options = dict(case["options"])
    if case["groups"]:
        parts = [{"params": [p], **g} for p, g in zip(parameters, case["groups"], strict=True)]
    else:
        parts = parameters
    stepped = made(parameters=parts, **options)
    assert stepped.get_lr() == pytest.approx(case["rate"])
    for slope in case["slopes"]:
        sum((p * torch.tensor(slope) + 0.5 * p**2).sum() for p in parameters).backward()
        stepped.step()
        stepped.clear_grad()
    for parameter, wanted in zip(parameters, case["learnt"], strict=True):
        torch.testing.assert_close(parameter.detach(), torch.tensor(wanted), rtol=1e-5, atol=1e-6)


def test_gradients_are_forgotten() -> None:
    parameter = nn.Parameter(torch.ones(2))
    stepped = optimizer.SGD(0.1, [parameter])
    for to_zero in (False, True):
        parameter.sum().backward()
        stepped.clear_grad(to_zero)
        assert (parameter.grad is None) is not to_zero
    assert not parameter.grad.any()


def test_a_layer_of_paddle_is_a_module() -> None:
    class Net(paddle.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

    assert len(list(Net().parameters())) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mindspore.Dense(2, 3, "he"), "weight_init must be one of normal, .* got 'he'"),
        (
            lambda: mindspore.Dense(2, 3, bias_init=torch.zeros(2)),
            r"bias_init must have shape \(3,\), got \(2,\)",
        ),
        (
            lambda: mindspore.Dense(2, 3, activation="relu"),
            "activation must be a function .*'relu'",
        ),
        (lambda: optimizer.Adam(0.1), r"parameters must be given: network.parameters\(\)"),
        (lambda: optimizer.SGD(lambda: 0.1, []), "learning_rate must be one number, got function"),
        (
            lambda: optimizer.AdamW(0.1, parameters=[{"params": [], "grad_clip": None}]),
            "a group of parameters may not have grad_clip",
        ),
    ],
)
def test_what_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_an_initializer_of_ones_own() -> None:
    with pytest.raises(NotImplementedError, match="Half must define __call__"):
        type("Half", (initializer.Initializer,), {})()(torch.zeros(1))
