"""Calibration: whether probabilities mean what they say."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 15


def expected_calibration_error(p: Tensor, y: Tensor, bins: int = BINS) -> float:
    """Return how far confidence and accuracy are apart, over bins of equal width.

    The confidence of an answer is the probability of the class that was answered. Guo et al., *On
    Calibration of Modern Neural Networks*, ICML 2017, eq. 3.

    Args:
        p: probabilities of shape (N, C).
        y: classes of shape (N,).
        bins: their number.
    """
    count, confidence, right = _binned(p, y, bins)
    return float((confidence - right).abs().sum() / count.sum())


def reliability(p: Tensor, y: Tensor, bins: int = BINS) -> list[list[float]]:
    """Return of each bin: how many answers, the sum of their confidences, how many are right."""
    return torch.stack(_binned(p, y, bins), 1).tolist()


def temperature(log_p: Tensor, y: Tensor) -> float:
    """Return the temperature that makes log-probabilities of samples most likely.

    Guo et al., section 4.2, by ternary search: the likelihood has one maximum in 1 / T. Where no
    answer is wrong that would be at 0, so labels are taken to be wrong once in N + 2 samples, as
    Platt does: *Probabilistic Outputs for Support Vector Machines*, 1999, section 2.2.

    Args:
        log_p: log-probabilities of shape (N, C).
        y: classes of shape (N,).
    """
    low, high = -3.0, 3.0  # of the logarithm: 0.05 to 20
    for _ in range(40):
        third = (high - low) / 3
        if _nll(log_p, y, low + third) < _nll(log_p, y, high - third):
            high -= third
        else:
            low += third
    return float(torch.tensor((low + high) / 2).exp())


def scaled(log_p: Tensor, y: Tensor) -> Tensor:
    """Return log-probabilities at the temperature of the other half of the samples.

    So no sample has a say in its own temperature.
    """
    found = log_p.clone()
    even = torch.arange(len(y)) % 2 == 0
    for half in (even, ~even):
        if bool(half.any()) and bool((~half).any()):
            found[half] = (log_p[half] / temperature(log_p[~half], y[~half])).log_softmax(1)
    return found


def _nll(log_p: Tensor, y: Tensor, log_temperature: float) -> float:
    log_q = (log_p * torch.tensor(-log_temperature).exp()).log_softmax(1)
    right = log_q.gather(1, y[:, None])[:, 0]
    others = (log_q.sum(1) - right) / max(log_q.shape[1] - 1, 1)
    wrong = 1 / (len(y) + 2)
    return float(-((1 - wrong) * right + wrong * others).mean())


def _binned(p: Tensor, y: Tensor, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    confidence, answer = p.double().max(1)
    bin_of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    zero = torch.zeros(bins, dtype=torch.float64)
    count = zero.index_add(0, bin_of, torch.ones_like(confidence))
    right = zero.index_add(0, bin_of, (answer == y).double())
    return count, zero.index_add(0, bin_of, confidence), right
