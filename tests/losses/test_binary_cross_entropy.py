"""Cross-entropy of yes-or-no labels: the ends of the range, and the factor of the positives."""

import pytest
import torch
import torch.nn.functional as F

from lossary import (
    BCEWithLogitsLoss,
    balanced_binary_cross_entropy,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
)


def test_a_nan_prediction_shows_in_its_own_unit() -> None:
    """torch's own kernel raises a RuntimeError for the whole batch."""
    p = torch.tensor([torch.nan, 0.5], requires_grad=True)
    units = binary_cross_entropy(p, torch.tensor([1, 1]), reduction="none")
    assert units.isnan().tolist() == [True, False]
    assert units[1].item() == pytest.approx(0.693147)
    assert torch.autograd.grad(units[1], p)[0].tolist() == [0, -2]


@pytest.mark.parametrize("wrong", [-0.5, 1.5])
def test_what_is_no_probability_is_named_besides_a_nan_too(wrong: float) -> None:
    """torch's kernel refuses both alike, and says where neither is."""
    y = torch.ones(3)
    for p in (torch.tensor([0.5, 0.5, wrong]), torch.tensor([torch.nan, 0.5, wrong])):
        with pytest.raises(ValueError, match=rf"input must hold probabilities .* {wrong} at \(2,"):
            binary_cross_entropy(p, y)
        assert binary_cross_entropy(p, y, weight=torch.tensor([0, 1, 0])).item() > 0


def test_both_ends_cost_100_or_nothing() -> None:
    p = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    units = binary_cross_entropy(p, torch.tensor([1, 0, 0, 1]), reduction="none")
    assert units.tolist() == [100, 100, 0, 0]
    assert torch.autograd.grad(units.sum(), p)[0].abs().max() <= 1e12


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_pos_weight_of_each_class(reduction: str) -> None:
    """One factor per class, in the last dimension, as torch has it."""
    x, y = torch.tensor([[2.0, -1.0], [0.5, 3.0]]), torch.tensor([[1.0, 0.0], [0.3, 1.0]])
    w = torch.tensor([0.5, 4.0])
    torch.testing.assert_close(
        BCEWithLogitsLoss(pos_weight=w, reduction=reduction)(x, y),
        F.binary_cross_entropy_with_logits(x, y, pos_weight=w, reduction=reduction),
    )


def test_pos_weight_that_is_no_tensor_or_would_enlarge_the_input() -> None:
    x = torch.zeros(3)
    with pytest.raises(TypeError, match=r"pos_weight must be a tensor, got float; use torch\.ten"):
        binary_cross_entropy_with_logits(x, x, pos_weight=3.0)
    with pytest.raises(ValueError, match=r"pos_weight must broadcast .* \(3,\), got \(2, 3\)"):
        binary_cross_entropy_with_logits(x, x, pos_weight=torch.ones(2, 3))


def test_balanced_mean_divides_by_the_number_of_units() -> None:
    """At logit 0 every log is -log 2: (0.9 + 0.1 + 0.1) log 2 / 3 = 0.254154."""
    x, y = torch.zeros(3), torch.tensor([1, 0, 0])
    assert balanced_binary_cross_entropy(x, y, alpha=0.9).item() == pytest.approx(0.254154, 1e-5)
