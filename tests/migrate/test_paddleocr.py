"""lossary.migrate.paddleocr gives the values and gradients of PaddleOCR in the golden file."""

import inspect
import json
import sys
import types
from pathlib import Path

import pytest
import torch

from lossary.migrate import paddleocr
from lossary.migrate.paddleocr import combined
from migrate.outcomes import golden, of_paddleocr, paddleocr_class

GOLDEN = golden("paddleocr")
CASES = [
    pytest.param(case, id=f"{case['file']}-{case['name']}-{number}")
    for number, case in enumerate(GOLDEN["cases"])
]


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_paddleocrs(case: dict) -> None:
    """Names of the results, their shapes and values, and the gradient of every prediction."""
    for outcome in of_paddleocr(case, GOLDEN["centers"]):
        for ours, theirs in ((outcome.value, outcome.wanted), *outcome.gradients):
            torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-6, equal_nan=True)


@pytest.mark.parametrize("name", GOLDEN["signatures"])
def test_arguments_are_paddleocrs(name: str) -> None:
    """Names and order; some take any argument there and ignore it."""
    expected = [p for p in GOLDEN["signatures"][name] if p not in ("args", "kwargs", "kargs")]
    parameters = inspect.signature(paddleocr_class(*name.split("."))).parameters
    named = [p for p in parameters if p not in ("kwargs", "kargs", "options")]
    assert named[: len(expected)] == expected or "kwargs" in parameters


CTC = {"CTCLoss": {"weight": 1.0, "use_focal_loss": True}}
CONFIG = {"name": "CombinedLoss", "loss_config_list": [CTC, {"ACELoss": {"weight": 0.1}}]}
YAML = """
Global:
  epoch_num: 1
Loss:
  name: CombinedLoss
  loss_config_list:
  - CTCLoss:
      weight: 1.0
      use_focal_loss: true
  - ACELoss:
      weight: 0.1
"""


def check_built(loss: combined.CombinedLoss) -> None:
    assert [type(part).__name__ for part in loss.loss_func] == ["CTCLoss", "ACELoss"]
    assert loss.loss_func[0].use_focal_loss
    assert loss.loss_weight == [1.0, 0.1]


def test_a_mapping_is_built_and_left_as_it_was() -> None:
    before = json.dumps(CONFIG)
    check_built(paddleocr.build_loss(CONFIG))
    check_built(paddleocr.build_loss({"Global": {}, "Loss": CONFIG}))
    assert json.dumps(CONFIG) == before


def test_a_yaml_file_is_built(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="pyyaml is an optional import")
    path = tmp_path / "config.yml"
    path.write_text(YAML)
    check_built(paddleocr.build_loss(path))
    check_built(paddleocr.build_loss(str(path)))
    path.write_text("- CTCLoss")
    with pytest.raises(ValueError, match=r"config.yml must hold a mapping, got list"):
        paddleocr.build_loss(path)


def test_a_yaml_file_is_read_safely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the reader that makes no objects, which is all that is used of the package."""
    reader = types.SimpleNamespace(safe_load=lambda text: {"name": text})
    monkeypatch.setitem(sys.modules, "yaml", reader)
    path = tmp_path / "config.yml"
    path.write_text("ClsLoss")
    assert type(paddleocr.build_loss(path)) is paddleocr.ClsLoss


def test_without_pyyaml_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ModuleNotFoundError, match=r"lossary\[paddleocr\]. to read YAML, or pass"):
        paddleocr.build_loss(tmp_path / "config.yml")


def test_every_loss_with_a_batch_has_a_name() -> None:
    """All that a configuration can name, but for what takes no batch."""
    losses = {case["name"] for case in GOLDEN["cases"] if case["file"] != "det_basic_loss"}
    without = {"KLJSLoss", "DMLLoss", "KLDivLoss", "DKDLoss"}
    assert combined.known().keys() == losses - without


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paddleocr.build_loss({"name": "CTCLos"}), "'CTCLos'; did you mean CTCLoss?"),
        (lambda: paddleocr.build_loss({"name": "FCELoss"}), "FCELoss is a loss of PaddleOCR, but"),
        (lambda: paddleocr.build_loss({"name": "__import__"}), "no loss '__import__'; there are A"),
        (
            lambda: paddleocr.build_loss({"type": "CTCLoss"}),
            r"config must have a name, .* \['type'\]",
        ),
        (lambda: paddleocr.CombinedLoss(CTC), "loss_config_list must be a list, got dict"),
        (lambda: paddleocr.CombinedLoss(["CTCLoss"]), "must hold single names, got 'CTCLoss'"),
        (lambda: paddleocr.CombinedLoss([{"CTCLoss": None}]), "must have a weight for CTCLoss"),
        (lambda: paddleocr.DistanceLoss("l3"), "mode must be one of l1, l2, smooth_l1, got 'l3'"),
        (lambda: paddleocr.KLJSLoss("x"), "mode must be one of kl, js, KL, JS, got 'x'"),
        (lambda: paddleocr.DMLLoss("relu"), "act must be one of softmax, sigmoid, got 'relu'"),
        (
            lambda: paddleocr.BalanceLoss(main_loss_type="Euclidean"),
            "main_loss_type must be one of",
        ),
        (lambda: paddleocr.VLLoss("x"), "mode must be one of LF_1, LF_2, LA, got 'x'"),
        (
            lambda: paddleocr.PSELoss(0.5, kernel_sample_mask="x"),
            "kernel_sample_mask must be one of",
        ),
        (lambda: paddleocr.CenterLoss(center_file_path="c.pkl"), "center_file_path must be None"),
        (
            lambda: paddleocr.MultiLoss([{"VLLoss": None}]),
            "a loss of MultiLoss must be one of CTCLoss, SARLoss, NRTRLoss, got 'VLLoss'",
        ),
        (
            lambda: paddleocr.DiceLoss()(torch.zeros(2), torch.zeros(2), torch.zeros(3)),
            r"pred, gt and mask must have the same shape, got \(2,\), \(2,\) and \(3,\)",
        ),
    ],
)
def test_errors(call: object, message: str) -> None:
    """They name the argument, what was wanted and what came."""
    with pytest.raises(ValueError, match=message):
        call()


def test_length_aware_can_be_off() -> None:
    """There it fails, having no ``count_loss``."""
    loss = paddleocr.UniMERNetLoss(length_aware=False)
    labels = torch.tensor([[0, 1]])
    assert loss([torch.zeros(1, 1, 3), None, labels], []).keys() == {"loss", "word_loss"}


def test_unbalanced_loss_comes_too() -> None:
    p, target, mask = torch.tensor([0.2, 0.9]), torch.tensor([0.0, 1.0]), torch.ones(2)
    balanced, loss = paddleocr.BalanceLoss(return_origin=True)(p, target, mask)
    assert balanced == pytest.approx(float(loss), rel=1e-5)
