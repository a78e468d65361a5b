"""CatBoost: an objective and a metric from a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .objective import Objective


class CatBoostObjective(Objective):
    """An objective of CatBoost from a loss; see :class:`Objective` for the arguments.

    ``loss_function=objective, eval_metric=objective.metric``; for several classes
    ``classes_count`` too. CatBoost asks for several classes one sample at a time, which is slow,
    and wants the derivatives of what is to become larger.
    """

    @property
    def metric(self) -> CatBoostMetric:
        """Return the mean of the loss as a metric, which CatBoost cannot do without."""
        return CatBoostMetric(self)

    def calc_ders_range(
        self, approxes: Sequence[float], targets: Sequence[float], weights: Sequence[float] | None
    ) -> list[tuple[float, float]]:
        """Return the derivatives of some samples with one score each."""
        gradient, curvature = self.derivatives(approxes, targets, weights)
        return list(zip((-gradient).tolist(), (-curvature).tolist(), strict=True))

    def calc_ders_multi(
        self, approxes: Sequence[float], target: float, weight: float
    ) -> tuple[list[float], list[list[float]]]:
        """Return the derivatives of one sample with a score for each class."""
        gradient, matrix = self.matrices([approxes], [target], [weight])
        return (-gradient[0]).tolist(), (-matrix[0]).tolist()


class CatBoostMetric:
    """The mean of a loss over raw scores, as CatBoost asks for it.

    Args:
        objective: what knows the loss.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def is_max_optimal(self) -> bool:
        """Return False: less is better."""
        return False

    def evaluate(
        self, approxes: Sequence[Any], target: Any, weight: Any | None
    ) -> tuple[float, float]:
        """Return the sum of the weighted losses and the sum of the weights."""
        raw = approxes[0] if len(approxes) == 1 else np.stack([*approxes], 1)
        total = float(len(target) if weight is None else np.sum(weight))
        return self.objective.value(raw, target, weight) * total, total

    def get_final_error(self, error: float, weight: float) -> float:
        """Return the mean."""
        return error / weight if weight else 0.0
