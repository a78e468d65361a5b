"""XGBoost: an objective and a metric from a loss, for ``xgboost.train`` and the estimators."""

from __future__ import annotations

from typing import Any

from .objective import Objective


class XGBoostObjective(Objective):
    """An objective of XGBoost from a loss; see :class:`Objective` for the arguments.

    ``obj=objective`` for ``xgboost.train``, ``objective=objective`` for the estimators;
    :meth:`metric` is its ``custom_metric`` or ``eval_metric``. Raw scores and targets have shape
    (N,) or (N, C).
    """

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Return gradient and second derivative of ``(preds, DMatrix)`` or ``(y, preds)``."""
        return self.derivatives(*_arguments(first, second, sample_weight))

    @property
    def metric(self) -> Metric:
        """Return the mean of the loss as a metric of either interface."""
        return Metric(self)


class Metric:
    """The mean of a loss: name and value of ``(preds, DMatrix)``, value of ``(y, preds)``."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.__name__ = objective.name  # the estimators of XGBoost call a metric by it

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> Any:
        """Return what the interface that calls expects."""
        found = self.objective.value(*_arguments(first, second, sample_weight))
        return (self.__name__, found) if hasattr(second, "get_label") else found


def _arguments(first: Any, second: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return raw scores, target and weights, as one of the two interfaces gave them."""
    if hasattr(second, "get_label"):
        weight = second.get_weight()
        return first, second.get_label(), weight if weight.size else None
    return second, first, weight
