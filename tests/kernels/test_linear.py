"""Losses over linear layers, in more than one chunk of rows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

import lossary
from lossary.fuse import FusedFunction, fused
from lossary.kernels import linear

N, D, C = 700, 32, 1000  # three chunks of rows


@pytest.fixture
def made():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=generator, requires_grad=True)
    w = (torch.randn(C, D, generator=generator) / 4).requires_grad_()
    y = torch.randint(C, (N,), generator=generator)
    y[::5] = -100
    return x, w, y


def plain(x, w, y, *, bias=None, z_loss=0.0, softcap=None, weight=None, reduction="mean", **rest):
    """The definition, by torch's functions and our cross-entropy."""
    scores = F.linear(x, w, bias)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    units = lossary.cross_entropy(scores, y, **rest, reduction="none")
    keep = y != -100 if y.ndim == 1 else torch.ones(len(x), dtype=torch.bool)
    units = units + torch.where(keep, z_loss * scores.logsumexp(1) ** 2, 0.0)
    return lossary.reduce(units, keep if weight is None else weight * keep, reduction)


def close(found, wanted, tolerance=2e-5):
    for a, b in zip(found, wanted, strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


EXTRAS = [{}, {"label_smoothing": 0.1}, {"z_loss": 1e-2}, {"softcap": 3.0}]


@pytest.mark.parametrize("extras", EXTRAS, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "parts"])
def test_chunks_add_up_to_the_definition(made, extras, reduction):
    x, w, y = made
    value = lossary.linear_cross_entropy(x, w, y, reduction=reduction, **extras)
    wanted = plain(x, w, y, reduction=reduction, **extras)
    close([value], [wanted])
    incoming = torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    close(
        torch.autograd.grad(value, (x, w), incoming), torch.autograd.grad(wanted, (x, w), incoming)
    )


def test_soft_targets_bias_and_weights(made):
    x, w, _ = made
    generator = torch.Generator().manual_seed(2)
    target = torch.randn(N, C, generator=generator).softmax(1)
    bias = torch.randn(C, generator=generator, requires_grad=True)
    weight = torch.rand(N, generator=generator) * (torch.rand(N, generator=generator) > 0.3)
    value = lossary.linear_cross_entropy(x, w, target, linear_bias=bias, weight=weight)
    wanted = plain(x, w, target, bias=bias, weight=weight)
    close([value], [wanted])
    close(torch.autograd.grad(value, (x, w, bias)), torch.autograd.grad(wanted, (x, w, bias)))


def test_rows_that_do_not_take_part_cost_nothing(made, monkeypatch):
    x, w, y = made
    rows = []
    into_gradient = FusedFunction.into_gradient

    def counting(self, logits, *rest, **options):
        rows.append(len(logits))
        return into_gradient(self, logits, *rest, **options)

    monkeypatch.setattr(FusedFunction, "into_gradient", counting)
    lossary.linear_cross_entropy(x, w, y)
    assert sum(rows) == int((y != -100).sum())
    rows.clear()
    assert lossary.linear_cross_entropy(x, w, torch.full_like(y, -100)) == 0
    assert rows == []


def test_only_what_needs_a_gradient_gets_one(made):
    x, w, y = made
    wanted = torch.autograd.grad(plain(x, w, y), (x, w))
    frozen = lossary.linear_cross_entropy(x, w.detach(), y)
    assert frozen.grad_fn.saved_tensors[4] is None  # no gradient of the weight was made
    close(torch.autograd.grad(frozen, x), wanted[:1])
    probe = lossary.linear_cross_entropy(x.detach(), w, y)
    close(torch.autograd.grad(probe, w), wanted[1:])
    assert not lossary.linear_cross_entropy(x.detach(), w.detach(), y).requires_grad


def test_backward_may_be_repeated(made):
    x, w, y = made
    value = lossary.linear_cross_entropy(x, w, y)
    first = [g.clone() for g in torch.autograd.grad(value, (x, w), retain_graph=True)]
    tripled = torch.autograd.grad(value, (x, w), torch.tensor(3.0), retain_graph=True)
    close(tripled, [3 * g for g in first])
    close(torch.autograd.grad(value, (x, w)), first, tolerance=0)


def test_second_derivatives(made):
    x, w, y = made
    found = []
    for loss in (lossary.linear_cross_entropy, plain):
        for reduction in ("mean", "none"):
            value = loss(x, w, y, reduction=reduction).sum()
            first = torch.autograd.grad(value, (x, w), create_graph=True)
            second = torch.autograd.grad(sum((g**2).sum() for g in first), (x, w))
            found.append([*first, *second])
    close(found[0], found[2])
    close(found[1], found[3])


def test_function_transforms(made):
    x, w, y = (t.detach() for t in made)
    found = torch.func.grad(lossary.linear_cross_entropy, argnums=(0, 1))(x, w, y)
    close(found, torch.func.grad(plain, argnums=(0, 1))(x, w, y))


def test_the_dtype_of_the_hidden_states_is_that_of_the_products(made):
    x, w, y = made
    half = x.detach().bfloat16().requires_grad_()
    value = lossary.linear_cross_entropy(half, w, y)
    assert value.dtype == torch.bfloat16
    of_half, of_w = torch.autograd.grad(value, (half, w))
    assert (of_half.dtype, of_w.dtype) == (torch.bfloat16, torch.float32)
    close([of_half, of_w], torch.autograd.grad(plain(x, w, y), (x, w)), tolerance=3e-2)
    double = lossary.linear_cross_entropy(x.double(), w.double(), y)
    close([double], [plain(x.double(), w.double(), y)], tolerance=1e-12)


def test_chunks_of_half_precision_are_few():
    """Each rounds the gradient of the weight, which all logits at once would round one time."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8192, 128, generator=generator).bfloat16().requires_grad_()
    w = (torch.randn(C, 128, generator=generator) / 6).bfloat16().requires_grad_()
    y = torch.randint(C, (8192,), generator=generator)
    exact = torch.autograd.grad(plain(x.double(), w.double(), y), w)[0]
    for loss, tolerance in ((plain, 3e-3), (lossary.linear_cross_entropy, 4.5e-3)):
        found = torch.autograd.grad(loss(x, w, y), w)[0].double()
        assert (found - exact).norm() < tolerance * exact.norm()


def test_without_compiled_code_it_is_the_same(made, monkeypatch):
    x, w, y = made
    monkeypatch.setattr(fused._Dispatcher, "_look_up", lambda *_: None)
    value = lossary.linear_cross_entropy(x, w, y, z_loss=1e-2)
    wanted = plain(x, w, y, z_loss=1e-2)
    close([value], [wanted])
    close(torch.autograd.grad(value, (x, w)), torch.autograd.grad(wanted, (x, w)))


def test_a_label_outside_the_classes_is_named(made):
    x, w, y = made
    with pytest.raises(ValueError, match="linear_cross_entropy: target must hold class indices"):
        lossary.linear_cross_entropy(x, w, y.index_fill(0, torch.tensor([3]), C))


def test_focal_loss_and_distillation_in_chunks(made):
    x, w, y = made
    value, wanted = lossary.linear_focal_loss(x, w, y), lossary.focal_loss(x @ w.T, y)
    close([value], [wanted])
    close(torch.autograd.grad(value, (x, w)), torch.autograd.grad(wanted, (x, w)))
    teacher, head = torch.randn(N, 7), torch.randn(C, 7, requires_grad=True)
    for beta in (0.0, 0.4, 1.0):
        value = lossary.linear_distillation_loss(x, w, teacher, head.detach(), beta=beta)
        wanted = lossary.linear_distillation_loss(x, w, teacher, head, beta=beta)  # by definition
        close([value], [wanted])
        close(torch.autograd.grad(value, (x, w)), torch.autograd.grad(wanted, (x, w, head))[:2])


def test_a_class_weight_may_be_learned(made):
    x, w, y = made
    class_weight = torch.rand(C, requires_grad=True)
    given = (x, w, class_weight)
    value = lossary.linear_cross_entropy(x, w, y, class_weight=class_weight)
    wanted = lossary.cross_entropy(x @ w.T, y, class_weight=class_weight)
    close(torch.autograd.grad(value, given), torch.autograd.grad(wanted, given))


EVERYTHING = {"label_smoothing": 0.1, "z_loss": 1e-2, "softcap": 3.0, "temperature": 0.7}


def _compiled_cases(x, w, y):
    generator = torch.Generator().manual_seed(3)
    weight = torch.rand(N, generator=generator) * (torch.rand(N, generator=generator) > 0.3)
    extras = {"class_weight": torch.rand(C, generator=generator), "weight": weight}
    soft = torch.randn(N, C, generator=generator).softmax(1)
    teacher = torch.randn(N, 7, generator=generator), torch.randn(C, 7, generator=generator)
    yield lossary.linear_cross_entropy, (x, w, y), {**EVERYTHING, **extras}
    yield lossary.linear_cross_entropy, (x, w, soft), {"weight": weight}
    yield lossary.linear_focal_loss, (x, w, y), {}
    yield lossary.linear_distillation_loss, (x, w, *teacher), {"beta": 0.4}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "parts"])
def test_compiled_code_computes_the_same(made, reduction, monkeypatch):
    """In the same chunks: it does not run the definition, which holds the logits."""
    for loss, given, options in _compiled_cases(*made):
        torch._dynamo.reset()
        results = []
        for form in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
            value = form(*given, **options, reduction=reduction)
            incoming = torch.rand(value.shape, generator=torch.Generator().manual_seed(1))
            results.append([value, *torch.autograd.grad(value, given[:2], incoming)])
            monkeypatch.setattr(linear.LinearLoss, "formula", None)
        monkeypatch.undo()
        close(*results, tolerance=1e-6)


def test_compiled_code_without_gradients_has_the_value_only(made):
    x, w, y = made
    compiled = torch.compile(lossary.linear_cross_entropy, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        found = compiled(x, w, y)
    assert not found.requires_grad
    close([found], [plain(x, w, y)])
    value = compiled(x, w.detach(), y)
    close(torch.autograd.grad(value, x), torch.autograd.grad(plain(x, w, y), x))


def test_compiled_code_names_the_loss_of_a_wrong_label(made):
    x, w, y = made
    compiled = torch.compile(lossary.linear_cross_entropy, fullgraph=True, backend="aot_eager")
    with pytest.raises(ValueError, match=f"^linear_cross_entropy: target .* got {C} at"):
        compiled(x, w, torch.full_like(y, C))


def test_compiled_transforms_run_the_definition(made):
    x, w, y = (t.detach() for t in made)

    def slope(x):
        return torch.func.grad(lossary.linear_cross_entropy)(x, w, y)

    compiled = torch.compile(slope, fullgraph=True, backend="aot_eager")
    close([compiled(x)], [slope(x)])


def test_a_label_outside_the_classes_is_named_in_compiled_code(made):
    x, w, y = made
    compiled = torch.compile(lossary.linear_cross_entropy, fullgraph=True, backend="aot_eager")
    with pytest.raises(ValueError, match="target must hold class indices from 0 to 999"):
        compiled(x, w, y.index_fill(0, torch.tensor([3]), C))


@pytest.mark.parametrize("small", [False, True])
def test_the_operators_of_compiled_code_keep_their_contract(made, small):
    """By torch's own check: schema, shapes without numbers, and gradients."""
    x, w, y = made
    if small:  # the formula computes the gradient of a chunk
        x, w, y = (t[:9].detach().requires_grad_(t.requires_grad) for t in (x, w, y % 9))
    kinds = "others:tensor weight:tensor gamma:number class_weight:none"
    weight = torch.ones(len(y))
    given = ("linear_focal_loss", x, w, None, [y.clamp(min=0), weight], [2.0], kinds)
    factor = torch.rand(len(y))
    operators = torch.ops.lossary
    torch.library.opcheck(operators.linear_values.default, (*given, True))
    fixed = (given[0], x.detach(), w.detach(), *given[3:])
    torch.library.opcheck(operators.linear_values.default, (*fixed, False))
    needs = [True, True, False]
    torch.library.opcheck(operators.linear_gradients.default, (*given, None, needs))
    torch.library.opcheck(operators.linear_gradients.default, (*fixed, factor, needs))


# Every large tensor is given back as soon as it is freed: what is measured is what was in use.
ENV = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
PROGRAM = """
import sys, torch, lossary
from pathlib import Path
from lossary.bench.worker import _memory
import torch.nn.functional as F
n, d, c = 4096, 64, 32000
w = torch.randn(c, d, requires_grad=True)
def loss(x, y):
    if sys.argv[1] == "plain":
        return F.cross_entropy(F.linear(x, w), y)
    return lossary.linear_cross_entropy(x, w, y)
if sys.argv[1] == "compiled":
    loss = torch.compile(loss, fullgraph=True, dynamic=True)
def step(n):
    x, y = torch.randn(n, d, requires_grad=True), torch.zeros(n).long()
    torch.autograd.grad(loss(x, y), (x, w))
step(300)
Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the few rows
before = _memory("VmRSS")
step(n)
print(int(_memory("VmHWM") - before))
"""


def test_it_takes_a_fraction_of_the_memory():
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", PROGRAM, which], text=True, env=ENV))
        for which in ("plain", "ours", "compiled")
    ]
    assert peaks[0] > 900 * 2**20  # the logits and their gradient
    assert peaks[1] < 0.1 * peaks[0]
    assert peaks[2] < 0.1 * peaks[0]


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_second_derivative_of_tied_weights(reduction):
    """The hidden states are made from the matrix: no gradient runs through both."""
    matrix = torch.randn(12, 4, dtype=torch.float64, requires_grad=True)
    found = []
    for loss in (lossary.linear_cross_entropy, dense):
        value = loss(matrix[:5].tanh(), matrix, torch.arange(5), reduction=reduction).sum()
        (slope,) = torch.autograd.grad(value, matrix, create_graph=True)
        found += [slope, *torch.autograd.grad(slope.square().sum(), matrix)]
    torch.testing.assert_close(found[0], found[2])
    torch.testing.assert_close(found[1], found[3])


def dense(input, matrix, target, reduction):
    return lossary.cross_entropy(input @ matrix.T, target, reduction=reduction)
