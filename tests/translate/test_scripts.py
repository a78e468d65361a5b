"""Whole scripts: they run after they are translated, and give the same."""

import contextlib
import io
import re
import runpy
import sys
import types
from pathlib import Path

import pytest
import torch

pytest.importorskip("libcst", reason="in the extra lossary[translate]")

from lossary.migrate import paddle
from lossary.translate import Translation, translate

SCRIPTS = Path(__file__).parent / "scripts"  # .txt, so that nobody takes them for tests


def translated(name: str) -> Translation:
    return translate((SCRIPTS / f"{name}.py.txt").read_text(encoding="utf-8"), filename=name)


def run(code: str, folder: Path, name: str = "__main__") -> tuple[dict[str, object], str]:
    """Run a script from a file; return what it leaves and what it prints."""
    path, said = folder / "script.py", io.StringIO()
    path.write_text(code, encoding="utf-8")
    with contextlib.redirect_stdout(said):
        left = runpy.run_path(str(path), run_name=name)
    return left, said.getvalue()


def test_pytorch(tmp_path: Path) -> None:
    """The trained parameters are the same, and so is what is printed."""
    found = translated("pytorch_training")
    before, said = run(found.source, tmp_path)
    after, says = run(found.code, tmp_path)
    assert said == says
    for old, new in zip(before["net"].parameters(), after["net"].parameters(), strict=True):
        torch.testing.assert_close(old, new, rtol=1e-5, atol=1e-6)
    assert translate(found.code).code == found.code


def test_what_is_said_of_pytorch() -> None:
    found = translated("pytorch_training")
    own = {(c.before, c.after) for c in found.changes if not c.kept}
    assert own == {
        ("nn.MSELoss", "lossary.MSELoss"),
        ("nn.CrossEntropyLoss", "lossary.CrossEntropyLoss"),
        ("CE", "lossary.CrossEntropyLoss"),
        ("F.smooth_l1_loss", "lossary.smooth_l1_loss"),
    }
    kept = {(c.before, c.after) for c in found.changes if c.kept}
    assert kept == {
        ("nn.KLDivLoss", "lossary.migrate.torch.KLDivLoss"),
        ("nn.CrossEntropyLoss", "lossary.migrate.torch.CrossEntropyLoss"),
    }
    assert [(x.name, found.source.splitlines()[x.line - 1].strip()) for x in found.left] == [
        ("class PairLoss", "class PairLoss(nn.Module):"),
        ("nn.MSELoss", "return nn.MSELoss()(x, x)"),
    ]
    lines = found.source.splitlines()
    assert [lines[w.line - 1].strip() for w in found.warnings] == [
        "loss = loss / accumulation_steps",
        "return net, total_loss / len(loader)",
    ]
    assert all("lossary.parts" in w.text for w in found.warnings)


def test_everything_else_stays() -> None:
    """Only lines that name losses differ, and comments on them stay."""
    found = translated("pytorch_training")
    old, new = found.source.splitlines(), found.code.splitlines()
    gone = [line.strip() for line in old if line not in new]
    assert gone == [
        "self.aux = nn.MSELoss(reduction = 'sum')   # spaces as people leave them",
        "criterion = nn.CrossEntropyLoss(",
        "weight=torch.tensor([1.0, 2.0, 0.5]),  # the rare one counts more",
        "smooth = CE(None, label_smoothing=0.1)",
        "both = nn.CrossEntropyLoss(weight=torch.ones(3) * 2, label_smoothing=0.1)",
        'distil = nn.KLDivLoss(reduction="batchmean")',
        "loss += F.smooth_l1_loss(out, teacher(a).detach(), beta=0.5)",
    ]
    come = [line.strip() for line in new if line not in old]
    assert come == [
        "import lossary",
        "from lossary.migrate import torch as lossary_torch",
        "self.aux = lossary.MSELoss(reduction = 'sum')   # spaces as people leave them",
        "criterion = lossary.CrossEntropyLoss(",
        "class_weight=torch.tensor([1.0, 2.0, 0.5]),  # the rare one counts more",
        "smooth = lossary.CrossEntropyLoss(class_weight=None, label_smoothing=0.1)",
        "both = lossary_torch.CrossEntropyLoss(weight=torch.ones(3) * 2, label_smoothing=0.1)",
        'distil = lossary_torch.KLDivLoss(reduction="batchmean")',
        "loss += lossary.smooth_l1_loss(out, teacher(a).detach(), beta=0.5)",
    ]


def stand_ins(**modules: object) -> dict[str, object]:
    """Modules by their dotted names, each in its parent too; ``_`` stands for the dot."""
    found: dict[str, object] = {}
    for name, module in modules.items():
        path = name.replace("_", ".")
        found[path] = module
        parent, _, last = path.rpartition(".")
        if parent:
            setattr(found[parent], last, module)
    return found


def test_mindspore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The translated script learns the line; what is not a loss, stands in by torch's."""
    pytest.importorskip("lightning_fabric", reason="in the extra lossary[train]")
    found = translated("mindspore_training")
    assert {x.name for x in found.left} <= {"ms.set_seed", "ops.abs", "nn.Dense"}
    assert {"ms.set_seed", "ops.abs"} <= {x.name for x in found.left}
    assert any("do not mix" in w.text for w in found.warnings)
    assert "from lossary.migrate.mindspore.dataset import GeneratorDataset" in found.code
    assert "from lossary.migrate.mindspore.train import LossMonitor, Model" in found.code
    whole = types.ModuleType("mindspore")
    whole.set_seed = torch.manual_seed
    parts = types.ModuleType("mindspore.nn")
    parts.Dense = torch.nn.Linear
    for name, module in stand_ins(mindspore=whole, mindspore_nn=parts, mindspore_ops=torch).items():
        monkeypatch.setitem(sys.modules, name, module)
    _, said = run(found.code, tmp_path)
    assert said.count("y = 2.0 x + 3.0") == 3
    assert "epoch: 10 step: 4, loss is" in said


def test_paddle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are those of the script as it was, whose names are those of lossary.migrate."""
    found = translated("paddle_losses")
    assert [x.name for x in found.left] == ["nn.Layer", "nn.Linear", "paddle.to_tensor"]
    own = {c.after for c in found.changes if not c.kept}
    assert own == {"lossary.HuberLoss", "lossary.mse_loss"}
    parts = types.ModuleType("paddle.nn")
    vars(parts).update({n: v for n, v in vars(paddle).items() if n.endswith("Loss")})
    parts.Layer = torch.nn.Module
    modules = stand_ins(
        paddle=types.ModuleType("paddle"), paddle_nn=parts, paddle_nn_functional=paddle.functional
    )
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.3, 0.0]])
    labels, weight = torch.tensor([0, 1, -100]), torch.tensor([1.0, 3.0])
    before, _ = run(found.source, tmp_path, "before")
    after, _ = run(found.code, tmp_path, "after")
    old = list(before["losses"](logits, labels, weight))
    new = list(after["losses"](logits, labels, weight))
    assert len(new) == 5
    torch.testing.assert_close(torch.stack(new), torch.stack(old))


def test_the_page_runs() -> None:
    page = Path(__file__).parents[2] / "docs" / "translating.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block, str(page), "exec"), {})
