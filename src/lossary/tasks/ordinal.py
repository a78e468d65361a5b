"""Ordinal regression: one of several classes in an order."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from sklearn.metrics import cohen_kappa_score
from torch import Tensor

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .kind import Details, Kind, MetricInfo, Way, flat, takes


def _off(answer: Tensor, y: Tensor) -> Tensor:
    return (answer - y).abs().double()


def _mae(answer: Tensor, y: Tensor) -> float:
    return float(_off(answer, y).mean())


def _macro_mae(answer: Tensor, y: Tensor) -> float:
    off = _off(answer, y)
    return float(torch.stack([off[y == k].mean() for k in y.unique()]).mean())


def _kappa(answer: Tensor, y: Tensor) -> float:
    if len(torch.cat([answer, y]).unique()) == 1:
        return 1.0  # else it is 0 / 0
    classes = range(int(max(answer.max(), y.max())) + 1)  # those between count as steps too
    return float(
        cohen_kappa_score(y.numpy(), answer.numpy(), labels=[*classes], weights="quadratic")
    )


def _accuracy(answer: Tensor, y: Tensor) -> float:
    return float((answer == y).double().mean())


def _within_one(answer: Tensor, y: Tensor) -> float:
    return float((_off(answer, y) <= 1).double().mean())


class Ordinal(Kind):
    """One class of an order per sample. Answers are classes of shape (N,)."""

    name = "ordinal"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "mae": MetricInfo("mean distance in classes", "MAE", "less", _mae),
        "macro_mae": MetricInfo(
            "mean distance, mean of the classes", "macro MAE", "less", _macro_mae
        ),
        "kappa": MetricInfo("quadratic weighted kappa", "QWK", "more", _kappa),
        "accuracy": MetricInfo("accuracy", "acc", "more", _accuracy),
        "within_one": MetricInfo("at most one class off", "within 1", "more", _within_one),
    }
    primary = "mae"
    curves = ("mae", "kappa")

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        taken, classes = takes(signature), len(table.classes)
        if spec is not None and spec.family == "segmentation":
            return None
        if len(taken) == 2 and "real N C" in taken[0] and "label N" in taken[1]:
            return self.default_way(table)
        if len(taken) == 2 and "real N K" in taken[0] and "count:K N" in taken[1]:
            conditional = spec is not None and spec.name == "corn_loss"
            return Way(classes - 1, _conditional_steps if conditional else _steps)
        if spec is None or len(taken) != 3 or "real N" not in taken[0]:
            return None
        if "real K" in taken[1] and "count:K N" in taken[2]:
            told = {"num_thresholds": classes - 1}
            return Way(1, _thresholds, squeeze=flat, arguments=told)
        if "real C" in taken[1] and "label N" in taken[2]:
            return Way(1, _nearest, squeeze=flat, arguments={"num_classes": classes})
        return None

    def default_way(self, table: Table) -> Way:
        return Way(len(table.classes), _likeliest)

    def describe(self, table: Table) -> str:
        return f"{len(table.classes)} classes in an order"

    def details(self, answer: Tensor, y: Tensor) -> Details:
        classes = int(max(answer.max(), y.max())) + 1
        counts = torch.bincount(y * classes + answer, minlength=classes * classes)
        return {"confusion": counts.reshape(classes, classes).tolist()}


def _likeliest(output: Tensor, _loss: Any) -> Tensor:
    return output.argmax(1)


def _steps(output: Tensor, _loss: Any) -> Tensor:
    """Each output says whether the class is beyond one step: count those that say so."""
    return (output > 0).sum(1)


def _conditional_steps(output: Tensor, _loss: Any) -> Tensor:
    """Each output says so only of samples beyond the step before: their product counts."""
    return (output.double().sigmoid().cumprod(1) > 0.5).sum(1)


def _thresholds(output: Tensor, loss: Any) -> Tensor:
    _, thresholds, _ = loss.operands(output, output)
    beyond: Tensor = output[:, None] > thresholds.detach().to(output)  # they may be elsewhere
    return beyond.sum(1)


def _nearest(output: Tensor, loss: Any) -> Tensor:
    _, means, _ = loss.operands(output, output)
    distance: Tensor = output[:, None] - means.detach().to(output)
    return distance.abs().argmin(1)
