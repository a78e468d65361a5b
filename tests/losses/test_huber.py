"""Both Huber losses at and beyond their threshold."""

import pytest
import torch

from lossary import huber_loss, l1_loss, mse_loss, smooth_l1_loss

ERROR = torch.tensor([-3.0, -0.5, 0.0, 0.5, 2.0])
ZERO = torch.zeros(5)


def slopes(loss, error: torch.Tensor, **hyper: float) -> list[float]:
    x = error.clone().requires_grad_()
    units = loss(x, torch.zeros_like(x), **hyper, reduction="none")
    return torch.autograd.grad(units.sum(), x)[0].tolist()


def test_slopes_by_hand() -> None:
    """The error held at delta; divided by it for smooth L1."""
    assert slopes(huber_loss, ERROR, delta=2.0) == [-2, -0.5, 0, 0.5, 2]
    assert slopes(smooth_l1_loss, ERROR, beta=2.0) == [-1, -0.25, 0, 0.25, 1]


def test_huber_is_its_threshold_times_smooth_l1() -> None:
    torch.testing.assert_close(
        huber_loss(ERROR, ZERO, delta=0.7), 0.7 * smooth_l1_loss(ERROR, ZERO, beta=0.7)
    )


def test_limits() -> None:
    """beta 0 is the absolute error; a threshold beyond all errors half the squared error."""
    torch.testing.assert_close(smooth_l1_loss(ERROR, ZERO, beta=0.0), l1_loss(ERROR, ZERO))
    torch.testing.assert_close(huber_loss(ERROR, ZERO, delta=9.0), mse_loss(ERROR, ZERO) / 2)


@pytest.mark.parametrize("loss", [huber_loss, smooth_l1_loss])
def test_an_error_whose_square_overflows(loss) -> None:
    huge = torch.tensor([3e38])
    assert loss(huge, torch.zeros(1)).item() == pytest.approx(3e38)
    assert slopes(loss, huge) == [1]
