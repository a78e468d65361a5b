"""Losses of samples among all others, in more than one chunk of rows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import lossary
from lossary.kernels import pairs
from lossary.losses.metric.siglip import SigLIPLoss, siglip_loss

N, D = 23, 5
LOSSES = {
    "supervised_contrastive_loss": lossary.supervised_contrastive_loss,
    "multi_similarity_loss": lossary.multi_similarity_loss,
    "circle_loss": lossary.circle_loss,
    "batch_hard_triplet_loss": lossary.batch_hard_triplet_loss,
    "lifted_structure_loss": lossary.lifted_structure_loss,
    "siglip_loss": siglip_loss,
}


@pytest.fixture
def made():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=generator, dtype=torch.float64, requires_grad=True)
    partners = torch.randn(N, D, generator=generator, dtype=torch.float64)
    weight = torch.rand(N, generator=generator) * (torch.rand(N, generator=generator) > 0.3)
    return x, torch.randint(4, (N,), generator=generator), partners, weight


def both_ways(monkeypatch, compute):
    """Return what ``compute`` gives in chunks of two rows, and all at once."""
    monkeypatch.setattr(pairs, "AT_ONCE", 2 * N)
    chunked = compute()
    monkeypatch.setattr(pairs, "AT_ONCE", 1 << 20)
    return chunked, compute()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "parts"])
def test_chunks_give_what_all_rows_give(name, reduction, made, monkeypatch):
    x, classes, partners, weight = made
    target = partners if name == "siglip_loss" else classes

    def compute():
        found = []
        for w in (None, weight):
            value = LOSSES[name](x, target, weight=w, reduction=reduction)
            incoming = torch.linspace(1, 2, value.numel()).reshape(value.shape).double()
            found += [value, *torch.autograd.grad(value, x, incoming)]
        return found

    for got, want in zip(*both_ways(monkeypatch, compute), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_chunks_can_be_differentiated_twice(name, made, monkeypatch):
    x, classes, partners, _ = made
    target = partners if name == "siglip_loss" else classes

    def compute():
        value = LOSSES[name](x, target)
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        return first, *torch.autograd.grad(first.square().sum(), x)

    for got, want in zip(*both_ways(monkeypatch, compute), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-11)


def test_temperature_and_bias_are_learned_in_chunks(made, monkeypatch):
    x, classes, partners, _ = made

    def compute():
        found = []
        for name in ("info_nce_loss", "clip_loss", "supervised_contrastive_loss", "siglip_loss"):
            learned = [torch.tensor(0.5, dtype=torch.float64, requires_grad=True)]
            hyper = {"temperature": learned[0]}
            if name == "siglip_loss":
                hyper["bias"] = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
                learned.append(hyper["bias"])
            loss = LOSSES.get(name) or getattr(lossary, name)
            target = classes if name.startswith("sup") else partners

            def value(*given, loss=loss, target=target, names=tuple(hyper)):
                return loss(x.detach(), target, **dict(zip(names, given, strict=True)))

            found += torch.autograd.grad(value(*learned), learned)
            step = 1e-6
            for i, p in enumerate(learned):
                up, down = ([q + s * step if q is p else q for q in learned] for s in (1, -1))
                slope = (value(*up) - value(*down)) / (2 * step)
                torch.testing.assert_close(found[i - len(learned)], slope, rtol=1e-6, atol=1e-8)
        return found

    for got, want in zip(*both_ways(monkeypatch, compute), strict=True):
        torch.testing.assert_close(got, want)


def test_what_the_module_is_given_to_learn_is_a_parameter():
    temperature, bias = (torch.nn.Parameter(torch.tensor(v)) for v in (0.1, -10.0))
    loss = SigLIPLoss(temperature=temperature, bias=bias)
    loss(torch.randn(4, 3), torch.randn(4, 3)).backward()
    assert list(loss.state_dict()) == ["temperature", "bias"]
    assert temperature.grad is not None
    assert bias.grad is not None


def test_distances_of_points_that_nearly_agree_are_exact():
    x = 1000 + torch.tensor([[0.0, 0.0], [3.0, 4.0]]) / 1024
    x.requires_grad_()
    found = pairs.distances(x, x)
    assert found.tolist() == [[0, 5 / 1024], [5 / 1024, 0]]
    (gradient,) = torch.autograd.grad(found[0, 1], x)
    torch.testing.assert_close(gradient, torch.tensor([[-0.6, -0.8], [0.6, 0.8]]))
    assert not torch.autograd.grad(pairs.distances(x, x).diagonal().sum(), x)[0].any()


def test_derivatives_of_distances():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    y = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pairs.distances, (x, y))
    assert torch.autograd.gradgradcheck(pairs.distances, (x, y))
    # where one is made from the other, each path is counted once
    assert torch.autograd.gradgradcheck(lambda x: pairs.distances(x[:2].sin(), x), (x,))


PROGRAM = """
import sys, torch, lossary
from pathlib import Path
from lossary.bench.worker import _memory
from lossary.losses.metric.siglip import siglip_loss
from lossary.losses.metric.multiple_negatives import multiple_negatives_ranking_loss as ranking
n, d, name = 8192, 64, sys.argv[1]
x = torch.nn.functional.normalize(torch.randn(n, d)).requires_grad_()
y = torch.randn(n, d, requires_grad=True)
classes = torch.arange(n) % 1000
def loss(x, y, classes):
    if name == "ranking":
        return ranking(x, y, y.unsqueeze(1) * 0.5)
    if name == "siglip_loss":
        return siglip_loss(x, y)
    other = y if name in ("info_nce_loss", "clip_loss") else classes
    return getattr(lossary, name)(x, other)
rows = slice(1024)  # enough for what is loaded once: the compiler of fused losses
torch.autograd.grad(loss(x[rows], y[rows], classes[rows]), x)
Path("/proc/self/clear_refs").write_text("5")  # forget the peak of these rows
before = _memory("VmRSS")
torch.autograd.grad(loss(x, y, classes), x)
print(int(_memory("VmHWM") - before))
"""


@pytest.mark.parametrize("name", LOSSES)
def test_it_takes_less_than_a_matrix_of_pairs(name):
    # what is freed goes back at once, so that the peak is of what was held
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    program = [sys.executable, "-c", PROGRAM, name]
    peak = int(subprocess.check_output(program, text=True, env=environment))
    assert peak < 0.3 * 4 * 8192**2  # of which the definition holds several


@pytest.mark.parametrize("name", ["info_nce_loss", "clip_loss", "ranking"])
def test_losses_by_linear_cross_entropy_take_less_too(name):
    peak = int(subprocess.check_output([sys.executable, "-c", PROGRAM, name], text=True))
    assert peak < 0.25 * 4 * 8192**2
