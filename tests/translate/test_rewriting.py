"""Names are resolved, imports are kept in order, and what is not known is listed."""

import os
import re
import stat
import sys
from pathlib import Path

import pytest

pytest.importorskip("libcst", reason="in the extra lossary[translate]")

from lossary.translate import TranslateError, Translation, read_script, translate, write_script

CE = "CrossEntropyLoss"


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("import torch", "torch.nn.CrossEntropyLoss"),
        ("import torch.nn", "torch.nn.CrossEntropyLoss"),
        ("import torch.nn as nn", "nn.CrossEntropyLoss"),
        ("from torch import nn", "nn.CrossEntropyLoss"),
        ("from torch import nn as layers", "layers.CrossEntropyLoss"),
        ("from torch.nn import CrossEntropyLoss", "CrossEntropyLoss"),
        ("from torch.nn import CrossEntropyLoss as CE", "CE"),
        ("from torch.nn import modules", "modules.CrossEntropyLoss"),
        ("from torch.nn.modules.loss import CrossEntropyLoss", "CrossEntropyLoss"),
    ],
)
def test_aliases_of_classes(imports: str, name: str) -> None:
    """The import that is not needed any more goes."""
    found = translate(f"{imports}\n\nloss = {name}()\n")
    assert found.code == "import lossary\n\nloss = lossary.CrossEntropyLoss()\n"


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("import torch", "torch.nn.functional.l1_loss"),
        ("from torch import nn", "nn.functional.l1_loss"),
        ("from torch.nn import functional as F", "F.l1_loss"),
        ("import torch.nn.functional as F", "F.l1_loss"),
        ("from torch.nn.functional import l1_loss as mae", "mae"),
    ],
)
def test_aliases_of_functions(imports: str, name: str) -> None:
    found = translate(f"{imports}\nx = {name}(a, b)\n")
    assert found.code == "import lossary\nx = lossary.l1_loss(a, b)\n"


def left(source: str) -> list[tuple[int, str]]:
    found = translate(source)
    assert found.code == source
    return [(x.line, x.name) for x in found.left]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from torch import nn\ndef f(nn):\n    return nn.MSELoss()\n", "nn.MSELoss"),
        ("import torch\nnn = torch.nn\nloss = nn.MSELoss()\n", "nn.MSELoss"),
        (
            "try:\n    from torch.nn import MSELoss\nexcept ImportError:\n    MSELoss = None\n"
            "loss = MSELoss()\n",
            "MSELoss",
        ),
        ("import torch\nfrom monai.losses import DiceLoss\nDiceLoss()\n", "DiceLoss"),
        ("import torch\nimport torchvision.ops as o\no.sigmoid_focal_loss(x, y)\n",
         "o.sigmoid_focal_loss"),
        ("from torch import nn\nnn.AdaptiveLogSoftmaxWithLoss(4, 3, [2])\n",
         "nn.AdaptiveLogSoftmaxWithLoss"),
        ("from torch.nn import *\nloss = MSELoss()\n", "from torch.nn import *"),
        ("from torch import nn\nclass MyLoss(nn.Module):\n    pass\n", "class MyLoss"),
        ("from torch import nn\nnn.MSELoss(unknown=3)\n", "nn.MSELoss"),
        ("from torch import nn\nisinstance(x, (nn.MSELoss, nn.Linear))\n", "nn.MSELoss"),
    ],
)  # fmt: skip
def test_what_is_left_alone_is_listed(source: str, name: str) -> None:
    assert name in [found for _, found in left(source)]


def test_own_names_are_no_business_of_anyone() -> None:
    source = (
        "import torch\ndef l1_loss(a, b):\n    return a - b\nprint(l1_loss(1, 2), self.MSELoss())\n"
    )
    assert left(source) == []


@pytest.mark.parametrize(
    "rest",
    [
        "class Own(nn.MSELoss):\n    pass\n",
        "isinstance(loss, nn.MSELoss)\n",
        "kinds = {'mse': nn.MSELoss}\n",
        "loss(input=a, target=b)\n",
    ],
)
def test_a_class_that_is_used_as_torchs_stays_a_subclass_of_it(rest: str) -> None:
    found = translate(f"from torch import nn\nloss = nn.MSELoss()\n{rest}")
    assert "loss = lossary_torch.MSELoss()" in found.code
    assert all(change.kept and change.note for change in found.changes)


def test_the_attribute_weight_keeps_its_class() -> None:
    head = "from torch import nn\nself.criterion = nn.CrossEntropyLoss(weight=w).to(device)\n"
    assert "lossary.CrossEntropyLoss(class_weight=w).to(device)" in translate(head).code
    found = translate(f"{head}self.criterion.weight[0] = 2\n")
    assert "lossary_torch.CrossEntropyLoss(weight=w)" in found.code


def test_annotations_stay() -> None:
    source = "from torch import nn\n\n\ndef f(loss: nn.MSELoss, x: 'nn.L1Loss') -> nn.Module: ...\n"
    assert left(source) == []


def test_a_name_that_is_taken() -> None:
    found = translate("from torch import nn\nlossary = 3\nloss = nn.MSELoss()\n")
    assert "import lossary as lossary_\n" in found.code
    assert "loss = lossary_.MSELoss()" in found.code


def test_an_import_that_is_there() -> None:
    source = "import lossary as ls\nfrom torch import nn\na, b = nn.MSELoss(), nn.Linear(1, 1)\n"
    found = translate(source)
    assert found.code == source.replace("nn.MSELoss", "ls.MSELoss")


IMPORTS = '''"""What it does."""
# a remark
from __future__ import annotations

import os

# torch comes next
import torch
from torch.nn import (
    L1Loss,  # for depth
    Linear,
    MSELoss,
)
from torch.nn.functional import l1_loss, relu

if True:
    from torch.nn import HuberLoss

a, b, c, d = L1Loss(), MSELoss(), HuberLoss(), l1_loss(x, y)
e = Linear(1, 1), relu(torch.ones(2))
'''
IMPORTED = '''"""What it does."""
# a remark
from __future__ import annotations

import os

# torch comes next
import torch
import lossary
from torch.nn import (
    Linear,
)
from torch.nn.functional import relu

if True:
    from torch.nn import HuberLoss

a, b, c, d = lossary.L1Loss(), lossary.MSELoss(), lossary.HuberLoss(), lossary.l1_loss(x, y)
e = Linear(1, 1), relu(torch.ones(2))
'''


def test_imports() -> None:
    """Comments stay, and so do imports that are not lines of the module."""
    assert translate(IMPORTS).code == IMPORTED
    assert translate(IMPORTED).code == IMPORTED


def test_names_for_others_stay() -> None:
    source = "from torch.nn import MSELoss\n__all__ = ['MSELoss']\nloss = MSELoss()\n"
    assert "from torch.nn import MSELoss\n" in translate(source).code


def test_imports_inside_functions() -> None:
    source = '"""A."""\n\n\ndef f():\n    from torch import nn\n\n    return nn.MSELoss()\n'
    code = translate(source).code
    assert code.startswith('"""A."""\n\nimport lossary\n')
    compile(code, "f", "exec")


def test_a_removed_comma() -> None:
    source = (
        "import torch.nn as nn\na = nn.BCELoss(None,)\nb = nn.BCELoss(reduction='sum', weight=None)"
    )
    code = translate(source).code
    assert code.endswith("a = lossary.BCELoss()\nb = lossary.BCELoss(reduction='sum')")


def test_keras_and_paddleocr() -> None:
    found = translate("import keras\nloss = keras.losses.Huber(0.5)\nx = keras.Input((3,))\n")
    assert "from lossary.migrate import keras as lossary_keras\nimport keras\n" in found.code
    assert "loss = lossary_keras.Huber(0.5)" in found.code
    assert found.left == ()
    assert "torch backend" in found.warnings[0].text
    found = translate("from ppocr.losses import build_loss\nloss = build_loss(config)\n")
    expected = "from lossary.migrate.paddleocr import build_loss\nloss = build_loss(config)\n"
    assert found.code == expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("loss = loss / accumulation_steps", "mean of the means"),
        ("loss /= args.grad_accum", "mean of the means"),
        ("(criterion(x, y) / self.accumulate).backward()", "mean of the means"),
        ("print(running_loss / len(test_loader))", "last is smaller"),
        ("F.cross_entropy(F.softmax(x, 1), y)", "softmax is applied twice"),
        ("F.cross_entropy(torch.softmax(x, 1), y)", "softmax is applied twice"),
        ("F.binary_cross_entropy_with_logits(x.sigmoid(), y)", "sigmoid is applied twice"),
        ("F.nll_loss(x.softmax(1), y)", "log_softmax is meant"),
    ],
)
def test_defects_are_found(line: str, says: str) -> None:
    (found,) = translate(f"import torch\nimport torch.nn.functional as F\n{line}\n").warnings
    assert found.line == 3
    assert says in found.text


@pytest.mark.parametrize(
    "line",
    [
        "loss = loss / 2",
        "loss = loss / batch_size",
        "x = steps / accumulation_steps",
        "mean = total_loss / len(dataset)",
        "F.cross_entropy(F.log_softmax(x, 1), y)",
        "F.binary_cross_entropy(x.sigmoid(), y)",
        "own.cross_entropy(x.softmax(1), y)",
    ],
)
def test_what_may_be_right_is_no_defect(line: str) -> None:
    assert translate(f"import torch.nn.functional as F\n{line}\n").warnings == ()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(:\n", r"bad.py is not a Python script: .*line 1"),
        ("x = 1\0\n", "bad.py is not a Python script"),
        ("import numpy as np\n", r"bad.py imports none of PyTorch \(torch\), Paddle"),
    ],
)
def test_errors(source: str, message: str) -> None:
    with pytest.raises(TranslateError, match=message):
        translate(source, filename="bad.py")


def test_a_translated_script_is_known() -> None:
    source = "import lossary\nloss = lossary.MSELoss()\n"
    assert translate(source) == Translation(source, source)


def test_no_warnings_about_the_script() -> None:
    r"""Python warns of "\d" in a string, which is the business of the script."""
    source = "import torch\npattern = '\\d'\n"
    assert translate(source).code == source


def test_report_and_diff() -> None:
    source = (
        "from torch import nn\na = nn.MSELoss()\nb = nn.MSELoss()\nc = nn.KLDivLoss()\n"
        "d = nn.AdaptiveLogSoftmaxWithLoss(4, 3, [2])\nx = loss / accum\n"
    )
    found = translate(source, filename="train.py")
    report = found.report()
    assert report.startswith("train.py: 3 changed, 1 left alone\n")
    assert "  lines 2, 3: nn.MSELoss -> lossary.MSELoss\n" in report
    assert "  line 4: nn.KLDivLoss -> lossary.migrate.torch.KLDivLoss\n      a unit of" in report
    assert "  line 5: nn.AdaptiveLogSoftmaxWithLoss\n      has parameters" in report
    assert "  line 6: the mean of the means" in report
    assert "docs/migrating.md" in report
    diff = found.diff()
    assert diff.startswith("--- a/train.py\n+++ b/train.py\n@@ ")
    assert "-a = nn.MSELoss()\n" in diff
    assert "+a = lossary.MSELoss()\n" in diff
    assert translate(found.code).diff() == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_files_keep_their_form(encoding: str, tmp_path: Path) -> None:
    """Encoding, ends of lines and mode; a link stays a link."""
    head = "# coding: latin-1\r\n" if encoding == "latin-1" else ""
    text = f"{head}import torch.nn as nn\r\nloss = nn.MSELoss()  # größer\r\n"
    place, link = tmp_path / "train.py", tmp_path / "link.py"
    place.write_bytes(text.encode(encoding))
    place.chmod(0o750)
    link.symlink_to(place)
    source, found = read_script(link)
    write_script(translate(source), link, found)
    expected = f"{head}import lossary\r\nloss = lossary.MSELoss()  # größer\r\n"
    assert place.read_bytes() == expected.encode(encoding)
    assert link.is_symlink()
    assert stat.S_IMODE(place.stat().st_mode) == 0o750
    assert sorted(os.listdir(tmp_path)) == ["link.py", "train.py"]  # noqa: PTH208 - names alone


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TranslateError, match=re.escape(f"cannot read {tmp_path / 'no.py'}: No")):
        read_script(tmp_path / "no.py")
    (tmp_path / "bad.py").write_bytes(b"# \xff\xfe\nimport torch\n")
    with pytest.raises(TranslateError, match=r"bad\.py is not a Python script"):
        read_script(tmp_path / "bad.py")


def test_without_libcst_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("lossary.translate")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "lossary\[translate\]"'):
        import lossary.translate  # noqa: F401 - that it fails is what is tested
