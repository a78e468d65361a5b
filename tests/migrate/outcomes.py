"""What our modules make of the cases of the golden files, beside what the frameworks made of them.

The tests compare the two, and docs/migration_table.py says how far apart they are.
"""

import copy
import inspect
import itertools
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossary.migrate import keras, mindspore, optax, paddle, paddleocr, torch as criteria
from lossary.migrate.paddle import functional
from lossary.migrate.paddleocr import basic

from .torch_cases import CASES, LEARNT

FOLDER = Path(__file__).parent / "golden"

Case = dict[str, Any]


def golden(framework: str) -> dict[str, Any]:
    """Read a golden file."""
    found: dict[str, Any] = json.loads((FOLDER / f"{framework}.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Outcome:
    """A value and gradients, ours and theirs."""

    name: str
    value: Tensor
    wanted: Tensor
    gradients: list[tuple[Tensor, Tensor]]


def ramped(value: Tensor, low: float, high: float) -> Tensor:
    """The sum of a value times low, ..., high, so that gradients of the wrong places show."""
    count = value.numel()
    return (torch.linspace(low, high, count, dtype=value.dtype).reshape(value.shape) * value).sum()


def like(stored: object, ours: Tensor) -> Tensor:
    """What is stored of a framework, which has the dtype and the number of elements of ours."""
    return torch.tensor(numbers(stored), dtype=ours.dtype).reshape(ours.shape)


def numbers(found: Any) -> Any:
    """Read nested lists, in which infinity and nan may be strings."""
    if isinstance(found, list):
        return [numbers(x) for x in found]
    return float(found) if isinstance(found, str) else found


# MindSpore


def decode(value: object) -> object:
    if isinstance(value, list):
        return tuple(decode(each) for each in value)
    if not isinstance(value, dict):
        return value
    (dtype, values), (_, shape) = value.items()
    return torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape)


def of_mindspore(case: Case, result: Case) -> Outcome:
    tensors = [decode(x).requires_grad_("float32" in x) for x in case["inputs"]]
    options = {name: decode(value) for name, value in result["options"].items()}
    value = getattr(mindspore, case["loss"])(**options)(*tensors)
    wanted, pairs = decode(result["value"]), []
    if result["gradients"] is not None:
        floating = [x for x in tensors if x.is_floating_point()]
        found = torch.autograd.grad(
            value.sum(), floating, allow_unused=True, materialize_grads=True
        )
        stored = zip(found, result["gradients"], strict=True)
        pairs = [(slope, like(theirs, slope)) for slope, theirs in stored]
    return Outcome(case["loss"], value.detach(), wanted, pairs)


# Keras


def of_keras(case: Case, dtype: str) -> Outcome:
    kind = getattr(torch, dtype)
    y_pred = torch.tensor(case["y_pred"], dtype=kind).reshape(case["shape"]).requires_grad_()
    y_true = torch.tensor(case["y_true"])
    if y_true.is_floating_point():
        y_true = torch.tensor(case["y_true"], dtype=kind)
    y_true = y_true if y_pred.numel() else y_true.reshape(y_pred.shape)
    loss, options = getattr(keras, case["name"]), with_tuples(case["options"])
    if inspect.isclass(loss):
        value = loss(**options, dtype=dtype)(y_true, y_pred, case["sample_weight"])
    else:
        value = loss(y_true, y_pred, **options)
    return ramped_outcome(case["name"], value, y_pred, case[dtype])


def with_tuples(options: Case) -> Case:
    """JSON has no tuples, and axes are one."""
    axes = options.get("axis")
    return {**options, "axis": tuple(axes)} if isinstance(axes, list) else options


def ramped_outcome(name: str, value: Tensor, x: Tensor, wanted: Case) -> Outcome:
    assert list(value.shape) == wanted["shape"]
    (slope,) = torch.autograd.grad(ramped(value, 1, 2), x)
    pairs = [(slope, like(wanted["gradient"], slope))]
    return Outcome(name, value.detach(), like(wanted["value"], value), pairs)


# Optax


def optax_tensor(found: Case, dtype: torch.dtype) -> Tensor:
    kinds = {"f": dtype, "i": torch.int64, "b": torch.bool}
    return torch.tensor(numbers(found["data"]), dtype=kinds[found["dtype"]]).reshape(found["shape"])


def of_optax(case: Case, kind: str) -> Outcome:
    dtype = getattr(torch, kind)
    first, *others = (optax_tensor(t, dtype) for t in case["tensors"])
    options = with_tuples(case["options"])
    options |= {k: optax_tensor(v, dtype) for k, v in case["arrays"].items()}
    value = getattr(optax, case["name"])(first.requires_grad_(), *others, **options)
    assert value.dtype == dtype
    return ramped_outcome(case["name"], value, first, case[kind])


# Paddle


def paddle_tensor(stored: object) -> object:
    if isinstance(stored, dict) and "dtype" in stored:
        data = torch.tensor(stored["data"], dtype=getattr(torch, stored["dtype"]))
        return data.reshape(stored["shape"])
    return stored


def of_paddle(case: Case, run: Case, way: str) -> Outcome:
    """``way`` is "function", or "layer" for the class."""
    inputs = [paddle_tensor(stored) for stored in case["inputs"]]
    options = {name: paddle_tensor(value) for name, value in run["options"].items()}
    for place in case["grad"]:
        inputs[place].requires_grad_()
    if way == "layer":
        late = {k: options.pop(k) for k in ("norm_by_times",) if k in options}
        value = getattr(paddle, case["layer"])(**options)(*inputs, **late)
    else:
        value = getattr(functional, case["name"])(*inputs, **options)
    value = value[0] if isinstance(value, tuple) else value
    assert list(value.shape) == list(torch.tensor(run["value"]).shape)
    if case["grad"]:
        ramped(value, 1 / max(value.numel(), 1), 1).backward()
    slopes = zip([inputs[place].grad for place in case["grad"]], run["gradients"], strict=True)
    # Paddle has none of some
    pairs = [(ours, like(theirs, ours)) for ours, theirs in slopes if theirs is not None]
    name = case["layer"] if way == "layer" else case["name"]
    return Outcome(name, value.detach(), like(run["value"], value), pairs)


def paddle_adaptive(stored: Case) -> tuple[nn.Module, Tensor, Tensor]:
    """The layer with Paddle's weights, and its tensors."""
    layer = paddle.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    with torch.no_grad():
        layer.head_weight.copy_(paddle_tensor(stored["head_weight"]))
        layer.head_bias.copy_(paddle_tensor(stored["head_bias"]))
        for ours, theirs in zip(layer.tail_weights, stored["tail_weights"], strict=True):
            for parameter, values in zip(ours, theirs, strict=True):
                parameter.copy_(paddle_tensor(values))
    given = paddle_tensor(stored["input"]).requires_grad_()
    return layer, given, paddle_tensor(stored["label"])


def of_paddles_own(found: Case) -> Iterator[Outcome]:
    """Those whose weights a layer holds."""
    stored = found["adaptive"]
    layer, given, label = paddle_adaptive(stored)
    for name, way in (
        ("AdaptiveLogSoftmaxWithLoss", layer),
        (
            "adaptive_log_softmax_with_loss",
            lambda *given: functional.adaptive_log_softmax_with_loss(*given, *layer._weights()),
        ),
    ):
        output, loss = way(given, label)
        (slope,) = torch.autograd.grad(loss, given)
        pairs = [(slope, like(stored["gradient"], slope))]
        yield Outcome(name, output.detach(), like(stored["output"], output), pairs)
    for case in found["cases"]:
        inputs = [paddle_tensor(each) for each in case["inputs"]]
        if case["name"] == "hsigmoid_loss" and len(inputs) == 5 and inputs[4] is not None:
            hidden, labels, classes, weight, bias = inputs
            own = paddle.HSigmoidLoss(hidden.shape[1], classes)
            with torch.no_grad():
                own.weight.copy_(weight)
                own.bias.copy_(bias)
            value = own(hidden.requires_grad_(), labels)
            ramped(value, 1 / value.numel(), 1).backward()
            ours, run = (hidden.grad, own.weight.grad), case["runs"][0]
            stored_slopes = zip(ours, run["gradients"], strict=True)
            pairs = [(slope, like(theirs, slope)) for slope, theirs in stored_slopes]
            wanted = like(run["value"], value)
            yield Outcome("HSigmoidLoss", value.detach(), wanted, pairs)


# PaddleOCR


def paddleocr_class(file: str, name: str) -> type:
    found: type = getattr(basic if file == "basic_loss" else paddleocr, name)
    return found


def tensors_of(stored: object, leaves: list | None = None) -> object:
    """JSON to tensors; those of single precision are collected in ``leaves``."""
    if isinstance(stored, dict) and "dtype" in stored:
        tensor = paddle_tensor(stored)
        if leaves is not None and tensor.dtype == torch.float32:
            leaves.append(tensor.requires_grad_())
        return tensor
    if isinstance(stored, dict):
        return {name: tensors_of(value, leaves) for name, value in stored.items()}
    return [tensors_of(value, leaves) for value in stored] if isinstance(stored, list) else stored


def of_paddleocr(case: Case, centers: Case) -> list[Outcome]:
    """One for each of the names of the result; the first has the gradients."""
    loss = paddleocr_class(case["file"], case["name"])(**copy.deepcopy(case["options"]))
    if case["name"] == "CenterLoss":
        loss.centers = tensors_of(centers)
    leaves: list[Tensor] = []
    predicts, *rest = case["inputs"]
    result = loss(tensors_of(predicts, leaves), *tensors_of(rest))
    losses = result if isinstance(result, dict) else {"": result}
    assert losses.keys() == case["values"].keys()
    total = losses.get("loss", sum(losses.values()))
    if total.requires_grad:
        ramped(total, 1 / total.numel(), 1).backward()
    pairs = []
    for leaf, theirs in zip(leaves, case["gradients"], strict=True):
        if theirs is not None:  # Paddle has none, or none of what it takes for a label
            slope = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            pairs.append((slope, like(theirs, slope)))
    name = f"basic.{case['name']}" if case["file"] == "basic_loss" else case["name"]
    outcomes = []
    for part, theirs in case["values"].items():
        ours = losses[part].detach()
        wanted = torch.tensor(theirs, dtype=ours.dtype)
        assert ours.shape == wanted.shape
        outcomes.append(Outcome(name, ours, wanted, [] if outcomes else pairs))
    return outcomes


# torch, which is at hand


def copies(tensors: tuple[object, ...], learnt: int, dtype: torch.dtype) -> list[Any]:
    """Copy the tensors; those of floating point among the first ``learnt`` with gradients."""
    return [
        t.to(dtype).detach().clone().requires_grad_(i < learnt)
        if isinstance(t, Tensor) and t.is_floating_point()
        else t
        for i, t in enumerate(tensors)
    ]


def function_of(criterion: str) -> str:
    """The name of the function of a criterion of torch."""
    for name, found in vars(criteria).items():
        if inspect.isfunction(found) and name in vars(F):
            made = inspect.getclosurevars(found).nonlocals["criterion"]
            if made.__name__ == criterion:
                return name
    raise KeyError(criterion)


def of_torch(
    name: str, options: Case, tensors: tuple[object, ...], reduction: str, kind: str, way: str
) -> Outcome:
    """``way`` is "criterion" or "function"."""
    dtype, found = getattr(torch, kind), []
    shown = name if way == "criterion" else function_of(name)
    for library in (criteria, nn):
        given = copies(tensors, LEARNT.get(name, 1), dtype)
        loss = _criterion(library, name, options, reduction, dtype, way)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if library is nn else "error")
            if name == "CTCLoss":  # through the log-softmax: see the module
                value = loss(given[0].log_softmax(-1), *given[1:])
            else:
                value = loss(*given)
        asked = [t for t in given if isinstance(t, Tensor) and t.requires_grad]
        found.append((value, torch.autograd.grad(ramped(value, 1, 2), asked)))
    (value, slopes), (wanted, those) = found
    assert value.dtype == wanted.dtype
    return Outcome(shown, value.detach(), wanted.detach(), list(zip(slopes, those, strict=True)))


def _criterion(
    library: ModuleType, name: str, options: Case, reduction: str, dtype: torch.dtype, way: str
) -> Callable[..., Tensor]:
    if way == "criterion":
        made: nn.Module = getattr(library, name)(**options, reduction=reduction).to(dtype)
        return made
    function = getattr(F if library is nn else library, function_of(name))
    cast = {k: v.to(dtype) if isinstance(v, Tensor) else v for k, v in options.items()}
    return lambda *given: function(*given, **cast, reduction=reduction)


DTYPES, REDUCTIONS, WAYS = (
    ("float32", "float64"),
    ("none", "mean", "sum"),
    ("criterion", "function"),
)


def outcomes(framework: str, kind: str) -> Iterator[Outcome]:
    """All of a framework, in single or double precision where there are both."""
    if framework == "torch":
        for (name, options, tensors), reduction, way in itertools.product(CASES, REDUCTIONS, WAYS):
            yield of_torch(name, options, tensors, reduction, kind, way)
        return
    found = golden(framework)
    if framework == "mindspore":
        for case in found["losses"]:
            yield from (of_mindspore(case, result) for result in case["results"])
    elif framework == "paddle":
        for case, way in itertools.product(found["cases"], ("function", "layer")):
            if way == "function" or case["layer"] is not None:
                yield from (of_paddle(case, run, way) for run in case["runs"])
        yield from of_paddles_own(found)
    elif framework == "paddleocr":
        for case in found["cases"]:
            yield from of_paddleocr(case, found["centers"])
    else:
        of = {"keras": of_keras, "optax": of_optax}[framework]
        yield from (of(case, kind) for case in found["cases"])
