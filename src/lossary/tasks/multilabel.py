"""Multi-label classification: any number of labels per sample."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from sklearn.metrics import average_precision_score, f1_score, label_ranking_average_precision_score
from torch import Tensor

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .kind import Details, Kind, MetricInfo, Way, as_signs, elementwise, takes


def _mean_average_precision(answer: Tensor, y: Tensor) -> float:
    """Of the labels that some samples have and some have not: else there is nothing to rank."""
    both = ((y.amin(0) == 0) & (y.amax(0) == 1)).nonzero()[:, 0].tolist()
    each = [average_precision_score(y[:, k].numpy(), answer[:, k].numpy()) for k in both]
    return float(sum(each)) / max(len(each), 1)


def _f1(answer: Tensor, y: Tensor) -> float:
    return float(f1_score(y.numpy(), (answer > 0).numpy(), zero_division=0))


def _macro_f1(answer: Tensor, y: Tensor) -> float:
    each = [_f1(a, k) for a, k in zip(answer.T, y.T, strict=True)]
    return sum(each) / len(each)


def _micro_f1(answer: Tensor, y: Tensor) -> float:
    return _f1(answer.flatten(), y.flatten())


def _ranking_precision(answer: Tensor, y: Tensor) -> float:
    return float(label_ranking_average_precision_score(y.numpy(), answer.numpy()))


def _exact_match(answer: Tensor, y: Tensor) -> float:
    return float(((answer > 0) == (y > 0)).all(1).double().mean())


def _hamming(answer: Tensor, y: Tensor) -> float:
    return float(((answer > 0) != (y > 0)).double().mean())


def _nll(answer: Tensor, y: Tensor) -> float:
    return float(torch.nn.functional.binary_cross_entropy_with_logits(answer, y.to(answer.dtype)))


def _brier(answer: Tensor, y: Tensor) -> float:
    return float((answer.sigmoid() - y).square().mean())


class MultiLabel(Kind):
    """Labels of shape (N, L). Answers are logits of the same shape."""

    name = "multilabel"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "mean_average_precision": MetricInfo(
            "mean average precision", "mAP", "more", _mean_average_precision
        ),
        "macro_f1": MetricInfo("macro F1", "macro F1", "more", _macro_f1),
        "micro_f1": MetricInfo("micro F1", "micro F1", "more", _micro_f1),
        "ranking_precision": MetricInfo(
            "label ranking average precision", "LRAP", "more", _ranking_precision
        ),
        "exact_match": MetricInfo("exact match", "exact", "more", _exact_match),
        "hamming": MetricInfo("Hamming loss", "Hamming", "less", _hamming),
        "nll": MetricInfo("NLL per label", "NLL", "less", _nll),
        "brier": MetricInfo("Brier per label", "Brier", "less", _brier),
    }
    primary = "mean_average_precision"
    curves = ("mean_average_precision", "nll")
    stratified = False

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        taken = takes(signature)
        if spec is not None and spec.family in ("segmentation", "distillation"):
            return None
        several_numbers = any("*" in str(one) for one in signature.operands[0])
        if taken[0] == {"real N"} and not several_numbers:
            return None  # it takes one number per sample
        several = len(taken) == 2 and "real N C" in taken[0] and "prob N C" in taken[1]
        if spec is not None and spec.family == "classification" and several:
            return None  # one distribution over the classes, not a yes or no for each
        if elementwise(taken, "sign"):
            return Way(len(table.classes), _logits, as_signs)
        return self.default_way(table) if several or elementwise(taken, "prob") else None

    def default_way(self, table: Table) -> Way:
        return Way(len(table.classes), _logits)

    def describe(self, table: Table) -> str:
        return f"{len(table.classes)} labels"

    def details(self, answer: Tensor, y: Tensor) -> Details:
        said, true = (answer > 0).double(), y.double()
        hits = (said * true).sum(0)
        return {
            "recall": (hits / true.sum(0).clamp(min=1)).tolist(),
            "precision": (hits / said.sum(0).clamp(min=1)).tolist(),
        }


def _logits(output: Tensor, _loss: Any) -> Tensor:
    return output.double()
