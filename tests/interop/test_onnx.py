"""Network and loss in an ONNX file give the value of the eager ones in onnxruntime."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lossary
from lossary.interop import onnx as interop
from lossary.interop.export import ExportError
from lossary.interop.onnx import to_onnx

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason='needs the extra "onnx"')


DOCS = Path(__file__).parents[2] / "docs"


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 3))


def batch(samples: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(samples)
    return torch.randn(samples, 4, generator=g), torch.randint(3, (samples,), generator=g)


def ran(path: Path, columns: tuple[Tensor, ...]) -> Tensor:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    assert names == ["input", "target"]
    assert [given.name for given in session.get_outputs()] == ["loss"]
    given = {n: c.numpy() for n, c in zip(names, columns, strict=True)}
    return torch.as_tensor(session.run(["loss"], given)[0])


LOSSES = {
    "module": lossary.FocalLoss(gamma=1.5),
    "function": functools.partial(lossary.focal_loss, reduction="sum"),
    "sum": 2 * lossary.FocalLoss() + lossary.CrossEntropyLoss(),
    "units": lossary.CrossEntropyLoss(class_weight=torch.arange(1.0, 4.0), reduction="none"),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_value_at_any_number_of_samples(loss: Any, tmp_path: Path) -> None:
    net, path = network(), tmp_path / "loss.onnx"
    difference = to_onnx(net, loss, batch(5), path)
    assert difference is not None
    assert difference < 1e-5
    assert net.training  # as before
    net.eval()
    for samples in (1, 2, 9):
        x, y = batch(samples)
        torch.testing.assert_close(
            ran(path, (x, y)), loss(net(x), y).detach(), rtol=1e-5, atol=1e-6
        )
    assert [p.name for p in tmp_path.iterdir()] == ["loss.onnx"]


def test_ignored_labels_stay_ignored(tmp_path: Path) -> None:
    net, path = network(), tmp_path / "loss.onnx"
    to_onnx(net, lossary.FocalLoss(), batch(1), path)
    net.eval()
    x, y = batch(6)
    y[1] = -100
    want = lossary.focal_loss(net(x), y).detach()
    torch.testing.assert_close(ran(path, (x, y)), want, rtol=1e-5, atol=1e-6)
    assert ran(path, (x, torch.full((6,), -100))) == 0


class Noisy(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return (input * torch.rand_like(input)).mean() + target.sum()


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        return input.mean() * self.calls + target.sum()


class Complex(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return torch.linalg.eigvals(input.T @ input).real.sum() + target.sum()


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (Noisy(), "two calls on the same batch differ, by random numbers or a state"),
        (Counting(), "an ONNX file keeps no state, but a call changes loss.calls"),
        (Complex(), "ONNX cannot say it: DispatchError: No ONNX function found for .*linalg_eig"),
    ],
    ids=["random", "state", "no such operation"],
)
def test_what_cannot_be_is_said_and_not_written(loss: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "loss.onnx"
    path.write_text("the one before")
    with pytest.raises(ExportError, match=said):
        to_onnx(network(), loss, batch(5), path)
    assert path.read_text() == "the one before"
    if isinstance(loss, Counting):
        assert loss.calls == 0


def test_another_value_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is wrong, as of a conversion that is."""
    path, right = tmp_path / "loss.onnx", interop._converted
    changed = network()

    def wrong(program: Any, names: list[str]) -> bytes:
        with torch.no_grad():
            changed[0].weight += 1e-3
        try:
            return right(program, names)
        finally:
            with torch.no_grad():
                changed[0].weight -= 1e-3

    monkeypatch.setattr(interop, "_converted", wrong)
    with pytest.raises(ExportError, match=r"differs by .*e-0\d from that of PyTorch, more than"):
        to_onnx(changed, lossary.FocalLoss(), batch(5), path)
    assert not list(tmp_path.iterdir())


def test_without_onnxruntime_it_is_written_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "onnxruntime")
    path = tmp_path / "loss.onnx"
    assert to_onnx(network(), lossary.FocalLoss(), batch(5), path) is None
    assert path.stat().st_size


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_what_is_missing_is_said(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, package)
    with pytest.raises(ModuleNotFoundError, match=rf'this needs {package}: .*"lossary\[onnx\]"'):
        to_onnx(network(), lossary.FocalLoss(), batch(5), tmp_path / "loss.onnx")


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "integrations" / "export.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(block, found)
    assert found["difference"] < 1e-5
    assert (tmp_path / "focal.onnx").exists()


def test_the_table_is_of_the_figures() -> None:
    """Every loss that was tried is in it, and those that work to a millionth or so."""
    figures = json.loads((DOCS / "onnx.json").read_text(encoding="utf-8"))["losses"]
    page = (DOCS / "onnx.md").read_text(encoding="utf-8")
    assert set(figures) <= {spec.name for spec in lossary.catalog()}
    for name, found in figures.items():
        assert f"| `{name}` |" in page
        for kind in ("export", "onnx"):
            assert isinstance(found[kind], str) or found[kind] <= 1e-5


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    assert "lossary.interop.onnx" in sys.modules
    assert not {"onnxscript", "onnxruntime"} & set(vars(interop))
