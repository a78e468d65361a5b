"""Gradients by hand are those of the definitions, and where only the definition serves it does."""

import pytest
import torch
from torch import Tensor

import lossary
from lossary.kernels.by_hand import MANY

RNG = torch.Generator().manual_seed(0)
FEW_ROWS, MANY_ROWS = 4, MANY // 8 + 1


def tensors(name: str, rows: int) -> tuple[Tensor, Tensor]:
    """Make an input of float64, to which the second derivatives of both ways agree."""
    x = torch.randn(rows, 8, generator=RNG, dtype=torch.float64)
    match name:
        case "kl_divergence":
            q = torch.rand(rows, 8, generator=RNG).double()
            q[:, 0] = 0
            return x.log_softmax(1), q / q.sum(1, keepdim=True)
        case "logistic_loss":
            return 30 * x, torch.randn(rows, 8, generator=RNG).sign().double()
        case "multi_margin_loss":
            return x, torch.randint(8, (rows,), generator=RNG)
    return x, torch.randint(5, (rows, 8), generator=RNG).double()


def by_definition(name: str, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    units = getattr(lossary, name)(x, y, reduction="none")
    return units.mean() if reduction == "mean" else units.sum()


NAMES = ["kl_divergence", "logistic_loss", "multi_margin_loss", "poisson_nll_loss"]
every_loss = pytest.mark.parametrize("name", NAMES)
every_size = pytest.mark.parametrize("rows", [FEW_ROWS, MANY_ROWS])
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum"])


@every_loss
@every_size
@every_reduction
def test_value_and_both_derivatives_are_those_of_the_definition(
    name: str, rows: int, reduction: str
) -> None:
    x, y = tensors(name, rows)
    x.requires_grad_()
    found = []
    for value in (
        getattr(lossary, name)(x, y, reduction=reduction),
        by_definition(name, x, y, reduction),
    ):
        (plain,) = torch.autograd.grad(value, x, retain_graph=True)
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        found.append([value, plain, first])
        if first.requires_grad:
            found[-1] += torch.autograd.grad(first.square().sum(), x)
    torch.testing.assert_close(*found)


@every_loss
@every_size
def test_many_gradients_at_once(name: str, rows: int) -> None:
    x, y = tensors(name, rows)
    value = getattr(lossary, name)(x.requires_grad_(), y)
    factors = torch.tensor([1.0, -2.0], dtype=torch.float64)
    (both,) = torch.autograd.grad(value, x, factors, is_grads_batched=True, retain_graph=True)
    (one,) = torch.autograd.grad(value, x)
    torch.testing.assert_close(both, torch.stack([one, -2 * one]))


@every_size
@pytest.mark.parametrize(
    ("name", "wild"),
    [
        ("kl_divergence", -torch.inf),  # meets a probability of 0
        ("kl_divergence", torch.nan),
        ("logistic_loss", 1e4),
        ("logistic_loss", torch.nan),
        ("multi_margin_loss", -torch.inf),
        ("multi_margin_loss", torch.nan),  # torch's kernel takes it for nothing
        ("poisson_nll_loss", 1e4),
        ("poisson_nll_loss", torch.nan),
    ],
)
def test_wild_numbers_cost_what_the_definition_says(name: str, wild: float, rows: int) -> None:
    x, y = tensors(name, rows)
    x[1, 0] = wild
    x.requires_grad_()
    value, units = getattr(lossary, name)(x, y), by_definition(name, x, y, "mean")
    torch.testing.assert_close(value, units, equal_nan=True)
    torch.testing.assert_close(
        torch.autograd.grad(value, x), torch.autograd.grad(units, x), equal_nan=True
    )


@every_loss
def test_a_tensor_that_was_written_over_is_noticed(name: str) -> None:
    x, y = tensors(name, MANY_ROWS)
    value = getattr(lossary, name)(x.requires_grad_(), y)
    y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()
