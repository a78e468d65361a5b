"""LightGBM: an objective and a metric from a loss, for ``lightgbm.train`` and the estimators."""

from __future__ import annotations

from typing import Any

from .objective import Objective


class LightGBMObjective(Objective):
    """An objective of LightGBM from a loss; see :class:`Objective` for the arguments.

    ``params["objective"] = objective`` for ``lightgbm.train``, ``objective=objective`` for the
    estimators; :meth:`metric` is its ``feval`` or ``eval_metric``. LightGBM gives raw scores of
    shape (N,), or (N, C) where ``num_class`` is above 1.
    """

    def __call__(self, first: Any, second: Any, weight: Any = None) -> tuple[Any, Any]:
        """Return gradient and second derivative of ``(preds, Dataset)`` or ``(y, preds)``."""
        return self.derivatives(*_arguments(first, second, weight))

    def metric(self, first: Any, second: Any, weight: Any = None) -> tuple[str, float, bool]:
        """Return name and mean of the loss, and that less is better."""
        return self.name, self.value(*_arguments(first, second, weight)), False


def _arguments(first: Any, second: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return raw scores, target and weights, as one of the two interfaces gave them."""
    if hasattr(second, "get_label"):
        return first, second.get_label(), second.get_weight()
    return second, first, weight
