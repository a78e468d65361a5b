"""Statistics of paired cross-validated differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import numpy as np
from scipy import stats

LEVEL = 0.05  # of significance
ROUNDING = 1e-12  # relative: a spread below it is that of rounding


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Posterior:
    """How probable it is that a difference is below, within or above what counts as the same."""

    below: float
    same: float
    above: float


def interval(values: Sequence[float], folds: int) -> Interval:
    """Return the mean of cross-validated values and its corrected resampled t interval.

    Training sets of different folds overlap, so the variance of the mean is larger than 1/n of
    the variance: Nadeau and Bengio, *Inference for the Generalization Error*, Machine Learning
    2003, add the ratio of test to training samples, here ``1 / (folds - 1)``. One fold is a fixed
    test split, where only weights and orders vary: nothing is added.
    """
    mean, scale = fmean(values), _scale(values, folds)
    half = float(stats.t.ppf(0.975, len(values) - 1)) * scale if scale else 0.0
    return Interval(mean, mean - half, mean + half)


def posterior(differences: Sequence[float], folds: int, same: float) -> Posterior:
    """Return the Bayesian correlated t-test with a region of practical equivalence.

    Corani and Benavoli, *A Bayesian approach for comparing cross-validated algorithms on multiple
    data sets*, Machine Learning 2015, eq. 7, with the correlation 1 / folds.

    Args:
        differences: one per cell.
        folds: the number of folds.
        same: differences up to this count as the same.
    """
    mean, scale = fmean(differences), _scale(differences, folds)
    if scale == 0:
        return Posterior(float(mean < -same), float(abs(mean) <= same), float(mean > same))
    below, upto = (
        float(stats.t.cdf(edge, len(differences) - 1, mean, scale)) for edge in (-same, same)
    )
    return Posterior(below, upto - below, 1 - upto)


def p_value(differences: Sequence[float], folds: int) -> float:
    """Return how probable a mean at least as far from zero is if there is no difference.

    The two-sided corrected resampled t-test of :func:`interval`; for a fixed test split, where
    ``folds`` is 1, and for differences that are all equal, as those of few samples may be, the
    sign-flip permutation test, which assumes no distribution.
    """
    mean, scale = fmean(differences), _scale(differences, folds)
    if folds == 1 or scale == 0:  # without a spread there is no t, and signs are all there is
        return sign_flip(differences)
    return float(2 * stats.t.sf(abs(mean) / scale, len(differences) - 1))


def sign_flip(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of the mean under all flips of signs.

    Without a difference each sign is as likely as the other (Fisher, *The Design of Experiments*,
    1935). All flips of up to 20 differences, else 100,000 drawn ones and the one that was seen.
    """
    values = np.asarray(differences, np.float64)
    seen = abs(values.sum()) * (1 - 1e-12)  # rounding must not tell equal sums apart
    if len(values) > 20:
        signs = np.random.default_rng(0).choice((-1.0, 1.0), (100_000, len(values)))
        return float((1 + (np.abs(signs @ values) >= seen).sum()) / (1 + len(signs)))
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return float((np.abs(sums) >= seen).mean())


def seeds_to_tell(comparisons: int) -> int:
    """Return how many seeds of a fixed test split can show a difference at all.

    The least p-value of n sign flips is 2 / 2^n, which Holm multiplies by the comparisons.
    """
    return math.ceil(math.log2(2 * max(comparisons, 1) / LEVEL))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that keep their meaning although there are several.

    Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of
    Statistics 1979.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = least
    return adjusted


def _scale(values: Sequence[float], folds: int) -> float:
    if len(values) < 2:
        return 0.0
    spread = variance(values)
    if spread <= (ROUNDING * max(map(abs, values))) ** 2:
        return 0.0
    overlap = 1 / (folds - 1) if folds > 1 else 0.0
    return math.sqrt((1 / len(values) + overlap) * spread)
