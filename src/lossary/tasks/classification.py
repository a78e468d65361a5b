"""Classification: one of two or more classes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
)
from torch import Tensor

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .calibration import expected_calibration_error, reliability, scaled
from .kind import (
    Details,
    Kind,
    MetricInfo,
    Score,
    Way,
    as_numbers,
    as_signs,
    elementwise,
    flat,
    sigmoid_answer,
    softmax_answer,
    takes,
)


def _balanced_accuracy(answer: Tensor, y: Tensor) -> float:
    """The mean recall of the classes that there are, whatever was answered."""
    said = answer.argmax(1)
    return float(torch.stack([(said[y == k] == k).double().mean() for k in y.unique()]).mean())


def accuracy(answer: Tensor, y: Tensor) -> float:
    """The share of samples, or of pixels, whose likeliest class is theirs."""
    return float((answer.argmax(1) == y).double().mean())


def _macro_f1(answer: Tensor, y: Tensor) -> float:
    return float(f1_score(y.numpy(), answer.argmax(1).numpy(), average="macro", zero_division=0))


def _mcc(answer: Tensor, y: Tensor) -> float:
    return float(matthews_corrcoef(y.numpy(), answer.argmax(1).numpy()))


def _pr_auc(answer: Tensor, y: Tensor) -> float:
    """The mean average precision of the classes that there are, each against all others."""
    p, labels = answer.exp().numpy(), y.numpy()
    each = [average_precision_score(labels == k, p[:, k]) for k in np.unique(labels)]
    return float(np.mean(each))


def nll(answer: Tensor, y: Tensor) -> float:
    """The mean negative log-probability of the classes of samples, or of pixels."""
    return float(-answer.gather(1, y[:, None]).mean())


def _brier(answer: Tensor, y: Tensor) -> float:
    truth = torch.nn.functional.one_hot(y, answer.shape[1])
    return float((answer.exp() - truth).square().sum(1).mean())


def _ece(answer: Tensor, y: Tensor) -> float:
    return expected_calibration_error(answer.exp(), y)


def _at_its_temperature(score: Score) -> Score:
    return lambda answer, y: score(scaled(answer, y), y)


class Classification(Kind):
    """One class per sample. Answers are log-probabilities of shape (N, C)."""

    name = "classification"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "balanced_accuracy": MetricInfo("balanced accuracy", "bal.acc", "more", _balanced_accuracy),
        "accuracy": MetricInfo("accuracy", "acc", "more", accuracy),
        "macro_f1": MetricInfo("macro F1", "F1", "more", _macro_f1),
        "mcc": MetricInfo("MCC", "MCC", "more", _mcc, headline=False),
        "pr_auc": MetricInfo(
            "PR-AUC, mean of the classes", "PR-AUC", "more", _pr_auc, headline=False
        ),
        "nll": MetricInfo("NLL", "NLL", "less", nll),
        "brier": MetricInfo("Brier", "Brier", "less", _brier),
        "ece": MetricInfo("ECE", "ECE", "less", _ece),
        "nll_scaled": MetricInfo(
            "NLL at its temperature", "NLL T", "less", _at_its_temperature(nll), headline=False
        ),
        "ece_scaled": MetricInfo(
            "ECE at its temperature", "ECE T", "less", _at_its_temperature(_ece), headline=False
        ),
    }
    primary = "balanced_accuracy"
    curves = ("balanced_accuracy", "nll")

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        taken = takes(signature)
        if spec is not None and spec.family == "segmentation":
            return None  # their units are regions, of which a table of samples has none
        if len(taken) == 2 and "real N C" in taken[0] and "label N" in taken[1]:
            return self.default_way(table)
        if len(table.classes) != 2:
            return None
        if elementwise(taken, "prob"):
            return Way(1, sigmoid_answer, as_numbers, flat)
        if elementwise(taken, "sign"):
            return Way(1, sigmoid_answer, as_signs, flat)
        return None

    def default_way(self, table: Table) -> Way:
        return Way(len(table.classes), softmax_answer)

    def describe(self, table: Table) -> str:
        return f"{len(table.classes)} classes"

    def tells(self, y: Tensor) -> bool:
        return len(y.unique()) > 1

    def details(self, answer: Tensor, y: Tensor) -> Details:
        precision, recall, _, _ = precision_recall_fscore_support(
            y.numpy(),
            answer.argmax(1).numpy(),
            labels=np.arange(answer.shape[1]),
            zero_division=0,
        )
        return {
            "recall": recall.tolist(),
            "precision": precision.tolist(),
            "reliability": reliability(answer.exp(), y),
            "reliability_scaled": reliability(scaled(answer, y).exp(), y),
        }
