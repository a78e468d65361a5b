"""Factors inside the loss against weights of the mean."""

import pytest
import torch

from lossary import balanced_cross_entropy, cross_entropy

X = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
Y = torch.tensor([0, 1, 1])
ALPHA = torch.tensor([0.25, 0.75])


def test_the_mean_divides_by_the_number_of_units() -> None:
    """(0.25 * 0.126928 + 0.75 * 0.313262 + 0.75 * 0.693147) / 3 = 0.262180."""
    assert balanced_cross_entropy(X, Y, alpha=ALPHA).item() == pytest.approx(0.262180, abs=1e-6)


def test_a_common_factor_counts_here_and_cancels_in_class_weights() -> None:
    assert balanced_cross_entropy(X, Y, alpha=2 * ALPHA) == pytest.approx(
        2 * balanced_cross_entropy(X, Y, alpha=ALPHA).item()
    )
    assert cross_entropy(X, Y, class_weight=2 * ALPHA) == pytest.approx(
        cross_entropy(X, Y, class_weight=ALPHA).item()
    )


def test_ignored_units_do_not_count() -> None:
    ignored = torch.tensor([0, 1, -100])
    torch.testing.assert_close(
        balanced_cross_entropy(X, ignored, alpha=ALPHA),
        balanced_cross_entropy(X[:2], Y[:2], alpha=ALPHA),
    )


def test_alpha_must_be_one_factor_per_class() -> None:
    with pytest.raises(TypeError, match="alpha must be a tensor, got float"):
        balanced_cross_entropy(X, Y, alpha=0.25)
    with pytest.raises(ValueError, match=r"alpha must have shape \(C\) = \(2,\), got \(3,\)"):
        balanced_cross_entropy(X, Y, alpha=torch.ones(3))
