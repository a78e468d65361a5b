"""The one place that weighs and reduces."""

import pytest
import torch
from torch import nn

from lossary import L1Loss, Parts, l1_loss, parts, reduce

UNITS = torch.tensor([1.0, 2.0, 6.0])


def test_mean_is_weighted_mean() -> None:
    assert reduce(UNITS, torch.tensor([1.0, 1.0, 2.0])) == (1 + 2 + 12) / 4


def test_boolean_weight_is_a_mask() -> None:
    assert reduce(UNITS, torch.tensor([True, False, True])) == 3.5


def test_unit_of_zero_weight_may_be_nan() -> None:
    units = torch.tensor([1.0, torch.nan, torch.inf])
    weight = torch.tensor([2.0, 0.0, 0.0])
    assert reduce(units, weight) == 1
    assert reduce(units, weight, "none").tolist() == [2, 0, 0]


@pytest.mark.parametrize("units", [torch.zeros(0), UNITS])
def test_mean_of_nothing_is_zero(units: torch.Tensor) -> None:
    units = units.clone().requires_grad_()
    mean = reduce(units, torch.zeros_like(units))
    assert mean == 0
    assert (torch.autograd.grad(mean, units)[0] == 0).all()


def test_half_precision_sums_are_wide() -> None:
    """65504 is the largest float16: the sum overflows there, the mean does not."""
    units = torch.full((4,), 60000.0, dtype=torch.float16)
    assert reduce(units).item() == pytest.approx(60000, rel=1e-3)
    assert reduce(units).dtype == torch.float16


def test_parts_are_the_two_sums() -> None:
    weight = torch.tensor([1.0, 0.0, 0.5])
    assert reduce(UNITS, weight, "parts").tolist() == [4.0, 1.5]
    assert reduce(UNITS, None, "parts").tolist() == [9.0, 3.0]


def test_size_one_repeats() -> None:
    assert reduce(torch.ones(2, 3), torch.tensor([[0.0], [1.0]]), "sum") == 3


@pytest.mark.parametrize("shape", [(2,), (3, 1), (1, 3), ()])
def test_weight_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"weight must have the shape of this loss's units, \(3,\)"
    ):
        reduce(UNITS, torch.ones(shape))


def test_unknown_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reduction must be one of .*got 'avg'"):
        reduce(UNITS, reduction="avg")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match="reduction must be one of"):
        L1Loss(reduction="avg")  # type: ignore[arg-type]  # what is tested


def test_parts_of_micro_batches_are_exact_where_the_mean_of_means_is_not() -> None:
    x, y = torch.tensor([1.0, 4.0, 4.0, 0.0]), torch.tensor([2.0, 2.0, 4.0, 0.0])
    mask = torch.tensor([True, True, False, True])
    pieces = [slice(0, 1), slice(1, 4)]
    added = sum(parts(l1_loss, x[s], y[s], weight=mask[s]) for s in pieces)
    assert isinstance(added, Parts)
    assert added.mean() == l1_loss(x, y, weight=mask) == 1
    means = [l1_loss(x[s], y[s], weight=mask[s]) for s in pieces]
    y[0] = 5
    means = [l1_loss(x[s], y[s], weight=mask[s]) for s in pieces]
    assert sum(means) / 2 != l1_loss(x, y, weight=mask)


def test_parts_of_a_module() -> None:
    x, y = torch.zeros(3), torch.ones(3)
    pair = parts(L1Loss(reduction="none"), x, y)
    assert (pair.total, pair.weight, pair.mean()) == (3, 3, 1)


def test_parts_of_nothing_have_mean_zero() -> None:
    assert parts(l1_loss, torch.zeros(0), torch.zeros(0)).mean() == 0


def test_parts_of_a_strange_loss_are_refused() -> None:
    with pytest.raises(
        TypeError, match="parts needs a loss function of this library or a LossBase"
    ):
        parts(nn.MSELoss(), torch.zeros(3), torch.ones(3))
