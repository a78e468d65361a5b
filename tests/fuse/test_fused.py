"""What compiled losses promise besides the law fused_agrees, which every loss is held to."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
import warnings

import pytest
import torch
from torch import Tensor, nn

import lossary
from lossary import LossBase, fuse
from lossary.fuse import build, fused
from lossary.reduction import Reduction

N, C = 2048, 17


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N, C, generator=generator, requires_grad=True)


@pytest.fixture
def labels():
    return torch.randint(C, (N,), generator=torch.Generator().manual_seed(1))


def gradient(value: Tensor, *inputs: Tensor) -> Tensor:
    return torch.autograd.grad(value, inputs)[0]


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-6 * b.abs().max().item())


@pytest.fixture(autouse=True)
def small_tensors_too(monkeypatch):
    monkeypatch.setattr(fused, "MINIMUM", 64)
    monkeypatch.setattr(fused, "MINIMUM_PER_THREAD", 1 << 15)


class Spy:
    """Counts how often compiled code ran."""

    def __init__(self, monkeypatch) -> None:
        self.runs = 0
        compute = fused.Program.compute

        def counting(*args):
            self.runs += 1
            return compute(*args)

        monkeypatch.setattr(fused.Program, "compute", counting)


@pytest.fixture
def spy(monkeypatch):
    return Spy(monkeypatch)


def test_compiled_code_runs_and_gives_the_same(logits, labels, spy):
    loss = fuse(lossary.cross_entropy)
    value = loss(logits, labels, label_smoothing=0.1)
    close(
        gradient(value, logits),
        gradient(lossary.cross_entropy(logits, labels, label_smoothing=0.1), logits),
    )
    assert spy.runs == 1
    assert loss.reasons == ()


def test_masked_units_may_hold_anything(logits, labels, spy):
    keep = torch.rand(N, generator=torch.Generator().manual_seed(2)) > 0.4
    spoilt = logits.detach().clone()
    spoilt[~keep] = torch.nan
    spoilt.requires_grad_()
    bad = labels.masked_fill(~keep, 10**12)
    loss = fuse(lossary.cross_entropy)
    value, want = loss(spoilt, bad, weight=keep), lossary.cross_entropy(logits[keep], labels[keep])
    close(value, want)
    found = gradient(value, spoilt)
    assert (found[~keep] == 0).all()
    close(found[keep], gradient(want, logits)[keep])
    ignoring = loss(spoilt, labels.masked_fill(~keep, -100))
    close(ignoring, want)
    assert spy.runs == 2


def test_the_mean_of_nothing_is_zero(logits, labels, spy):
    value = fuse(lossary.cross_entropy)(logits, labels, weight=torch.zeros(N))
    assert value == 0
    assert (gradient(value, logits) == 0).all()
    assert spy.runs == 1


def test_values_outside_the_domain_are_refused_like_by_the_formula(logits, labels):
    for loss, tensors in (
        (lossary.cross_entropy, (logits, labels.clone().index_fill(0, torch.tensor([5]), C))),
        (
            lossary.cross_entropy,
            (logits, labels.clone().index_fill(0, torch.tensor([5]), 2**32 + 1)),
        ),
        (lossary.binary_cross_entropy_with_logits, (logits, torch.full((N, C), 1.5))),
        (lossary.hinge_loss, (logits, torch.zeros(N, C))),
        (lossary.kl_divergence, (logits, torch.full((N, C), 1 / C))),
        (lossary.mse_loss, (logits, torch.zeros(N, C + 1))),
        (lossary.mse_loss, (logits,)),
        (lossary.focal_loss, (logits, labels.float())),
    ):
        with pytest.raises((ValueError, TypeError)) as plain:
            loss(*tensors)
        with pytest.raises(plain.type) as compiled:
            fuse(loss)(*tensors)
        assert str(compiled.value) == str(plain.value)
    with pytest.raises(ValueError, match="weight must be finite and not negative"):
        fuse(lossary.mse_loss)(logits, logits.detach(), weight=torch.full((N, C), -1.0))
    with pytest.raises(ValueError, match="reduction must be one of"):
        fuse(lossary.mse_loss)(logits, logits.detach(), reduction="average")


def test_a_nan_prediction_shows(logits, labels, spy):
    spoilt = logits.detach().clone()
    spoilt[3, 4] = torch.nan
    for loss in (lossary.cross_entropy, lossary.focal_loss, lossary.crammer_singer_loss):
        assert fuse(loss)(spoilt, labels).isnan()
    assert spy.runs == 3


def test_extreme_logits_stay_finite(logits, labels, spy):
    for scale in (1e3, 1e4, 1e30):
        x = (logits.detach() * scale).requires_grad_()
        for loss in (lossary.cross_entropy, lossary.focal_loss):
            value = fuse(loss)(x, labels)
            close(value, loss(x, labels))
            assert gradient(value, x).isfinite().all()
    assert spy.runs == 6


def test_higher_derivatives_come_from_the_formula(logits):
    target = torch.rand(N, C, generator=torch.Generator().manual_seed(3))
    results = []
    for loss in (lossary.logistic_loss, fuse(lossary.logistic_loss)):
        first = torch.autograd.grad(loss(logits, target.sign()), logits, create_graph=True)[0]
        results.append((first.detach(), gradient((first**2).sum() * 1e6, logits)))
    for plain, one_pass in zip(*results, strict=True):
        close(one_pass, plain)


def test_backward_may_be_repeated_and_scaled(logits, labels):
    value = fuse(lossary.cross_entropy)(logits, labels)
    once = torch.autograd.grad(value, logits, retain_graph=True)[0].clone()
    again = torch.autograd.grad(value, logits, retain_graph=True)[0]
    torch.testing.assert_close(again, once, rtol=0, atol=0)
    tripled = torch.autograd.grad(value, logits, torch.tensor(3.0), retain_graph=True)[0]
    close(tripled, 3 * once)
    value.backward(retain_graph=True)
    value.backward()
    close(logits.grad, 2 * once)


def test_function_transforms_use_the_formula(logits, labels, spy):
    loss = fuse(lossary.cross_entropy)
    x = logits.detach()
    close(torch.func.grad(loss)(x, labels), torch.func.grad(lossary.cross_entropy)(x, labels))
    per_sample = torch.func.vmap(torch.func.grad(lambda a, b: loss(a[None], b[None])))(x, labels)
    assert per_sample.shape == x.shape
    _, tangent = torch.func.jvp(lambda a: loss(a, labels), (x,), (x,))
    close(tangent, torch.func.jvp(lambda a: lossary.cross_entropy(a, labels), (x,), (x,))[1])
    assert spy.runs == 0


def test_a_compiled_caller_compiles_the_formula(logits, labels, spy):
    loss = fuse(lossary.cross_entropy)

    def step(x: Tensor) -> Tensor:
        return loss(2 * x, labels)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    close(compiled(logits), step(logits))
    assert spy.runs == 1  # only the plain call


def test_without_gradients_only_the_value_is_computed(logits, labels, spy):
    loss = fuse(lossary.cross_entropy)
    with torch.no_grad():
        value = loss(logits, labels)
    assert not value.requires_grad
    close(value, lossary.cross_entropy(logits, labels))
    assert spy.runs == 1


def test_every_input_that_needs_a_gradient_gets_one(spy):
    a, b = (torch.randn(N, C, requires_grad=True) for _ in range(2))
    plain = torch.autograd.grad(lossary.mse_loss(a, b), (a, b))
    one_pass = torch.autograd.grad(fuse(lossary.mse_loss)(a, b), (a, b))
    for p, f in zip(plain, one_pass, strict=True):
        close(f, p)
    only_second = torch.autograd.grad(fuse(lossary.mse_loss)(a.detach(), b), b)[0]
    close(only_second, plain[1])
    assert spy.runs == 2


def test_what_one_pass_does_not_serve_runs_as_it_is(logits, labels, spy):
    loss = fuse(lossary.cross_entropy)
    for x, y in (
        (logits[:3], labels[:3]),  # small
        (logits.double(), labels),
        (logits.detach().T.contiguous().T, labels),  # strided
        (logits[:0], labels[:0]),
    ):
        close(loss(x, y), lossary.cross_entropy(x, y))
    learned = torch.ones(N, requires_grad=True)
    value = loss(logits, labels, weight=learned)
    assert gradient(value, learned).abs().sum() > 0
    assert loss.reasons == ("a weight or a hyperparameter needs a gradient",)
    assert spy.runs == 0


def test_no_batch_size_compiles_anything_new(logits, labels, monkeypatch):
    loss = fuse(lossary.focal_loss)
    loss(logits, labels)

    def compiled_again(source: str) -> None:
        raise AssertionError("a new batch size was compiled")

    monkeypatch.setattr(build, "load", compiled_again)
    for size in (N - 1, 1000, 1111):
        close(loss(logits[:size], labels[:size]), lossary.focal_loss(logits[:size], labels[:size]))


class PowerLoss(LossBase):
    takes = "real N D, real N D -> N"

    def __init__(self, *, power: float = 3.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, power=power)

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return ((input - target).abs() ** self.power).mean(1)


class UnsignedLoss(LossBase):
    def __init__(self, *, scale: Tensor, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)

    def units(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        error = (input - target) * self.scale
        return torch.log(torch.cosh(error)).sum(1), (target.sum(1) > 0).float()


def test_a_loss_of_the_users_own(logits, spy):
    target = torch.zeros(N, C)
    loss = PowerLoss()
    one_pass = fuse(loss)
    value = one_pass(logits, target)
    close(value, loss(logits, target))
    close(gradient(value, logits), gradient(loss(logits, target), logits))
    loss.power = 1.5  # what the Module holds is what counts
    close(one_pass(logits, target), loss(logits, target))
    weight = torch.rand(N)
    weight[:100] = 0
    close(one_pass(logits, target, weight=weight), loss(logits, target, weight=weight))
    assert spy.runs == 3
    assert lossary.check(one_pass).passed


def test_a_loss_without_signature_with_weights_and_buffers_of_its_own(logits, spy):
    target = torch.randn(N, C)
    loss = UnsignedLoss(scale=torch.rand(C))
    one_pass = fuse(loss)
    close(one_pass(logits, target), loss(logits, target))
    loss.scale.mul_(2)
    value = one_pass(logits, target)
    close(value, loss(logits, target))
    close(gradient(value, logits), gradient(loss(logits, target), logits))
    assert spy.runs == 3 - 1
    assert one_pass.reasons == ()


class BatchLoss(LossBase):
    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - input.mean(0) - target).square()


class SecretLoss(LossBase):
    def __init__(self) -> None:
        super().__init__()
        self.table = {"factor": 2.0}

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return self.table["factor"] * (input - target).abs()


FACTOR = torch.tensor(2.0)


class GlobalLoss(LossBase):
    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return FACTOR * (input - target).abs()


class LearnedLoss(LossBase):
    def __init__(self) -> None:
        super().__init__(factor=nn.Parameter(torch.tensor(2.0)))

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return self.factor * (input - target).abs()


@pytest.mark.parametrize("kind", [BatchLoss, SecretLoss, GlobalLoss, LearnedLoss])
def test_what_might_go_wrong_unnoticed_runs_as_it_is(kind, logits, spy):
    loss = kind()
    one_pass = fuse(loss)
    target = torch.zeros(N, C)
    for _ in range(2):
        close(one_pass(logits, target), loss(logits, target))
        if kind is SecretLoss:
            loss.table["factor"] = 5.0
    assert spy.runs == 0


def test_only_losses_with_units_are_fused():
    with pytest.raises(TypeError, match="Subclass lossary"):
        fuse(lambda x, y: (x - y).mean())


def test_fused_losses_are_copied_and_pickled(logits, labels):
    loss = fuse(lossary.FocalLoss(gamma=1.5, class_weight=torch.rand(C)))
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        close(twin(logits, labels), loss(logits, labels))
    function = fuse(lossary.mse_loss)
    assert pickle.loads(pickle.dumps(function)).loss is lossary.mse_loss
    assert fuse(function).loss is lossary.mse_loss
    assert function.__name__ == "mse_loss"


def test_donated_inputs_carry_the_gradient(spy):
    weight = torch.randn(C, C, requires_grad=True)
    x = torch.randn(N, C)
    y = torch.randn(N, C)
    plain = gradient(lossary.mse_loss(x @ weight, y), weight)
    loss = fuse(lossary.mse_loss, donate_input=True)
    activation = x @ weight
    value = loss(activation, y)
    found = torch.autograd.grad(value, activation, retain_graph=True)[0]
    assert found.data_ptr() == activation.data_ptr()
    close(gradient(value, weight), plain)
    assert spy.runs == 1


def test_donating_what_autograd_still_needs_is_an_error():
    leaf = torch.randn(N, C, requires_grad=True)
    loss = fuse(lossary.mse_loss, donate_input=True)
    with pytest.raises(ValueError, match="leaf"):
        loss(leaf, torch.zeros(N, C))
    needed = leaf.exp()  # exp keeps its result for its own backward
    value = loss(needed, torch.zeros(N, C))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()
    value = loss(leaf * 2, torch.zeros(N, C))
    with pytest.raises(RuntimeError, match="donated"):
        torch.autograd.grad(value, leaf, create_graph=True)
    half = leaf * 2
    with pytest.raises(ValueError, match="must hold"):
        fuse(lossary.hinge_loss, donate_input=True)(half, torch.zeros(N, C))
    torch.testing.assert_close(half, leaf * 2)  # a refused input is not touched


def test_autocast_does_not_reach_the_loss(logits, labels):
    half = logits.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = fuse(lossary.cross_entropy)(half, labels)
    close(value, lossary.cross_entropy(half, labels))
    assert value.dtype == torch.bfloat16


def test_threads_may_share_a_loss(logits, labels):
    loss = fuse(lossary.cross_entropy)
    want = gradient(lossary.cross_entropy(logits, labels), logits)
    failures = []

    def work() -> None:
        for _ in range(20):
            x = logits.detach().clone().requires_grad_()
            found = gradient(loss(x, labels), x)
            if not torch.allclose(found, want, atol=1e-8):
                failures.append((found - want).abs().max())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_the_number_of_threads_changes_rounding_at_most(logits, labels):
    loss = fuse(lossary.cross_entropy)
    large, many = logits.detach().repeat(64, 1), labels.repeat(64)
    before = torch.get_num_threads()
    values = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            values.append(loss(large, many))
            assert loss(large, many) == values[-1]
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(torch.stack(values), values[0].expand(3), rtol=1e-6, atol=0)


PROGRAM = """
import torch, lossary
x = torch.randn(4096, 64, requires_grad=True)
loss = lossary.fuse(lossary.mse_loss)
loss(x, torch.zeros(4096, 64)).backward()
print(torch.allclose(x.grad, 2 * x / x.numel()), loss.reasons, flush=True)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", PROGRAM],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_compiled_code_is_kept_on_disk(tmp_path):
    assert run(LOSSARY_CACHE=str(tmp_path)).stdout == "True ()\n"
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.so")}
    assert len(kept) == 1
    assert run(LOSSARY_CACHE=str(tmp_path)).stdout == "True ()\n"
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.so")} == kept


def test_without_a_compiler_one_warning_says_what_to_install(tmp_path):
    done = run(LOSSARY_CACHE=str(tmp_path), PATH=str(tmp_path), CXX="")
    assert done.stdout.startswith("True ('there is no C++ compiler; install g++")
    assert done.stderr.count("UserWarning: lossary.fuse runs the formulas as they are") == 1


def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path, logits):
    monkeypatch.setenv("LOSSARY_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-no-such-flag"))
    build.load.cache_clear()
    build.warn_once.cache_clear()
    with pytest.warns(UserWarning, match="no-such-flag"):
        value = fuse(lossary.mse_loss)(logits, torch.zeros(N, C))
    close(value, lossary.mse_loss(logits, torch.zeros(N, C)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fuse(lossary.mse_loss)(logits, torch.zeros(N, C))


def test_a_cache_that_cannot_be_used_is_named(tmp_path):
    tmp_path.joinpath("file").touch()
    done = run(LOSSARY_CACHE=str(tmp_path / "file"))
    assert "compiled code cannot be kept in" in done.stdout.removeprefix("True ")
    assert "set LOSSARY_CACHE" in done.stderr


def test_the_second_derivative_where_one_tensor_is_made_from_another():
    x = torch.randn(64, 3, dtype=torch.float32, requires_grad=True)
    seed = torch.randn(64, 3)
    found = []
    for loss in (lossary.mse_loss, fuse(lossary.mse_loss)):
        (slope,) = torch.autograd.grad(loss(x, x.tanh()), x, create_graph=True)
        found += [slope, *torch.autograd.grad(slope, x, seed)]
    close(found[2], found[0])
    close(found[3], found[1])
    same = torch.autograd.grad(fuse(lossary.mse_loss)(x, x), x, create_graph=True)[0]
    assert not same.any()
