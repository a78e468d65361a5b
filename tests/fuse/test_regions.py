"""Losses that add up over the pixels of each sample: passes, and what torch computes between."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import lossary
from lossary import fuse, signature
from lossary.fuse import build, fused
from lossary.reduction import reduce


@pytest.fixture(autouse=True)
def small_tensors_too(monkeypatch):
    monkeypatch.setattr(fused, "MINIMUM", 1)
    monkeypatch.setattr(fused, "MINIMUM_PER_THREAD", 1 << 12)


def images(n: int = 3, c: int = 4, shape: tuple[int, ...] = (37, 29)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, c, *shape, generator=generator, requires_grad=True)
    return x, torch.randint(c, (n, *shape), generator=generator)


def agree(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6 * other.abs().max().item())


def compare(loss: fused.FusedFunction, x: Tensor, *others: Tensor, **options: object) -> None:
    got, want = loss(x, *others, **options), loss.loss(x, *others, **options)
    assert loss.reasons == ()
    agree(got, want)
    seed = torch.rand(want.shape, generator=torch.Generator().manual_seed(1))
    slopes = [torch.autograd.grad(value, x, seed)[0] for value in (got, want)]
    agree(*slopes)


@pytest.mark.parametrize("shape", [(5,), (37, 29), (7, 5, 3), (1, 1), (64, 80)])
def test_images_of_any_size_and_number_of_dimensions(shape):
    loss = fuse(lossary.dice_loss)
    for n in (1, 2, 5):
        compare(loss, *images(n, shape=shape))


def test_a_new_size_compiles_nothing(monkeypatch):
    loss = fuse(lossary.dice_loss)
    compare(loss, *images())
    compiled = []
    monkeypatch.setattr(build, "load", lambda text: compiled.append(text))
    compare(loss, *images(6, shape=(11, 90)))
    assert compiled == []


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "parts"])
def test_weights_masks_and_reductions(reduction):
    x, y = images()
    mask = torch.rand(3, 37, 29, generator=torch.Generator().manual_seed(2)) > 0.4
    mask[1] = False  # a sample without pixels
    for options in ({}, {"mask": mask}, {"weight": torch.tensor([2.0, 0.0, 0.5])}):
        compare(fuse(lossary.dice_loss), x, y, reduction=reduction, **options)
        compare(fuse(lossary.dice_cross_entropy_loss), x, y, reduction=reduction, **options)


def test_settings_and_class_weights():
    x, y = images()
    weight = torch.tensor([1.0, 0.0, 3.0, 0.5])
    for options in ({"squared": True}, {"skip_absent": True}, {"class_weight": weight}):
        compare(fuse(lossary.dice_loss), x, y.clamp(max=2), **options)


def test_one_region(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 41, 33, generator=generator, requires_grad=True)
    y = torch.rand(3, 41, 33, generator=generator).round()
    for name in ("sigmoid_dice_loss", "sigmoid_tversky_loss", "dice_binary_cross_entropy_loss"):
        compare(fuse(getattr(lossary, name)), x, y)


def test_half_precision():
    x, y = images()
    half = x.detach().bfloat16().requires_grad_()
    got, want = fuse(lossary.dice_loss)(half, y), lossary.dice_loss(half, y)
    assert got.dtype == torch.bfloat16
    slopes = [torch.autograd.grad(value, half)[0].float() for value in (got, want)]
    assert (slopes[0] - slopes[1]).abs().max() <= 1e-2 * slopes[1].abs().max()


def test_long_sums_stay_exact():
    """Single precision would lose the small differences that the loss is made of."""
    x = torch.full((1, 1 << 22), 12.0, requires_grad=True)
    x.data[0, 0] = -12.0
    y = torch.ones(1, 1 << 22)
    want = lossary.sigmoid_dice_loss(x.double(), y.double(), smooth=0.0)
    got = fuse(lossary.sigmoid_dice_loss)(x, y, smooth=0.0)
    assert abs(got.item() / want.item() - 1) < 1e-5


def test_a_wrong_label_is_named_and_nothing_is_read_beyond():
    x, y = images()
    y[2, 3, 4] = 4
    with pytest.raises(ValueError, match="target must hold class indices from 0 to 3, got 4"):
        fuse(lossary.dice_loss)(x, y)


def test_a_donated_input_becomes_its_gradient():
    x, y = images()
    want = torch.autograd.grad(lossary.dice_loss(x, y), x)[0]
    given = x * 1
    value = fuse(lossary.dice_loss, donate_input=True)(given, y)
    (slope,) = torch.autograd.grad(value, x)
    agree(slope, want)
    agree(given.detach(), want)


def test_second_derivatives_and_no_gradient():
    x, y = images(1, 3, (4, 3))
    loss = fuse(lossary.dice_loss)
    (slope,) = torch.autograd.grad(loss(x, y), x, create_graph=True)
    (other,) = torch.autograd.grad(lossary.dice_loss(x, y), x, create_graph=True)
    seed = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    agree(*(torch.autograd.grad(s, x, seed)[0] for s in (slope, other)))
    with torch.no_grad():
        assert not loss(x, y).requires_grad


@signature("real N *, real N * -> N")
def share_of_pixels(input: Tensor, target: Tensor, *, weight=None, reduction="mean") -> Tensor:
    """A loss of a user's, whose formula contains the number of pixels."""
    apart = (input - target).flatten(1).square()
    return reduce(apart.mean(1) / (1 + apart.sum(1) / apart.shape[1]), weight, reduction)


def test_the_number_of_pixels_in_a_formula_is_that_of_the_call():
    loss = fuse(share_of_pixels)
    for shape in ((3, 50), (2, 7, 11), (4, 6, 5)):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
        compare(loss, x, torch.zeros(shape))


@signature("real N *, real N * -> N")
def steps_along_rows(input: Tensor, target: Tensor, *, weight=None, reduction="mean") -> Tensor:
    """Compares neighbours: no sum over pixels that stand for themselves."""
    step = (input - target).diff(dim=-1)
    return reduce(step.square().flatten(1).sum(1), weight, reduction)


def test_what_compares_pixels_runs_as_it_is():
    loss = fuse(steps_along_rows)
    x = torch.randn(2, 8, 9, requires_grad=True)
    assert loss(x, torch.zeros(2, 8, 9)) == steps_along_rows(x, torch.zeros(2, 8, 9))
    assert loss.reasons


def test_what_torch_computes_between_passes_is_computed_once():
    x, _ = images(c=1)
    loss = fuse(lossary.sigmoid_dice_loss)
    compare(loss, x, (x.detach() > 0).float())
    (program,) = loss._dispatcher._programs.values()
    steps = [step for phase in program.plan.steps for step in phase]
    assert len({repr((s.target, s.args, s.options)) for s in steps}) == len(steps) > 0
    assert len(program.plan.sums[0]) == 2  # of the loss, and not again of its sum
    assert program.plan.fixed
    changing = {*program.plan.arrays, *program.plan.sizes, *(s.made for s in steps)}
    assert not changing & set(program.plan.fixed)
