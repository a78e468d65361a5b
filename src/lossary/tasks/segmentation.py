"""Segmentation: a class for every pixel."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .calibration import expected_calibration_error
from .classification import accuracy, nll
from .kind import (
    Details,
    Kind,
    MetricInfo,
    Way,
    as_numbers,
    as_signs,
    elementwise,
    sigmoid_answer,
    softmax_answer,
    takes,
)


def _mean_iou(answer: Tensor, y: Tensor) -> float:
    return float(_overlaps(answer, y)[0].nanmean())


def _mean_dice(answer: Tensor, y: Tensor) -> float:
    return float(_overlaps(answer, y)[1].nanmean())


def _ece(answer: Tensor, y: Tensor) -> float:
    by_pixel = answer.movedim(1, -1).flatten(0, -2)
    return expected_calibration_error(by_pixel.exp(), y.flatten())


class Segmentation(Kind):
    """Classes of shape (N, H, W). Answers are log-probabilities of shape (N, C, H, W)."""

    name = "segmentation"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "mean_iou": MetricInfo("mean IoU", "mIoU", "more", _mean_iou),
        "mean_dice": MetricInfo("mean Dice", "Dice", "more", _mean_dice),
        "accuracy": MetricInfo("pixel accuracy", "acc", "more", accuracy),
        "nll": MetricInfo("NLL per pixel", "NLL", "less", nll),
        "ece": MetricInfo("ECE of pixels", "ECE", "less", _ece),
    }
    primary = "mean_iou"
    curves = ("mean_iou", "nll")
    stratified = False

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        taken = takes(signature)
        everywhere = any("*" in str(one) for one in signature.operands[0])
        if not everywhere:
            return None
        if len(taken) == 2 and "real N C" in taken[0] and "label N" in taken[1]:
            return self.default_way(table)
        if len(table.classes) != 2:
            return None
        if elementwise(taken, "prob"):
            return Way(1, sigmoid_answer, as_numbers, _one_channel)
        if elementwise(taken, "sign"):
            return Way(1, sigmoid_answer, as_signs, _one_channel)
        return None

    def default_way(self, table: Table) -> Way:
        return Way(len(table.classes), softmax_answer)

    def describe(self, table: Table) -> str:
        return f"pixels of {len(table.classes)} classes"

    def details(self, answer: Tensor, y: Tensor) -> Details:
        iou, _ = _overlaps(answer, y)
        return {"iou": iou.nan_to_num().tolist()}


def _overlaps(answer: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and Dice of each class, over all pixels; nan for a class that is nowhere."""
    said = answer.argmax(1)
    iou, dice = [], []
    for k in range(answer.shape[1]):
        both = ((said == k) & (y == k)).sum().double()
        total = ((said == k).sum() + (y == k).sum()).double()
        iou.append(both / (total - both))
        dice.append(2 * both / total)
    return torch.stack(iou), torch.stack(dice)


def _one_channel() -> nn.Module:
    return nn.Flatten(1, 2)
