"""Every rule is true: a script gives the same numbers before and after it is translated."""

import itertools
import json
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytest.importorskip("libcst", reason="in the extra lossary[translate]")

import lossary
from lossary.migrate import mindspore as migrate_mindspore, paddle as migrate_paddle
from lossary.translate import FRAMEWORKS, translate
from lossary.translate.mindspore import MINDSPORE
from lossary.translate.moves import WRITTEN, Equal, Given, Kept
from lossary.translate.paddle import PADDLE
from lossary.translate.pytorch import PYTORCH

GOLDEN = Path(__file__).parent.parent / "migrate" / "golden"
RNG = torch.Generator().manual_seed(0)


def randn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=RNG, dtype=torch.float64)


def rand(*shape: int) -> Tensor:
    return torch.rand(shape, generator=RNG, dtype=torch.float64)


INPUTS: dict[str, object] = {
    "x": randn(6, 4),
    "y": randn(6, 4),
    "z": randn(6, 4),
    "p": rand(6, 4),
    "q": rand(6, 4),
    "shares": randn(6, 4).softmax(1),
    "label": torch.tensor([0, 3, 1, 1, 2, 0]),
    "ignored": torch.tensor([0, -100, 1, 1, 2, -100]),
    "wide": randn(3, 4, 2, 2),
    "labels": torch.randint(4, (3, 2, 2), generator=RNG),
    "sign": torch.tensor([1.0, -1, 1, 1, -1, -1]),
    "signs": randn(6, 4).sign(),
    "counts": torch.tensor([0.0, 1, 2, 9]).repeat(6, 1).double(),
    "lists": torch.tensor([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3], [2, -1, 2, -1],
                           [1, 0, -1, 2], [0, 1, 2, 3]]),
    "w": torch.tensor([0.5, 1.0, 2.0, 4.0]).double(),
    "units": rand(6, 4),
    "speech": randn(7, 6, 5),
    "words": torch.tensor([[1, 2, 2], [4, 3, 1], [1, 1, 4]]).repeat(2, 1),
    "heard": torch.full((6,), 7),
    "said": torch.tensor([3, 1, 2, 3, 1, 2]),
    "how": "sum",
    "yes": True,
}  # fmt: skip
LEARNT = ("x", "y", "z", "p", "wide", "speech")


def plain(name: str, function: str, tensors: str, **options: str) -> Iterator[tuple[str, str]]:
    """All reductions of a class and its function, each with every one of the options or none."""
    for given in ({}, *({n: v} for n, v in options.items())):
        for reduction in (None, "'none'", "'sum'", "'mean'"):
            every = given if reduction is None else {**given, "reduction": reduction}
            text = ", ".join(f"{n}={v}" for n, v in every.items())
            yield f"nn.{name}({text})({tensors})", "own"
            yield f"F.{function}({', '.join(filter(None, (tensors, text)))})", "own"


def cross_entropies() -> Iterator[tuple[str, str]]:
    grid = itertools.product(
        (None, "weight=w"),
        (None, "ignore_index=1"),
        (None, "label_smoothing=0.1"),
        (None, "reduction='none'", "reduction='sum'", "reduction='mean'"),
        ("x, label", "x, ignored", "wide, labels", "x, shares"),
    )
    for weight, index, smoothing, reduction, tensors in grid:
        mean = reduction in (None, "reduction='mean'")
        if tensors == "x, shares" and weight and mean:
            continue  # which the note says: see test_the_note_of_probabilities
        if tensors in ("x, ignored", "x, shares") and index:
            continue  # errors of torch: -100 is out of range, and probabilities have no index
        text = ", ".join(filter(None, (weight, index, smoothing, reduction)))
        level = "kept" if weight and smoothing and mean else "own"
        yield f"nn.CrossEntropyLoss({text})({tensors})", level
        yield f"F.cross_entropy({', '.join(filter(None, (tensors, text)))})", level


TORCH: list[tuple[str, str]] = [
    *cross_entropies(),
    *plain("L1Loss", "l1_loss", "x, y"),
    *plain("MSELoss", "mse_loss", "x, y"),
    *plain("SmoothL1Loss", "smooth_l1_loss", "x, y", beta="0.3"),
    *plain("HuberLoss", "huber_loss", "x, y", delta="0.3"),
    *plain("NLLLoss", "nll_loss", "x.log_softmax(1), ignored", weight="w"),
    *plain("NLLLoss", "nll_loss", "wide.log_softmax(1), labels", weight="w", ignore_index="2"),
    *plain("BCELoss", "binary_cross_entropy", "p, q", weight="None"),
    *plain("BCEWithLogitsLoss", "binary_cross_entropy_with_logits", "x, q", pos_weight="w"),
    *plain("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", "x, q.round()"),
    *plain("MultiMarginLoss", "multi_margin_loss", "x, label", p="2", margin="0.3"),
    *plain("SoftMarginLoss", "soft_margin_loss", "x, signs"),
    *plain("HingeEmbeddingLoss", "hinge_embedding_loss", "x, signs", margin="0.3"),
    *plain("MarginRankingLoss", "margin_ranking_loss", "x, y, signs", margin="0.3"),
    *plain("CosineEmbeddingLoss", "cosine_embedding_loss", "x, y, sign", margin="0.3"),
    *plain("PoissonNLLLoss", "poisson_nll_loss", "x, counts", full="True", eps="1e-6"),
    # rates, by position and by name
    ("nn.PoissonNLLLoss(False, True)(p, counts)", "own"),
    ("F.poisson_nll_loss(p, counts, log_input=False, eps=1e-3, reduction='sum')", "own"),
    ("F.poisson_nll_loss(p, counts, False)", "own"),
    ("nn.PoissonNLLLoss(log_input=yes)(x, counts)", "kept"),
    # options by position, tensors by name
    ("nn.CrossEntropyLoss(w)(x, label)", "own"),
    ("nn.CrossEntropyLoss(None, None, 1)(x, label)", "own"),
    ("F.cross_entropy(x, label, w, None, -100, None, 'sum')", "own"),
    ("F.cross_entropy(target=label, input=x, weight=w)", "own"),
    ("nn.HuberLoss('sum', 0.5)(x, y)", "own"),
    ("F.huber_loss(x, y, 'none', 0.5)", "own"),
    ("F.nll_loss(x.log_softmax(1), label, w, ignore_index=1)", "own"),
    ("nn.MultiMarginLoss(2, 0.5, w, reduction='sum')(x, label)", "own"),
    ("F.multi_margin_loss(x, label, weight=w, reduction='none')", "own"),
    # weights of units, which functions of torch 2.13 take
    *((f"F.{name}_loss(x, y, weight=units{r})", "own") for name in ("l1", "mse")
      for r in ("", ", reduction='none'", ", reduction='sum'")),
    ("F.huber_loss(x, y, weight=units, reduction='sum')", "own"),
    ("F.huber_loss(x, y, 'none', 0.5, units)", "own"),
    ("F.huber_loss(x, y, weight=units)", "left"),
    ("F.mse_loss(x, y, reduction=how, weight=units)", "left"),
    ("F.mse_loss(x, y, size_average=False, weight=units)", "left"),
    # where the mean divides by something else
    ("nn.BCELoss(weight=w)(p, q)", "kept"),
    ("nn.BCELoss(w, reduction='sum')(p, q)", "kept"),
    ("F.binary_cross_entropy(p, q, units)", "kept"),
    ("nn.BCEWithLogitsLoss(w, pos_weight=w)(x, q)", "kept"),
    ("F.binary_cross_entropy_with_logits(x, q, weight=w)", "kept"),
    ("nn.MultiMarginLoss(weight=w)(x, label)", "kept"),
    ("nn.MultiLabelSoftMarginLoss(w)(x, q.round())", "kept"),
    ("F.multilabel_soft_margin_loss(x, q.round(), w)", "kept"),
    # what Lossary takes differently
    ("nn.MultiLabelMarginLoss()(x, lists)", "kept"),
    ("F.multilabel_margin_loss(x, lists, reduction='none')", "kept"),
    ("nn.TripletMarginLoss()(x, y, z)", "kept"),
    ("nn.TripletMarginLoss(0.5, p=1, swap=True)(x, y, z)", "kept"),
    ("F.triplet_margin_loss(x, y, z, 0.5, 1, swap=True)", "kept"),
    ("nn.TripletMarginWithDistanceLoss(margin=0.5)(x, y, z)", "kept"),
    ("F.triplet_margin_with_distance_loss(x, y, z, swap=True)", "kept"),
    ("nn.GaussianNLLLoss(full=True)(x, y, p)", "kept"),
    ("F.gaussian_nll_loss(x, y, p, True, 1e-3)", "kept"),
    ("F.gaussian_nll_loss(x, y, var=p, reduction='none')", "kept"),
    ("nn.KLDivLoss(reduction='batchmean')(x.log_softmax(1), shares)", "kept"),
    ("nn.KLDivLoss(reduction='sum', log_target=True)(x.log_softmax(1), y.log_softmax(1))", "kept"),
    ("F.kl_div(x.log_softmax(1), shares, None, None, 'sum')", "kept"),
    ("F.kl_div(input=x.log_softmax(1), target=shares, reduction='batchmean')", "kept"),
    ("nn.CTCLoss(blank=0)(speech.log_softmax(2), words, heard, said)", "kept"),
    ("F.ctc_loss(speech.log_softmax(2), words, heard, said, 0, 'sum')", "kept"),
    # options that only the running script knows
    ("nn.CrossEntropyLoss(reduction=how)(x, label)", "kept"),
    ("nn.MSELoss(reduction=how)(x, y)", "kept"),
    ("F.mse_loss(x, y, reduction=how)", "kept"),
    ("nn.CrossEntropyLoss(*(w,))(x, label)", "kept"),
    ("F.cross_entropy(x, label, **{'weight': w})", "kept"),
    ("F.poisson_nll_loss(input=p, target=counts, log_input=not yes)", "kept"),
    # the old way to say the reduction
    ("nn.MSELoss(size_average=False)(x, y)", "kept"),
    ("F.mse_loss(x, y, None, False)", "kept"),
    # calls that Lossary's modules do not take
    ("nn.MSELoss()(x, target=y)", "kept"),
    ("nn.CrossEntropyLoss(weight=w)(input=x, target=label)", "kept"),
    # losses within losses
    ("F.mse_loss(F.l1_loss(x, y, reduction='none'), z.abs())", "own"),
]  # fmt: skip

HEAD = "import torch.nn as nn\nimport torch.nn.functional as F\n"


def gathered(cases: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """The cases of each loss: one script has them all, because to translate one takes a while."""
    found: dict[str, list[tuple[str, str]]] = {}
    for expression, level in cases:
        found.setdefault(re.split(r"[.(]", expression)[1], []).append((expression, level))
    return found


def outcomes(source: str, inputs: Mapping[str, object] = INPUTS) -> list[list[Tensor]]:
    """Run a script that leaves functions; return the value of each and its gradients."""
    given = {
        n: v.clone().requires_grad_(n in LEARNT) if isinstance(v, Tensor) else v
        for n, v in inputs.items()
    }
    program = dict(given)
    exec(compile(source, "script.py", "exec"), program)
    learnt, found = [given[name] for name in LEARNT], []
    for function in program["values"]:
        value = function()
        ramp = torch.linspace(1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
        gradients = torch.autograd.grad((ramp * value).sum(), learnt, allow_unused=True)
        found.append([value.detach(), *(g for g in gradients if g is not None)])
    return found


def script(head: str, expressions: Iterable[str]) -> str:
    lines = "".join(f"    lambda: {expression},\n" for expression in expressions)
    return f"{head}values = [\n{lines}]\n"


def agree(before: list[list[Tensor]], after: list[list[Tensor]], lines: list[str]) -> None:
    for those, these, line in zip(before, after, lines, strict=True):
        assert len(those) == len(these), line
        for that, this in zip(those, these, strict=True):
            torch.testing.assert_close(
                this, that, rtol=1e-7, atol=1e-9, msg=lambda text, line=line: f"{line}: {text}"
            )


@pytest.mark.filterwarnings("ignore:size_average and reduce args")  # torch's, of the cases of it
@pytest.mark.parametrize("name", gathered(TORCH))
def test_pytorch(name: str) -> None:
    """Values and gradients are the same, and the rewriting went as far as it can."""
    cases = gathered(TORCH)[name]
    source = script(HEAD, (expression for expression, _ in cases))
    code = translate(source).code
    assert translate(code).code == code
    lines = [line for line in code.splitlines() if line.startswith("    lambda")]
    for (expression, level), line in zip(cases, lines, strict=True):
        found = (
            "left" if expression in line else "kept" if "lossary_torch." in line else "own"
        )  # fmt: skip
        assert found == level, line
    agree(outcomes(source), outcomes(code), lines)


def test_every_loss_of_pytorch_has_a_case() -> None:
    for name in PYTORCH.rules:
        assert any(f".{name}(" in expression for expression, _ in TORCH), name


def test_the_note_of_probabilities() -> None:
    """With class weights and probabilities the mean does change, and the report says it."""
    source = script(HEAD, ["nn.CrossEntropyLoss(weight=w)(x, shares)"])
    found = translate(source)
    (change,) = found.changes
    assert "with probabilities as targets the mean divides by their weights" in change.note
    ((before, *_),), ((after, *_),) = outcomes(source), outcomes(found.code)
    assert not torch.isclose(before, after)


def test_names_are_lossarys() -> None:
    """Whatever a rule answers is there."""
    settings: list[dict[str, object]] = [
        {"reduction": r, "log_input": log, "is_huber": log, "weight": w}
        for r in ("mean", "sum") for log in (True, False, WRITTEN) for w in (None, WRITTEN)
    ]  # fmt: skip
    own = 0
    for framework in FRAMEWORKS:
        for name, rule in framework.rules.items():
            for options in settings:
                move = rule(Given(options, function=name.islower()))
                if isinstance(move, Equal):
                    assert hasattr(lossary, move.module), name
                    assert hasattr(lossary, move.function), name
                    own += 1
    assert own > 100


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda f: f.name)
def test_every_rule_is_of_a_name_that_is_offered(framework: object) -> None:
    for name in framework.rules:
        assert any(framework.offer(f"{home}.{name}") for home in framework.homes), name


def tensor_of(stored: Mapping[str, object]) -> Tensor:
    return torch.tensor(stored["data"], dtype=getattr(torch, stored["dtype"])).reshape(
        stored["shape"]
    )


def paddle_cases() -> Iterator[tuple[dict, dict]]:
    """The runs of Paddle itself, of losses that become Lossary's own at some arguments."""
    golden = json.loads((GOLDEN / "paddle.json").read_text(encoding="utf-8"))
    for case in golden["cases"]:
        if isinstance(PADDLE.rule(case["name"])(Given({"reduction": "mean"}, True)), Kept):
            continue
        for run in case["runs"]:
            yield case, run


@pytest.mark.parametrize("way", ["function", "layer"])
@pytest.mark.parametrize("name", sorted({case["name"] for case, _ in paddle_cases()}))
def test_paddle(name: str, way: str) -> None:
    """The translated calls give the numbers that Paddle gave."""
    cases = [(case, run) for case, run in paddle_cases() if case["name"] == name]
    tensors, calls = {}, []
    for i, (case, run) in enumerate(cases):
        given = {f"t{i}_{j}": tensor_of(stored) for j, stored in enumerate(case["inputs"])}
        options = {n: v for n, v in run["options"].items() if not isinstance(v, dict)}
        weights = {n: v for n, v in run["options"].items() if isinstance(v, dict)}
        tensors |= given | {f"{n}{i}": tensor_of(v) for n, v in weights.items()}
        text = [f"{n}={v!r}" for n, v in options.items()] + [f"{n}={n}{i}" for n in weights]
        if way == "function":
            calls.append(f"paddle.nn.functional.{name}({', '.join([*given, *text])})")
        else:
            calls.append(f"paddle.nn.{case['layer']}({', '.join(text)})({', '.join(given)})")
    found = translate(script("import paddle\n", calls))
    assert "paddle" not in found.code
    program: dict[str, object] = dict(tensors)
    exec(compile(found.code, "script.py", "exec"), program)
    compared = 0
    for (case, run), value in zip(cases, program["values"], strict=True):
        shapes = {tuple(stored["shape"]) for stored in case["inputs"]}
        if name in ("l1_loss", "mse_loss") and len(shapes) > 1:
            with pytest.raises(ValueError, match="must have shape"):  # Paddle broadcasts
                value()
            continue
        wanted = torch.tensor(run["value"])
        if not wanted.isfinite().all():  # the mean of nothing
            wanted = torch.zeros_like(wanted)
        with lossary.validation("shapes"):  # some of its log-probabilities are above 0
            torch.testing.assert_close(value(), wanted, rtol=2e-5, atol=2e-6)
        compared += 1
    assert compared


def stand_in(package: str, **modules: object) -> dict[str, types.ModuleType]:
    """Modules of a framework that is not installed, which lossary.migrate has the numbers of."""
    whole = types.ModuleType(package)
    found = {package: whole}
    for name, module in modules.items():
        setattr(whole, name, module)
        found[f"{package}.{name}"] = module
    return found


KEPT = [
    ("paddle", "paddle.nn.CrossEntropyLoss()(x, ignored)"),
    ("paddle", "paddle.nn.CrossEntropyLoss(weight=w, soft_label=True)(x, shares)"),
    ("paddle", "paddle.nn.functional.cross_entropy(x, label, label_smoothing=0.1)"),
    ("paddle", "paddle.nn.BCELoss(w)(p, q)"),
    ("paddle", "paddle.nn.SmoothL1Loss(delta=0.5, is_huber=not yes)(x, y)"),
    ("paddle", "paddle.nn.MSELoss(how)(x, y)"),
    ("paddle", "paddle.nn.KLDivLoss('batchmean')(x.log_softmax(1), shares)"),
    ("paddle", "paddle.nn.HuberLoss(reduction='sum')(x, y)"),
    ("mindspore", "mindspore.nn.SoftmaxCrossEntropyWithLogits(sparse=True)(x, label)"),
    ("mindspore", "mindspore.nn.SmoothL1Loss()(x, y)"),
    ("mindspore", "mindspore.nn.CrossEntropyLoss(w, label_smoothing=0.1)(x, label)"),
    ("mindspore", "mindspore.nn.BCEWithLogitsLoss(weight=w)(x, q)"),
    ("mindspore", "mindspore.nn.MSELoss(how)(x, y)"),
]


@pytest.mark.parametrize("package", ["paddle", "mindspore"])
def test_what_is_kept(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are those of the framework's names in lossary.migrate, tested elsewhere."""
    home = {"paddle": migrate_paddle, "mindspore": migrate_mindspore}[package]
    calls = [expression for name, expression in KEPT if name == package]
    source = script(f"import {package}\n", calls)
    code = translate(source).code
    assert f"import {package}\n" not in code
    after = outcomes(code)
    for name, module in stand_in(package, nn=home).items():
        monkeypatch.setitem(sys.modules, name, module)
    agree(outcomes(source), after, calls)


def test_every_home_is_there() -> None:
    for path in ("mindspore.nn.MSELoss", "mindspore.Model", "mindspore.dataset.GeneratorDataset"):
        assert MINDSPORE.offer(path) is not None
    assert MINDSPORE.offer("mindspore.ops.abs") is None
    assert PADDLE.offer("paddle.nn.Layer") is None
