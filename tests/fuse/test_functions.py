"""Every elementary function of compiled code, against float64, over its whole range."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lossary import LossBase, fuse
from lossary.fuse import build

NAMES = """
    abs neg exp expm1 log log1p sqrt rsqrt reciprocal square sigmoid tanh sin cos tan asin acos atan
    sinh cosh asinh acosh atanh erf erfc lgamma floor ceil trunc round sign relu
"""
FUNCTIONS = {name: getattr(torch, name) for name in NAMES.split()}
EXACT = {"abs", "neg", "sqrt", "floor", "ceil", "trunc", "round", "sign", "relu"}


class FunctionOf(LossBase):
    def __init__(self, function) -> None:
        super().__init__("none")
        self.function = function

    def units(self, input: Tensor) -> Tensor:
        return self.function(input)


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    """See to it that the formula itself is not run: it would agree with itself."""

    def plain(*_, **__):
        raise AssertionError("the formula ran as it is")

    monkeypatch.setattr(LossBase, "reduced", plain)


def numbers() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.exp(torch.empty(60000).uniform_(-90, 88, generator=generator))
    near = torch.empty(60000).uniform_(-2, 2, generator=generator)
    wide = torch.empty(60000).uniform_(-110, 100, generator=generator)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, torch.inf, -torch.inf, torch.nan]
    special += [1e-45, 1e-40, 3e38, -3e38, 88.8, -103.9, 8388608.5, -0.99999994]
    return torch.cat([sizes, -sizes, near, wide, torch.tensor(special)])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    x = numbers()
    got, want = fuse(FunctionOf(FUNCTIONS[name]))(x), FUNCTIONS[name](x.double())
    single = want.float()
    assert torch.equal(got.isnan(), single.isnan())
    infinite = single.isinf() | got.isinf()
    edge = infinite & (want.abs() > 3.4e38) & want.isfinite()  # rounds either way
    assert torch.equal(got[infinite & ~edge], single[infinite & ~edge])
    ordinary = single.isfinite() & got.isfinite()
    unit = torch.nextafter(single.abs(), torch.tensor(torch.inf)).double() - single.abs().double()
    error = ((got.double() - want).abs() / unit)[ordinary]
    assert error.max() <= (0.501 if name in EXACT else 4.5), x[ordinary][error.argmax()]


@pytest.mark.parametrize("power", [-3, -2, -1, -0.5, 0.5, 1, 2, 3, 4, 5, 2.5, 7.0])
def test_powers(power):
    x = numbers()
    got, want = fuse(FunctionOf(lambda t: t**power))(x), (x.double() ** power).float()
    assert torch.equal(got.isnan(), want.isnan())
    torch.testing.assert_close(got, want, rtol=1e-6, atol=1.2e-38, equal_nan=True)


class Power(LossBase):
    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return input**target


@pytest.mark.parametrize("least", [-110, 0])
def test_powers_of_tensors(least):
    generator = torch.Generator().manual_seed(0)
    x = torch.cat([torch.empty(1 << 17).uniform_(least, 110, generator=generator), numbers().abs()])
    y = torch.empty(len(x)).uniform_(-12, 12, generator=generator)
    y[::3] = y[::3].round()
    got, want = fuse(Power("none"))(x, y), (x.double() ** y.double()).float()
    assert torch.equal(got.isnan(), want.isnan())
    torch.testing.assert_close(got, want, rtol=3e-7, atol=1e-45, equal_nan=True)


@pytest.mark.parametrize("flag", ["-mno-avx512f", "-march=x86-64"])
@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "log",
        "log1p",
        "tanh",
        "atan",
        "erf",
        "sinh",
        "cosh",
        "sin",
        "cos",
        "pow",
        "floor",
        "sqrt",
    ],
)
def test_processors_with_shorter_vectors(name, flag, monkeypatch):
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, flag))
    build.load.cache_clear()  # of this process: it knows the code of this processor by its source
    test_powers_of_tensors(0) if name == "pow" else test_function(name)
    build.load.cache_clear()


@pytest.mark.parametrize("name", ["maximum", "minimum", "add", "mul", "div"])
def test_nan_and_infinity_come_through(name):
    values = torch.tensor([0.0, -0.0, 1.0, -2.0, torch.inf, -torch.inf, torch.nan])
    a, b = (t.flatten().repeat(4000) for t in torch.meshgrid(values, values, indexing="ij"))
    function = getattr(torch, name)

    class Pair(LossBase):
        def units(self, input: Tensor, target: Tensor) -> Tensor:
            return function(input, target)

    got = fuse(Pair()).reduced(a, b, reduction="none")
    torch.testing.assert_close(got, function(a, b), rtol=0, atol=0, equal_nan=True)


def test_a_gradient_that_is_the_same_all_along_reaches_every_place():
    class Matched(LossBase):
        takes = "real N D, real N D -> D"

        def units(self, input: Tensor, target: Tensor) -> Tensor:
            return (2 * input - target).sum(0).square()

    x = torch.randn(1000, 300, requires_grad=True)
    y = torch.randn(1000, 300)
    (plain,) = torch.autograd.grad(Matched().units(x, y).mean(), x)
    (fused,) = torch.autograd.grad(fuse(Matched())(x, y), x)
    torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-6)


def test_what_other_gradients_need_is_read_before_it_is_overwritten():
    class Product(LossBase):
        takes = "real N D, real N D -> N"

        def units(self, input: Tensor, target: Tensor) -> Tensor:
            return (input.square() * (target - target.mean(1, keepdim=True))).sum(1)

    x = torch.randn(1000, 300, requires_grad=True)
    y = torch.randn(1000, 300, requires_grad=True)
    plain = torch.autograd.grad(Product().units(x, y).mean(), (x, y))
    donated = torch.autograd.grad(fuse(Product(), donate_input=True)(x * 1, y), (x, y))
    for a, b in zip(donated, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
