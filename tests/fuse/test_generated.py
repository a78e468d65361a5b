"""What generated code does differently by size and processor, and which losses it must cover."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import lossary
from lossary import LossBase, fuse
from lossary.bench.peers import NAIVE, TORCH
from lossary.bench.worker import differentiable, step, tensors_for
from lossary.catalog import catalog
from lossary.fuse import build, source

SPECS = {spec.name: spec for spec in catalog()}
LARGE = {  # of gradients that go past the caches: lines of memory begin at every tile, or at few
    "flat": (source.FAR // 1024 + 1, 1024),
    "odd": (source.FAR // 1031 + 3, 1031),
    "images": (5, 3, 701, 1 + source.FAR // (5 * 3 * 701)),
}


@pytest.mark.parametrize("name", [*TORCH, *NAIVE])
def test_losses_that_carry_most_of_the_traffic_are_fused(name):
    tensors = differentiable(SPECS[name], tensors_for(SPECS[name], 256, 1024))
    loss = fuse(SPECS[name].function)
    step(loss, tensors)
    assert loss.reasons == (
        ("its formula moves no more memory than one pass",) * (name == "nll_loss")
    )


def test_what_only_picks_or_adds_up_is_fused_where_its_gradient_leaves_the_caches(monkeypatch):
    log_p = torch.randn(300, 1000).log_softmax(1)
    light = {lossary.nll_loss: torch.arange(300), lossary.feature_matching_loss: log_p.flip(0)}
    for far, reasons in ((1 << 22, 1), (1 << 17, 0)):
        monkeypatch.setattr(source, "FAR", far)
        for loss, target in light.items():
            x = log_p.clone().requires_grad_()
            fused = fuse(loss)
            (slope,) = torch.autograd.grad(fused(x, target), x)
            assert len(fused.reasons) == reasons
            (expected,) = torch.autograd.grad(loss(x, target), x)
            torch.testing.assert_close(slope, expected)
    focal = fuse(lossary.focal_loss)  # which reads all of its softmax
    focal(log_p.requires_grad_(), torch.arange(300))
    assert focal.reasons == ()


def compare(loss, input: Tensor, target: Tensor) -> None:
    found = []
    for way in (loss, fuse(loss)):
        x = input.clone().requires_grad_()
        value = way(x, target)
        found += [value.detach(), torch.autograd.grad(value, x)[0]]
    assert way.reasons == ()
    value, gradient, fused_value, fused_gradient = found
    tolerance = 1e-5 if input.dtype == torch.float32 else 2**-7
    torch.testing.assert_close(fused_value, value, rtol=tolerance, atol=0)
    largest = gradient.abs().max().item()
    torch.testing.assert_close(fused_gradient, gradient, rtol=tolerance, atol=1e-6 * largest)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE.keys())
def test_gradients_that_go_past_the_caches(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    input = torch.randn(shape, generator=generator).to(dtype)
    classes = torch.randint(shape[1], (shape[0], *shape[2:]), generator=generator)
    compare(lossary.cross_entropy, input, classes)
    compare(lossary.mse_loss, input, torch.zeros_like(input))


@pytest.mark.parametrize("flag", ["-mno-avx512f", "-march=x86-64"])
def test_processors_with_shorter_vectors_go_past_the_caches(flag, monkeypatch):
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, flag))
    build.load.cache_clear()  # of this process: it knows the code of this processor by its source
    for dtype in (torch.float32, torch.bfloat16):
        input = torch.randn(LARGE["odd"], generator=torch.Generator().manual_seed(0)).to(dtype)
        compare(lossary.mse_loss, input, torch.zeros_like(input))
    build.load.cache_clear()


@pytest.mark.parametrize("classes", [1, 2, 3, 8, 9, 33])
def test_few_classes_are_written_out_and_many_are_not(classes):
    generator = torch.Generator().manual_seed(classes)
    input = torch.randn(7, classes, 301, 67, generator=generator)
    target = torch.randint(classes, (7, 301, 67), generator=generator)
    compare(lossary.cross_entropy, input, target)
    compare(lossary.dice_loss, input, target)


def test_units_that_lie_across_all_of_memory_are_left_to_the_formula():
    class OfColumns(LossBase):
        takes = "real N D, real N D -> D"

        def units(self, input: Tensor, target: Tensor) -> Tensor:
            return (input - target).square().sum(0)

    for rows, fits in ((8000, True), (9000, False)):
        loss = fuse(OfColumns())
        x, y = torch.randn(rows, 32), torch.randn(rows, 32)
        torch.testing.assert_close(loss(x, y), OfColumns()(x, y))
        assert (loss.reasons == ()) is fits


class PowersOfLogistic(LossBase):
    """Powers of probabilities by their logarithms, and the same the other way round."""

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        yes, no = torch.nn.functional.logsigmoid(input), torch.nn.functional.logsigmoid(-input)
        below = torch.where(input > 0, -input, input).sigmoid()
        powers = torch.exp(2 * yes) + torch.exp(3 * no) + torch.exp(yes) - torch.exp(1.5 * no)
        return powers + target * below * (1 - below) + (1 - input.sigmoid()) / (1 + target)


def test_logistic_functions_share_what_they_have_in_common():
    ends = torch.tensor([0.0, -0.0, 20.0, -20.0, 100.0, -100.0, 3e38, -3e38])
    x = torch.cat([ends, torch.empty(300_000).uniform_(-30, 30)]).requires_grad_()
    y = torch.rand(len(x))
    loss = PowersOfLogistic("none")
    want = loss(x.double(), y.double())
    ones = torch.ones_like(want)
    fused = fuse(loss)
    got = fused(x, y)
    torch.testing.assert_close(got.double(), want, rtol=4e-6, atol=1e-30)
    (slope,) = torch.autograd.grad(got, x, ones.float())
    (exact,) = torch.autograd.grad(want, x, ones)
    torch.testing.assert_close(slope, exact, rtol=1e-5, atol=1e-6)
    assert fused.reasons == ()
    for special in (torch.inf, -torch.inf, torch.nan):
        one = torch.full((1 << 17,), special)
        told = fused(one, torch.zeros(1 << 17))
        torch.testing.assert_close(told, loss(one, torch.zeros(1 << 17)), equal_nan=True)


class NotLogistic(LossBase):
    """What looks like 1 - e / (1 + e), and is not."""

    def units(self, input: Tensor) -> Tensor:
        e = torch.exp(-input.abs())
        return 1 - e * (torch.tensor(2.0) / (e + 1))


def test_what_looks_like_a_logistic_function_is_computed_as_written():
    x = torch.linspace(-5, 5, 1 << 17)
    loss = fuse(NotLogistic("none"))
    torch.testing.assert_close(loss(x), NotLogistic("none")(x), rtol=1e-5, atol=1e-6)
    assert loss.reasons == ()
