"""The gradient penalty, against critics whose slope is known."""

import pytest
import torch
from torch import Tensor, nn

from lossary import gradient_penalty

RNG = torch.Generator().manual_seed(0)
REAL, FAKE = torch.randn(2, 5, 3, generator=RNG)


def test_a_linear_critic_has_the_same_slope_everywhere() -> None:
    """(|w| - 1)^2 with w = (2, -1, 2): 4."""
    w = torch.tensor([2.0, -1.0, 2.0])
    units = gradient_penalty(lambda x: x @ w, REAL, FAKE, reduction="none")
    assert units.tolist() == pytest.approx([4.0] * 5)


def test_samples_may_be_numbers() -> None:
    """A slope of 3 everywhere: (3 - 1)^2."""
    units = gradient_penalty(lambda x: 3 * x, REAL[:, 0], FAKE[:, 0], reduction="none")
    assert units.tolist() == pytest.approx([4.0] * 5)


def test_the_norm_is_of_each_sample() -> None:
    """One norm over the batch, as some libraries have it, would give (sqrt(5) * 3 - 1)^2."""
    w = torch.tensor([2.0, -1.0, 2.0])
    assert gradient_penalty(lambda x: x @ w, REAL, FAKE) == pytest.approx(4.0)


def test_the_point_lies_between_the_samples() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().sum(1)

    gradient_penalty(critic, REAL, FAKE)
    t = (seen[0] - REAL) / (FAKE - REAL)
    assert torch.allclose(t, t[:, :1].expand_as(t), atol=1e-4)
    assert ((t > 0) & (t < 1)).all()


def test_the_critic_learns_from_it() -> None:
    critic = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    steps = torch.optim.SGD(critic.parameters(), lr=0.1)
    before = gradient_penalty(critic, REAL, FAKE).item()
    for _ in range(50):
        steps.zero_grad()
        gradient_penalty(critic, REAL, FAKE).backward()
        steps.step()
    assert gradient_penalty(critic, REAL, FAKE).item() < before / 2


def test_a_flat_critic_has_a_finite_penalty() -> None:
    flat = nn.Linear(3, 1)
    nn.init.zeros_(flat.weight)
    loss = gradient_penalty(flat, REAL, FAKE)
    loss.backward()
    assert loss == 1
    assert flat.weight.grad is not None
    assert flat.weight.grad.isfinite().all()


def test_under_no_grad() -> None:
    with torch.no_grad():
        assert gradient_penalty(lambda x: x.sum(1), REAL, FAKE, target_norm=0.0) == pytest.approx(3)
