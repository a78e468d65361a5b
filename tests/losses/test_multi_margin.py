"""Hinge losses of several classes."""

import pytest
import torch
import torch.nn.functional as F

from lossary import crammer_singer_loss, multi_margin_loss

X = torch.tensor([[0.5, 1.0, 0.0], [2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
Y = torch.tensor([0, 0, 2])
WEIGHT = torch.tensor([1.0, 2.0, 4.0])


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_equals_torch(p: int, reduction: str) -> None:
    torch.testing.assert_close(
        multi_margin_loss(X, Y, p=p, margin=0.5, reduction=reduction),
        F.multi_margin_loss(X, Y, p=p, margin=0.5, reduction=reduction),
    )


def test_class_weights_divide_by_their_sum() -> None:
    """Units (1.5 + 0.5) / 3, 0 and 2 / 3; (1 * 2/3 + 1 * 0 + 4 * 2/3) / 6. torch divides by 3."""
    assert multi_margin_loss(X, Y, class_weight=WEIGHT).item() == pytest.approx(10 / 3 / 6)
    theirs = F.multi_margin_loss(X, Y, weight=WEIGHT)
    assert theirs.item() == pytest.approx(10 / 3 / 3)
    for reduction in ("none", "sum"):
        torch.testing.assert_close(
            multi_margin_loss(X, Y, class_weight=WEIGHT, reduction=reduction),
            F.multi_margin_loss(X, Y, weight=WEIGHT, reduction=reduction),
        )


def test_only_the_strongest_rival_costs_with_crammer_and_singer() -> None:
    """1 + 1 - 0.5, max(0, 1 + 0 - 2), 1 + 0 - 0."""
    assert crammer_singer_loss(X, Y, reduction="none").tolist() == [1.5, 0, 1]


@pytest.mark.parametrize(("loss", "want"), [(multi_margin_loss, 2 / 3), (crammer_singer_loss, 1.0)])
def test_the_margin_survives_large_scores(loss, want: float) -> None:
    """torch adds the margin to a score first, which rounds it away: 0, and nothing to learn."""
    tied, y = torch.full((1, 3), 1e8), torch.tensor([0])
    assert F.multi_margin_loss(tied, y) == 0
    assert loss(tied, y).item() == pytest.approx(want)


def test_second_gradient_of_a_power_below_two() -> None:
    """Classes that cost nothing have no curvature, though x ** -0.5 has a pole at 0.

    By hand: (z ** 1.5)'' / 3 = 0.75 / sqrt(1.5) / 3 = 0.204124 at z = 1.5, 0 for the third class.
    """
    hessian = torch.func.hessian(lambda x: multi_margin_loss(x[None], torch.tensor([0]), p=1.5))(
        torch.tensor([0.5, 1.0, -3.0])
    )
    want = 0.204124 * torch.tensor([[1.0, -1, 0], [-1, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(hessian, want, rtol=1e-4, atol=0)
