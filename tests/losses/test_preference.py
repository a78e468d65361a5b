"""Preferences and policies: where others are not finite, and what the weights say."""

import math

import pytest
import torch
from torch import Tensor

from lossary.losses.preference.discopop import discopop_loss
from lossary.losses.preference.dpo import dpo_loss, robust_dpo_loss
from lossary.losses.preference.f_dpo import alpha_divergence_dpo_loss
from lossary.losses.preference.grpo import grpo_loss
from lossary.losses.preference.kl_penalty import k3_kl_penalty
from lossary.losses.preference.orpo import orpo_loss
from lossary.losses.preference.ppo import ppo_clip_loss
from lossary.losses.preference.unlikelihood import unlikelihood_loss

RNG = torch.Generator().manual_seed(0)
ZERO = torch.zeros(1)


@pytest.mark.parametrize("log_p", [-1e-3, -1e-8, -1e-20, 0.0])
def test_odds_of_a_sure_policy_are_finite(log_p: float) -> None:
    """log1p(-exp(x)) is nan or -inf from -1e-8 on in single precision."""
    for sure in (0, 1):
        pair = [torch.tensor([-1.0]), torch.tensor([-1.0])]
        pair[sure] = torch.tensor([log_p], requires_grad=True)
        loss = orpo_loss(*pair)
        (slope,) = torch.autograd.grad(loss, pair[sure])
        assert loss.isfinite()
        assert slope.isfinite()


def test_odds_keep_their_digits() -> None:
    """log((1 - p) / p) at p = 1 - 1e-10, which single precision cannot tell from 1."""
    sure = torch.tensor([-1e-10])
    lead = -(math.log(-math.expm1(-1.0)) + 1 + 10 * math.log(10))  # of even odds to the sure ones
    want = 0.5 * math.log1p(math.exp(-lead)) + 1.0
    got = orpo_loss(torch.tensor([-1.0]), sure, coefficient=0.5)
    assert got.item() == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("gap", [-1e4, -1e3, 1e3, 1e4])
def test_discovered_loss_is_finite_at_any_gap(gap: float) -> None:
    """exp(-rho) * sigmoid(rho / tau) is inf * 0; the loss is -rho there, and 0 at the other end."""
    chosen = torch.tensor([gap], requires_grad=True)
    loss = discopop_loss(chosen, ZERO, ZERO, ZERO, beta=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(max(-gap, 0.0))
    assert chosen.grad is not None
    assert chosen.grad.item() == pytest.approx(-1.0 if gap < 0 else 0.0)


def test_robust_loss_undoes_flipped_labels() -> None:
    """Its mean over flipped and true labels is the loss of true labels (Chowdhury et al. 2024)."""
    pair = torch.randn(4, 6, generator=RNG, dtype=torch.float64).unbind()
    flipped = (pair[1], pair[0], pair[3], pair[2])
    mixed = 0.8 * robust_dpo_loss(*pair, label_smoothing=0.2)
    mixed += 0.2 * robust_dpo_loss(*flipped, label_smoothing=0.2)
    torch.testing.assert_close(mixed, dpo_loss(*pair))


def test_a_small_alpha_is_the_reverse_divergence() -> None:
    pair = torch.randn(4, 6, generator=RNG, dtype=torch.float64).unbind()
    near = alpha_divergence_dpo_loss(*pair, alpha=1e-9)
    torch.testing.assert_close(near, dpo_loss(*pair), rtol=1e-7, atol=0)


def test_k3_is_the_divergence_on_average() -> None:
    """Summed over all actions with their probabilities it is the sum of p log(p / q)."""
    log_p, log_q = torch.randn(2, 9, generator=RNG, dtype=torch.float64).log_softmax(1)
    got = k3_kl_penalty(log_p, log_q, weight=log_p.exp(), reduction="sum")
    torch.testing.assert_close(got, (log_p.exp() * (log_p - log_q)).sum())


def _batch() -> tuple[tuple[Tensor, ...], Tensor]:
    """Three responses of 2, 5 and 0 tokens."""
    new, old, reference = -torch.rand(3, 3, 5, generator=RNG, dtype=torch.float64)
    advantage = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64).unsqueeze(1).expand_as(new)
    lengths = torch.tensor([2, 5, 0])
    return (new, old, reference, advantage), torch.arange(5) < lengths.unsqueeze(1)


def test_weights_say_the_divisor() -> None:
    """The three means of the docstring, each as its paper sums it."""
    tensors, mask = _batch()
    tokens = grpo_loss(*tensors, reduction="none")
    rows = [tokens[0, :2], tokens[1, :5]]
    torch.testing.assert_close(grpo_loss(*tensors, weight=mask), torch.cat(rows).mean())
    share = mask / mask.sum(1, keepdim=True).clamp(min=1)
    torch.testing.assert_close(
        grpo_loss(*tensors, weight=share), torch.stack([r.mean() for r in rows]).mean()
    )
    constant = grpo_loss(*tensors, weight=mask, reduction="sum") / (2 * 8)
    torch.testing.assert_close(constant, torch.cat(rows).sum() / 16)


def test_without_divergence_it_is_the_clipped_loss() -> None:
    (new, old, reference, advantage), mask = _batch()
    torch.testing.assert_close(
        grpo_loss(new, old, reference, advantage, weight=mask, beta=0.0),
        ppo_clip_loss(new, old, advantage, weight=mask),
    )


def test_a_clipped_action_gets_no_gradient() -> None:
    """Far enough in the right direction, up with A > 0 and down with A < 0; others do."""
    moves = torch.tensor([0.5, -0.5, 0.5, -0.5], requires_grad=True)
    advantage = torch.tensor([1.0, -1.0, -1.0, 1.0])
    ppo_clip_loss(moves, torch.zeros(4), advantage, reduction="sum").backward()
    assert moves.grad is not None
    assert moves.grad.tolist() == pytest.approx([0.0, 0.0, math.exp(0.5), -math.exp(-0.5)])


def test_the_second_clip_bounds_bad_actions() -> None:
    gone = ppo_clip_loss(torch.tensor([5.0]), ZERO, torch.tensor([-2.0]), dual_clip=3.0)
    assert gone == 6.0


def test_unlikelihood_of_a_sure_class_is_its_lead() -> None:
    logits = torch.tensor([[1e4, 0.0, 0.0]], requires_grad=True)
    loss = unlikelihood_loss(logits, torch.tensor([0]))
    loss.backward()
    assert loss.item() == pytest.approx(1e4 - math.log(2))
    assert logits.grad is not None
    assert logits.grad.tolist() == [pytest.approx([1.0, -0.5, -0.5])]
