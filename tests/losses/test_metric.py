"""Embeddings that nearly agree, or that nearly vanish."""

from __future__ import annotations

import pytest
import torch
from torch import tensor

import lossary


def test_the_boundary_is_compared_with_exact_distances() -> None:
    """Two samples a hundredth of a degree apart, of which products leave no digits."""
    step = 2.0**-13
    x = tensor([[1.0, 0.0], [1.0, step], [1.0, 0.0]])
    units = lossary.margin_loss(x, tensor([0.0]), tensor([0, 0, 0]), margin=0.0, reduction="none")
    torch.testing.assert_close(units, step * tensor([0.5, 1.0, 0.5]))


def test_equal_embeddings_are_nowhere_near_a_boundary() -> None:
    x = torch.full((3, 4), 0.3, requires_grad=True)
    value = lossary.margin_loss(x, tensor([0.1]), tensor([0, 0, 0]), margin=0.2)
    torch.testing.assert_close(value, tensor(0.1))
    assert not torch.autograd.grad(value, x)[0].any()


@pytest.mark.parametrize("factor", [1e-30, 1e-15, 1.0, 1e15, 1e30])
def test_angles_do_not_depend_on_lengths(factor: float) -> None:
    """Of 45 degrees, whatever the squares of the lengths under- or overflow to."""
    x, y = tensor([[1.0, 1.0]]) * factor, tensor([[2.0, 0.0]]) * factor
    x.requires_grad_()
    for value in (
        lossary.cosine_distance_loss(x, y),
        lossary.cosine_embedding_loss(x, y, tensor([1])),
    ):
        torch.testing.assert_close(value, tensor(1 - 0.5**0.5))
        (gradient,) = torch.autograd.grad(value, x)
        want = 0.5**0.5 / 2 * tensor([[-1.0, 1.0]])
        torch.testing.assert_close(gradient * factor, want)
