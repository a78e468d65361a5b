"""Exponential loss on both sides of its clip."""

import math

import pytest
import torch

from lossary import exponential_loss

ONE = torch.ones(1)


@pytest.mark.parametrize(
    ("behind", "value", "slope"),
    [
        (-200.0, 0.0, 0.0),
        (0.0, 1.0, 1.0),
        (2.0, math.exp(2), math.exp(2)),
        (64.0, math.exp(64), math.exp(64)),
        (66.0, 3 * math.exp(64), math.exp(64)),
        (1e4, (1 + 1e4 - 64) * math.exp(64), math.exp(64)),
    ],
)
def test_follows_its_tangent_beyond_the_clip(behind: float, value: float, slope: float) -> None:
    f = torch.tensor([-behind], requires_grad=True)
    loss = exponential_loss(f, ONE)
    assert loss.item() == pytest.approx(value, rel=1e-5)
    assert torch.autograd.grad(loss, f)[0].item() == pytest.approx(-slope, rel=1e-5)


def test_a_larger_clip_is_the_plain_exponential_to_the_end_of_single_precision() -> None:
    loss = exponential_loss(torch.tensor([-88.0]), ONE, clip=88.0)
    assert loss.item() == pytest.approx(math.exp(88), rel=1e-5)
