"""Regression: one number per sample, or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sklearn.metrics import (
    mean_absolute_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from torch import Tensor

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .kind import Details, Kind, MetricInfo, Score, Way, elementwise, flat, takes

FAMILIES = ("regression", "robust", "quantile")  # others take two numbers, but not a prediction


def _of(score: Callable[..., float]) -> Score:
    return lambda answer, y: float(score(y.double().numpy(), answer.double().numpy()))


class Regression(Kind):
    """Targets of shape (N,) or (N, D). Answers are predictions of that shape, in its unit."""

    name = "regression"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "rmse": MetricInfo("RMSE", "RMSE", "less", _of(root_mean_squared_error), relative=True),
        "mae": MetricInfo("MAE", "MAE", "less", _of(mean_absolute_error), relative=True),
        "median_error": MetricInfo(
            "median absolute error", "MedAE", "less", _of(median_absolute_error), relative=True
        ),
        "r2": MetricInfo("R2", "R2", "more", _of(r2_score)),
    }
    primary = "rmse"
    curves = ("rmse", "mae")
    stratified = False
    scaled = True

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        if spec is not None and spec.family not in FAMILIES:
            return None
        return self.default_way(table) if elementwise(takes(signature), "real") else None

    def default_way(self, table: Table) -> Way:
        several = table.y.ndim == 2
        outputs = table.y.shape[1] if several else 1
        return Way(outputs, _predictions, squeeze=None if several else flat)

    def describe(self, table: Table) -> str:
        return (
            f"{table.y.shape[1]} numbers to predict" if table.y.ndim == 2 else "number to predict"
        )

    def details(self, answer: Tensor, y: Tensor) -> Details:
        if y.ndim == 1:
            return {}
        error = (answer.double() - y.double()).square().mean(0).sqrt()
        return {"rmse_of_each": error.tolist()}


def _predictions(output: Tensor, _loss: Any) -> Tensor:
    return output
