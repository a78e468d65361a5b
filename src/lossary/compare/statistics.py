"""Statistics of paired cross-validated differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy import stats


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
    2003, add the ratio of test to training samples, here ``1 / (folds - 1)``.
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


def _scale(values: Sequence[float], folds: int) -> float:
    return math.sqrt((1 / len(values) + 1 / (folds - 1)) * variance(values))
