"""Metrics: what a network is worth on samples held out, whatever loss it was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    r2_score,
    recall_score,
    root_mean_squared_error,
)
from torch import Tensor

from ..data.tables import Table, Task
from .choice import Coding

ECE_BINS = 15


@dataclass(frozen=True)
class MetricInfo:
    """A metric for tables and pictures.

    Attributes:
        title: its name for people.
        short: the same, for narrow columns.
        better: whether more or less is better.
        same: a difference that means nothing in practice, absolute or, for numbers in the unit of
            the target, relative to the baseline.
    """

    title: str
    short: str
    better: Literal["more", "less"]
    same: float


METRICS: dict[Task, dict[str, MetricInfo]] = {
    "classification": {
        "balanced_accuracy": MetricInfo("balanced accuracy", "bal.acc", "more", 0.01),
        "accuracy": MetricInfo("accuracy", "acc", "more", 0.01),
        "macro_f1": MetricInfo("macro F1", "F1", "more", 0.01),
        "nll": MetricInfo("NLL", "NLL", "less", 0.01),
        "brier": MetricInfo("Brier", "Brier", "less", 0.01),
        "ece": MetricInfo("ECE", "ECE", "less", 0.01),
    },
    "regression": {
        "rmse": MetricInfo("RMSE", "RMSE", "less", 0.01),
        "mae": MetricInfo("MAE", "MAE", "less", 0.01),
        "r2": MetricInfo("R2", "R2", "more", 0.01),
    },
}
PRIMARY: dict[Task, str] = {"classification": "balanced_accuracy", "regression": "rmse"}


def log_probabilities(output: Tensor, coding: Coding) -> Tensor:
    """Return log-probabilities (N, C) of logits (N, C), or of one logit (N,) for two classes."""
    output = output.double()
    if coding == "label":
        return output.log_softmax(1)
    return torch.nn.functional.logsigmoid(torch.stack([-output, output], 1))


def classification(log_p: Tensor, y: Tensor) -> dict[str, float]:
    """Return the metrics of log-probabilities (N, C) against classes (N,)."""
    p, labels, answers = log_p.exp(), y.numpy(), log_p.argmax(1).numpy()
    truth = torch.nn.functional.one_hot(y, p.shape[1])
    return {
        "balanced_accuracy": float(balanced_accuracy_score(labels, answers)),
        "accuracy": float(accuracy_score(labels, answers)),
        "macro_f1": float(f1_score(labels, answers, average="macro", zero_division=0)),
        "nll": float(-log_p.gather(1, y[:, None]).mean()),
        "brier": float((p - truth).square().sum(1).mean()),
        "ece": expected_calibration_error(p, y),
    }


def recalls(log_p: Tensor, y: Tensor) -> list[float]:
    """Return the recall of every class."""
    found = recall_score(
        y.numpy(),
        log_p.argmax(1).numpy(),
        labels=np.arange(log_p.shape[1]),
        average=None,
        zero_division=0,
    )
    return [float(value) for value in found]


def expected_calibration_error(p: Tensor, y: Tensor, bins: int = ECE_BINS) -> float:
    """Return how far confidence and accuracy are apart, over bins of equal width.

    The confidence of an answer is the probability of the class that was answered. Guo et al., *On
    Calibration of Modern Neural Networks*, ICML 2017, eq. 3.
    """
    confidence, answer = p.max(1)
    right = (answer == y).double()
    bin_of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64).index_add(0, bin_of, confidence.double() - right)
    return float(gap.abs().sum() / len(y))


def regression(prediction: Tensor, y: Tensor) -> dict[str, float]:
    """Return the metrics of predictions (N,) against numbers (N,), in the unit of the target."""
    return {
        "rmse": float(root_mean_squared_error(y.numpy(), prediction.numpy())),
        "mae": float(mean_absolute_error(y.numpy(), prediction.numpy())),
        "r2": float(r2_score(y.numpy(), prediction.numpy())),
    }


def measure(table: Table, output: Tensor, y: Tensor, coding: Coding) -> dict[str, float]:
    """Return the metrics that the task has."""
    if table.task == "regression":
        return regression(output.double(), y.double())
    return classification(log_probabilities(output, coding), y)
