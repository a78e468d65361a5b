"""Metrics and statistics against independent programs and worked examples."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.metrics import brier_score_loss, log_loss

from lossary.compare.statistics import interval, posterior
from lossary.tasks.metrics import classification, expected_calibration_error, log_probabilities

P = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]]).double()
P /= P.sum(1, keepdim=True)
Y = torch.tensor([0, 1, 2, 2])


def test_probability_scores_are_those_of_scikit_learn() -> None:
    found = classification(P.log(), Y)
    assert found["nll"] == pytest.approx(log_loss(Y, P))
    assert found["brier"] == pytest.approx(brier_score_loss(Y, P, scale_by_half=False))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)


def test_calibration_error_of_a_worked_example() -> None:
    """Two bins: confidences 0.4, 0.5 with one right of two; 0.6, 0.7 with both right."""
    found = expected_calibration_error(P, Y, bins=2)
    first, second = abs(0.9 - 1) / 4, abs(1.3 - 2) / 4
    assert found == pytest.approx(first + second)


def test_calibration_error_of_honest_confidence_is_zero() -> None:
    p = torch.tensor([[0.75, 0.25]] * 4, dtype=torch.float64)
    assert expected_calibration_error(p, torch.tensor([0, 0, 0, 1])) == pytest.approx(0)


def test_a_single_logit_is_a_softmax_over_two() -> None:
    logits = torch.tensor([2.0, -30.0])
    pairs = torch.stack([torch.zeros(2), logits], 1)
    want = log_probabilities(pairs, "label")
    assert torch.allclose(log_probabilities(logits, "sign"), want)


DIFFERENCES = [0.02, 0.01, -0.005, 0.03, 0.012]


def test_interval_is_that_of_nadeau_and_bengio() -> None:
    """Their standard error, written out for 5 folds, in SciPy's interval."""
    d = np.array(DIFFERENCES)
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * d.var(ddof=1))
    low, high = stats.t.interval(0.95, 4, d.mean(), error)
    found = interval(DIFFERENCES, folds=5)
    assert (found.mean, found.low, found.high) == pytest.approx((d.mean(), low, high))


def test_posterior_is_the_integral_of_the_density() -> None:
    d = np.array(DIFFERENCES)
    error = np.sqrt((1 / 5 + 0.2 / (1 - 0.2)) * d.var(ddof=1))

    def mass(low: float, high: float) -> float:
        density = stats.t(4, d.mean(), error).pdf
        return integrate.quad(density, low, high, limit=200)[0]

    found = posterior(DIFFERENCES, folds=5, same=0.01)
    assert found.same == pytest.approx(mass(-0.01, 0.01), abs=1e-6)
    assert found.above == pytest.approx(mass(0.01, np.inf), abs=1e-6)
    assert found.below + found.same + found.above == pytest.approx(1)


def test_equal_results_are_surely_the_same() -> None:
    found = posterior([0.0] * 4, folds=4, same=0.01)
    assert (found.below, found.same, found.above) == (0, 1, 0)
    assert posterior([0.5] * 4, folds=4, same=0.01).above == 1
