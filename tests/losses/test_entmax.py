"""Losses whose probabilities can be exactly zero."""

from functools import partial

import pytest
import torch

import lossary


@pytest.mark.parametrize(
    ("loss", "alpha"),
    [
        *((partial(lossary.entmax_loss, alpha=alpha), alpha) for alpha in (1.1, 1.5, 1.9, 2.0)),
        (lossary.entmax15_loss, 1.5),
        (lossary.sparsemax_loss, 2.0),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_is_exact_where_a_class_is_about_to_enter(loss, alpha, dtype):
    def entmax(z):  # by halving, in double precision
        z = (alpha - 1) * z.double()
        low, high = z.max() - 1, z.max()
        for _ in range(100):
            middle = (low + high) / 2
            enough = (z - middle).clamp(min=0).pow(1 / (alpha - 1)).sum() >= 1
            low, high = (middle, high) if enough else (low, middle)
        return (z - low).clamp(min=0).pow(1 / (alpha - 1)), low / (alpha - 1)

    torch.manual_seed(0)
    for off in (0.0, 1e-9, 1e-7, 1e-5, -1e-8):
        z = torch.randn(5)
        z[4] = -100.0
        z[4] = entmax(z)[1] + off
        x = z.to(dtype).unsqueeze(0).requires_grad_()
        loss(x, torch.tensor([0])).backward()
        wanted = entmax(x.detach()[0])[0]
        wanted[0] -= 1
        torch.testing.assert_close(x.grad[0].double(), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("loss", [lossary.sparsemax_loss, partial(lossary.entmax_loss, alpha=2.0)])
def test_a_margin_of_exactly_one_is_done(loss):
    x = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    value = loss(x, torch.tensor([0]))
    value.backward()
    assert value == 0
    assert x.grad.tolist() == [[0.0, 0.0, 0.0]]
