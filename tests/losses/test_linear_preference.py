"""Preference losses of hidden states, in more than one chunk of tokens."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
import torch

import lossary
from lossary.fuse import FusedFunction
from lossary.losses.preference.linear import linear_dpo_loss, linear_log_probability

N, T, S, D, C = 6, 90, 70, 32, 1000  # four chunks of tokens


@pytest.fixture
def made():
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randn(N, T, D, generator=generator, requires_grad=True)
    rejected = torch.randn(N, S, D, generator=generator, requires_grad=True)
    head = (torch.randn(C, D, generator=generator) / 4).requires_grad_()
    tokens = [torch.randint(C, (N, length), generator=generator) for length in (T, S)]
    tokens[0][:, :20] = tokens[1][:, :20] = -100  # the prompt
    tokens[1][2, 40:] = -100  # padding
    reference = list(-300 - 100 * torch.rand(2, N, generator=generator))
    return chosen, rejected, head, *tokens, *reference


def dense(hidden, head, tokens, bias=None):
    """The log-probabilities of tokens by torch, 0 for those left out."""
    log_p = torch.nn.functional.linear(hidden, head, bias).log_softmax(2)
    keep = tokens != -100
    picked = log_p.gather(2, tokens.masked_fill(~keep, 0).unsqueeze(2)).squeeze(2)
    return torch.where(keep, picked, 0.0)


def close(found, wanted, tolerance=2e-5):
    for a, b in zip(found, wanted, strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


def test_log_probabilities_are_those_of_the_logits(made):
    chosen, _, head, tokens, *_ = made
    bias = torch.randn(C, generator=torch.Generator().manual_seed(1), requires_grad=True)
    given = (chosen, head, bias)
    each = dense(chosen, head, tokens, bias)
    wanted = {"none": each, "sum": each.sum(1), "mean": each.sum(1) / (tokens != -100).sum(1)}
    for reduction, want in wanted.items():
        found = linear_log_probability(chosen, head, tokens, linear_bias=bias, reduction=reduction)
        close([found], [want])
        incoming = torch.randn(want.shape, generator=torch.Generator().manual_seed(2))
        close(
            torch.autograd.grad(found, given, incoming),
            torch.autograd.grad(want, given, incoming, retain_graph=True),
        )


def test_weights_of_tokens(made):
    chosen, _, head, tokens, *_ = made
    weight = torch.rand(N, T, generator=torch.Generator().manual_seed(1))
    weight[:, ::3] = 0
    each = dense(chosen, head, tokens) * weight
    found = linear_log_probability(chosen, head, tokens, weight=weight)
    close([found], [each.sum(1)])
    mean = linear_log_probability(chosen, head, tokens, weight=weight, reduction="mean")
    close([mean], [each.sum(1) / (weight * (tokens != -100)).sum(1)])
    nothing = linear_log_probability(chosen, head, tokens, weight=weight > 2, reduction="mean")
    assert (nothing == 0).all()


def test_sums_of_half_precision_are_in_single_precision(made):
    chosen, _, head, tokens, *_ = (t.detach() for t in made)
    low = chosen.bfloat16()
    found = linear_log_probability(low, head, tokens)
    assert found.dtype == torch.float32
    exact = dense(low.double(), head.bfloat16().double(), tokens).sum(1)
    assert ((found - exact).abs() < 0.3).all()  # of -550, where bfloat16 goes in steps of 4


def test_wrong_calls_are_named(made):
    chosen, rejected, head, tokens, others, *reference = made
    with pytest.raises(ValueError, match="linear_log_probability: tokens must hold class indices"):
        linear_log_probability(chosen, head, tokens + C)
    wrong = others.clone()
    wrong[1, 30] = C
    with pytest.raises(ValueError, match=r"rejected_tokens must hold class indices.*at \(1, 30\)"):
        linear_dpo_loss(chosen, rejected, head, tokens, wrong, *reference)
    with pytest.raises(ValueError, match="reduction must be none, sum or mean over tokens"):
        linear_log_probability(chosen, head, tokens, reduction="parts")
    with pytest.raises(ValueError, match=r"softcap must lie in \(0, inf\)"):
        linear_log_probability(chosen, head, tokens, softcap=0.0)


def test_a_loss_is_that_of_the_log_probabilities(made):
    chosen, rejected, head, tokens, others, *reference = made
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.0, 1.0])
    pair = dense(chosen, head, tokens).sum(1), dense(rejected, head, others).sum(1)
    wanted = lossary.dpo_loss(*pair, *reference, weight=weight)
    found = linear_dpo_loss(*made, weight=weight)
    close([found], [wanted])
    given = (chosen, rejected, head)
    close(torch.autograd.grad(found, given), torch.autograd.grad(wanted, given))


def test_pairs_and_tokens_that_do_not_take_part_cost_nothing(made, monkeypatch):
    rows = []
    into_gradient = FusedFunction.into_gradient

    def counting(self, logits, *rest, **options):
        rows.append(len(logits))
        return into_gradient(self, logits, *rest, **options)

    monkeypatch.setattr(FusedFunction, "into_gradient", counting)
    weight = torch.tensor([True, False, True, True, False, True])
    linear_dpo_loss(*made, weight=weight).backward()
    assert sum(rows) == 4 * (T - 20) + 4 * (S - 20) - 30


# Every large tensor is given back as soon as it is freed: what is measured is what was in use.
ENV = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
PROGRAM = """
import sys, torch, lossary
from pathlib import Path
from lossary.bench.worker import _memory
from lossary.losses.preference.linear import linear_dpo_loss
pairs, length, d, c = 4, 512, 64, 32000
w = torch.randn(c, d, requires_grad=True)
def loss(chosen, rejected, tokens):
    reference = torch.zeros(2, len(chosen)) - length
    if sys.argv[1] == "ours":
        return linear_dpo_loss(chosen, rejected, w, tokens, tokens, *reference)
    sums = [(h @ w.T).log_softmax(2).gather(2, tokens[:, :, None]).sum((1, 2))
            for h in (chosen, rejected)]
    return lossary.dpo_loss(*sums, *reference)
def step(pairs):
    hidden = [torch.randn(pairs, length, d, requires_grad=True) for _ in range(2)]
    tokens = torch.randint(c, (pairs, length))
    torch.autograd.grad(loss(*hidden, tokens), (*hidden, w))
step(1)
Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the one pair
before = _memory("VmRSS")
step(pairs)
print(int(_memory("VmHWM") - before))
"""


def test_it_takes_a_fraction_of_the_memory():
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", PROGRAM, which], text=True, env=ENV))
        for which in ("plain", "ours")
    ]
    assert peaks[0] > 500 * 2**20  # the log-probabilities of all tokens of all classes
    assert peaks[1] < 0.15 * peaks[0]


def test_references_in_single_precision_stay_so(made):
    """They are sums over hundreds of tokens, of which half precision keeps two digits."""
    chosen, rejected, head, *tokens = (t.detach() for t in made[:5])
    low = chosen.bfloat16(), rejected.bfloat16()
    pairs = zip(low, tokens, strict=True)
    reference = [linear_log_probability(hidden, head, y) for hidden, y in pairs]
    found = linear_dpo_loss(*low, head, *tokens, *reference, beta=0.5, reduction="none")
    assert ((found - math.log(2)).abs() < 4e-3).all()  # the policy is its own reference
