"""Zero-one loss: ties and what is no number."""

import torch

from lossary import ZeroOneLoss, zero_one_loss

NAN, INF = torch.nan, torch.inf


def test_ties_go_to_the_lowest_class_and_nan_is_wrong() -> None:
    x = torch.tensor([[1.0, 1, 0], [0, 1, 1], [-INF, -INF, -INF], [NAN, 1, 0], [INF, 0, INF]])
    y = torch.tensor([0, 2, 0, 1, 0])
    assert zero_one_loss(x, y, reduction="none").tolist() == [0, 1, 0, 1, 0]


def test_mean_is_one_minus_the_accuracy_of_what_counts() -> None:
    x = torch.eye(4)
    y = torch.tensor([0, 1, 0, -100])
    torch.testing.assert_close(ZeroOneLoss()(x, y), torch.tensor(1 / 3))


def test_carries_no_gradient() -> None:
    assert not zero_one_loss(torch.eye(2, requires_grad=True), torch.tensor([0, 0])).requires_grad
