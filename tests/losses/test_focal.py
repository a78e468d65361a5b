"""Focal losses: what they become at gamma 0, and what their factors do."""

import pytest
import torch
import torch.nn.functional as F

from lossary import cross_entropy, focal_loss, sigmoid_focal_loss

RNG = torch.Generator().manual_seed(0)
X, Y = torch.randn(6, 3, generator=RNG), torch.tensor([0, 1, 2, 0, -100, 1])
WEIGHT = torch.tensor([0.5, 2.0, 1.0])


def test_gamma_0_is_cross_entropy() -> None:
    torch.testing.assert_close(
        focal_loss(X, Y, gamma=0.0, class_weight=WEIGHT), cross_entropy(X, Y, class_weight=WEIGHT)
    )
    torch.testing.assert_close(
        sigmoid_focal_loss(X, X.sigmoid(), gamma=0.0, alpha=None),
        F.binary_cross_entropy_with_logits(X, X.sigmoid()),
    )


def test_two_classes_are_the_sigmoid() -> None:
    """softmax of (x, 0) is (sigmoid(x), sigmoid(-x))."""
    x, y = X[:, 0], torch.tensor([0, 1, 1, 0, 1, 0])
    torch.testing.assert_close(
        focal_loss(torch.stack([torch.zeros_like(x), x], 1), y, gamma=0.7),
        sigmoid_focal_loss(x, y, gamma=0.7, alpha=None),
    )


def test_alpha_belongs_to_the_positive_label() -> None:
    """At logit 0: alpha_t (1/2)^2 log 2, alpha_t = 0.9 for label 1 and 0.1 for label 0."""
    units = sigmoid_focal_loss(
        torch.zeros(2), torch.tensor([1, 0]), alpha=0.9, gamma=2.0, reduction="none"
    )
    torch.testing.assert_close(units, torch.tensor([0.155958, 0.017329]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_soft_target_mixes_the_two_labels(gamma: float) -> None:
    x, one = X[:, 0], torch.ones(6)
    torch.testing.assert_close(
        sigmoid_focal_loss(x, 0.3 * one, gamma=gamma),
        0.3 * sigmoid_focal_loss(x, one, gamma=gamma)
        + 0.7 * sigmoid_focal_loss(x, 0 * one, gamma=gamma),
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_an_impossible_class_is_as_if_it_were_not_there(gamma: float) -> None:
    x = torch.tensor([[0.0, -torch.inf, 1.0]], requires_grad=True)
    loss = focal_loss(x, torch.tensor([0]), gamma=gamma)
    want = focal_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([0]), gamma=gamma)
    torch.testing.assert_close(loss.detach(), want)
    slope = torch.autograd.grad(loss, x)[0]
    assert slope.isfinite().all()
    assert slope[0, 1] == 0


def test_digits_where_the_answer_is_nearly_sure() -> None:
    """1 - p as such is 0 in single precision from logit 17 on; exp(-17) = 4.139938e-8 is not."""
    soft = focal_loss(torch.tensor([[0.0, -17.0]]), torch.tensor([1]), gamma=1.0)
    assert soft.item() == pytest.approx(17.0, rel=1e-6)
    sure = sigmoid_focal_loss(torch.tensor([17.0]), torch.tensor([1]), gamma=1.0, alpha=None)
    assert sure.item() == pytest.approx(4.139938e-8**2, rel=1e-5)
