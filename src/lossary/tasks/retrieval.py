"""Retrieval: samples of a class lie near each other (metric learning)."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .kind import Kind, MetricInfo, Score, Way, takes

DIMENSIONS = 32


def _hits(answer: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return whether the nearest, second nearest, ... are of the class, and how many are."""
    similar = answer @ answer.T
    similar.fill_diagonal_(-torch.inf)
    order = similar.argsort(1, descending=True)[:, :-1]
    hit = (y[order] == y[:, None]).double()
    there = hit.sum(1)
    return hit[there > 0], there[there > 0]  # nobody finds the only one of its class


def _map_at_r(answer: Tensor, y: Tensor) -> float:
    """Musgrave et al., *A Metric Learning Reality Check*, ECCV 2020, eq. 4."""
    hit, there = _hits(answer, y)
    rank = torch.arange(1, hit.shape[1] + 1, dtype=torch.float64)
    precision = hit.cumsum(1) / rank
    return float(((precision * hit * (rank <= there[:, None])).sum(1) / there).mean())


def _recall_at(count: int) -> Score:
    return lambda answer, y: float(_hits(answer, y)[0][:, :count].amax(1).mean())


def _r_precision(answer: Tensor, y: Tensor) -> float:
    hit, there = _hits(answer, y)
    rank = torch.arange(1, hit.shape[1] + 1)
    return float(((hit * (rank <= there[:, None])).sum(1) / there).mean())


class Retrieval(Kind):
    """One class per sample. Answers are embeddings of length 1, of shape (N, D).

    Each sample held out looks for its class among the others held out.
    """

    name = "retrieval"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "map_at_r": MetricInfo("MAP@R", "MAP@R", "more", _map_at_r),
        "recall_at_1": MetricInfo("recall@1", "R@1", "more", _recall_at(1)),
        "recall_at_5": MetricInfo("recall@5", "R@5", "more", _recall_at(5)),
        "r_precision": MetricInfo("R-precision", "R-prec", "more", _r_precision),
    }
    primary = "map_at_r"
    curves = ("map_at_r", "recall_at_1")

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        taken = takes(signature)
        if len(taken) == 2 and "real N D" in taken[0] and "label N" in taken[1]:
            return self.default_way(table)
        proxies = len(taken) == 3 and "real N D" in taken[0] and "label N" in taken[2]
        if spec is None or not proxies:
            return None
        told = {"in_features": DIMENSIONS, "num_classes": len(table.classes)}
        wanted = inspect.signature(spec.module).parameters
        return (
            Way(DIMENSIONS, _directions, arguments=told) if told.keys() <= wanted.keys() else None
        )

    def default_way(self, table: Table) -> Way:
        return Way(DIMENSIONS, _directions)

    def describe(self, table: Table) -> str:
        return f"embeddings of {len(table.classes)} classes"

    def tells(self, y: Tensor) -> bool:
        return bool((torch.bincount(y) > 1).any())

    def least_of_a_class(self, folds: int) -> int:
        return 2 * folds


def _directions(output: Tensor, _loss: Any) -> Tensor:
    return torch.nn.functional.normalize(output.double(), dim=1)
