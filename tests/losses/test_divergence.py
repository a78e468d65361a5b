"""Entropy and Kullback-Leibler divergence where a probability is zero."""

import math

import pytest
import torch

from lossary import cross_entropy, entropy, kl_divergence

INF = torch.inf


def test_cross_entropy_is_entropy_plus_divergence() -> None:
    rng = torch.Generator().manual_seed(0)
    x, z = torch.randn(2, 4, 3, 2, generator=rng, dtype=torch.float64)
    q = z.softmax(1)
    torch.testing.assert_close(cross_entropy(x, q), entropy(z) + kl_divergence(x.log_softmax(1), q))


@pytest.mark.parametrize(
    ("logits", "want"),
    [
        ([0.0, 0.0, 0.0], math.log(3)),
        ([0.0, -INF, 0.0], math.log(2)),
        ([0.0, -INF, -INF], 0.0),
        ([1e4, 0.0, -1e4], 0.0),
        ([3e38, -3e38, 0.0], 0.0),
    ],
)
def test_entropy_of_sure_and_impossible_classes(logits: list[float], want: float) -> None:
    x = torch.tensor([logits], requires_grad=True)
    value = entropy(x)
    assert value.item() == pytest.approx(want)
    assert torch.autograd.grad(value, x)[0].isfinite().all()


def test_divergence_of_a_sure_target_and_its_gradients() -> None:
    """log 2, where q = (1, 0) and p = (1/2, 1/2); d/d log p = -q, d/dq = log q - log p + 1."""
    log_p = torch.tensor([[0.5, 0.5]]).log().requires_grad_()
    q = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = kl_divergence(log_p, q)
    assert loss.item() == pytest.approx(math.log(2))
    of_p, of_q = torch.autograd.grad(loss, [log_p, q])
    torch.testing.assert_close(of_p, torch.tensor([[-1.0, 0.0]]))
    torch.testing.assert_close(of_q, torch.tensor([[math.log(2) + 1, 0.0]]))


def test_what_the_prediction_holds_impossible_costs_infinitely() -> None:
    assert kl_divergence(torch.tensor([[0.0, -INF]]), torch.tensor([[0.5, 0.5]])) == INF


def test_a_unit_is_a_distribution() -> None:
    log_p, q = torch.zeros(2, 4, 5).log_softmax(1), torch.full((2, 4, 5), 0.25)
    assert kl_divergence(log_p, q, reduction="none").shape == (2, 5)
    assert entropy(log_p, reduction="none").shape == (2, 5)
