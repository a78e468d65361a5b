"""Losses of labels -1 and 1."""

import math

import pytest
import torch

from lossary import hinge_loss, logistic_loss, squared_hinge_loss

SCORE = torch.tensor([0.5, 2.0, -1.0, 1.0])
SIGN = torch.tensor([1, 1, 1, -1])


def test_by_hand() -> None:
    assert hinge_loss(SCORE, SIGN, reduction="none").tolist() == [0.5, 0, 2, 2]
    assert squared_hinge_loss(SCORE, SIGN, reduction="none").tolist() == [0.25, 0, 4, 4]
    assert hinge_loss(SCORE, SIGN, margin=3.0, reduction="none").tolist() == [2.5, 1, 4, 4]


@pytest.mark.parametrize("loss", [hinge_loss, squared_hinge_loss, logistic_loss])
def test_labels_of_another_coding_are_refused(loss) -> None:
    """Label 0 would cost a constant and teach nothing."""
    with pytest.raises(ValueError, match=r"target must hold labels -1 or 1, got 0 at \(1,\); of"):
        loss(torch.zeros(2), torch.tensor([1, 0]))


def test_logistic_bounds_the_zero_one_loss() -> None:
    f = torch.linspace(-5, 5, 101)
    units = logistic_loss(f, torch.ones(101), reduction="none") / math.log(2)
    assert (units >= (f <= 0).float() - 1e-6).all()  # equality at 0, but for the last digit
