"""Penalties on the slope of a critic, against critics whose slope is known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lossary.losses.gan.dragan import dragan_penalty
from lossary.losses.gan.lipschitz_penalty import lipschitz_penalty
from lossary.losses.gan.r1_r2 import r1_penalty, r2_penalty
from lossary.losses.gan.relativistic_average import relativistic_average_discriminator_loss

RNG = torch.Generator().manual_seed(0)
REAL, FAKE = torch.randn(2, 5, 3, generator=RNG)
W = torch.tensor([2.0, -1.0, 2.0])  # of norm 3


@pytest.mark.parametrize("penalty", [r1_penalty, r2_penalty])
def test_a_linear_critic_has_the_same_slope_everywhere(penalty: Callable[..., Tensor]) -> None:
    """gamma / 2 * |w|^2, and of each sample by itself."""
    units = penalty(lambda x: x @ W, REAL, gamma=4.0, reduction="none")
    assert units.tolist() == pytest.approx([18.0] * 5)


def test_a_patch_critic_counts_with_all_its_scores() -> None:
    units = r1_penalty(lambda x: torch.stack([x @ W, x @ W], 1), REAL, gamma=2.0, reduction="none")
    assert units.tolist() == pytest.approx([36.0] * 5)


def test_the_noise_has_the_deviation_asked_for() -> None:
    """The slope of a sum of squares is 2x, so at x = 0 its square tells the noise."""
    size = 20000
    units = dragan_penalty(
        lambda x: x.square().sum(1),
        torch.zeros(size, 1),
        deviation=0.5,
        target_norm=0.0,
        generator=torch.Generator().manual_seed(0),
    )
    assert units.item() == pytest.approx(1.0, rel=0.05)


def test_flat_critics_pass_and_steep_ones_do_not() -> None:
    assert lipschitz_penalty(lambda x: x @ W / 6, REAL, FAKE) == 0
    assert lipschitz_penalty(lambda x: x @ W, REAL, FAKE) == pytest.approx(4.0)


@pytest.mark.parametrize("penalty", [r1_penalty, dragan_penalty])
def test_networks_that_change_their_state(penalty: Callable[..., Tensor]) -> None:
    """Spectral normalisation moves a buffer on every call, and the critic learns all the same."""
    critic = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 1))
    penalty(critic, REAL).backward()
    (weight,) = (p for name, p in critic.named_parameters() if "original" in name)
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_under_no_grad_and_without_touching_the_samples() -> None:
    with torch.no_grad():
        assert r1_penalty(lambda x: x @ W, REAL, gamma=2.0) == pytest.approx(9.0)
    assert not REAL.requires_grad


def test_masked_scores_are_in_no_average() -> None:
    real, fake = REAL[:, 0], FAKE[:, 0]
    keep = torch.tensor([True, True, False, True, False])
    torch.testing.assert_close(
        relativistic_average_discriminator_loss(real, fake, weight=keep),
        relativistic_average_discriminator_loss(real[keep], fake[keep]),
    )
