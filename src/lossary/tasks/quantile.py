"""Quantile regression: several quantiles of one number."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..data.tables import Table
from ..signature import Signature
from ..spec import LossSpec
from .kind import Details, Kind, MetricInfo, Way, elementwise, takes

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
INSIDE = LEVELS[-1] - LEVELS[0]


def _pinball(answer: Tensor, y: Tensor) -> float:
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    error = y.double()[:, None] - answer.double()
    return float(torch.maximum(levels * error, (levels - 1) * error).mean())


def _coverage_gap(answer: Tensor, y: Tensor) -> float:
    inside = (answer[:, 0] <= y) & (y <= answer[:, -1])
    return float((inside.double().mean() - INSIDE).abs())


def _width(answer: Tensor, y: Tensor) -> float:
    return float((answer[:, -1] - answer[:, 0]).mean())


def _crossing(answer: Tensor, y: Tensor) -> float:
    return float((answer.diff(dim=1) < 0).double().mean())


def _mae(answer: Tensor, y: Tensor) -> float:
    return float((answer[:, LEVELS.index(0.5)] - y).abs().mean())


class Quantile(Kind):
    """Targets of shape (N,). Answers are the quantiles at LEVELS, of shape (N, Q), in its unit."""

    name = "quantile"
    metrics: ClassVar[dict[str, MetricInfo]] = {
        "pinball": MetricInfo("mean pinball loss", "pinball", "less", _pinball, relative=True),
        "coverage_gap": MetricInfo("gap to 90 % coverage", "gap", "less", _coverage_gap),
        "width": MetricInfo("width of the 90 % interval", "width", "less", _width, relative=True),
        "crossing": MetricInfo("share of crossing quantiles", "crossing", "less", _crossing),
        "mae": MetricInfo("MAE of the median", "MAE", "less", _mae, relative=True),
    }
    primary = "pinball"
    curves = ("pinball", "coverage_gap")
    stratified = False
    scaled = True

    def way(self, signature: Signature, table: Table, spec: LossSpec | None) -> Way | None:
        taken = takes(signature)
        if len(taken) == 2 and "real N Q" in taken[0] and "real N" in taken[1]:
            return Way(
                len(LEVELS),
                _quantiles,
                arguments={"quantiles": torch.tensor(LEVELS)} if spec is not None else None,
            )
        if spec is None or not elementwise(taken, "real"):
            return None
        if "quantile" not in inspect.signature(spec.function).parameters:
            return None
        return Way(len(LEVELS), _quantiles, wrap=AtEachLevel)

    def default_way(self, table: Table) -> Way:
        return Way(len(LEVELS), _quantiles)

    def describe(self, table: Table) -> str:
        return f"{len(LEVELS)} quantiles to predict"

    def details(self, answer: Tensor, y: Tensor) -> Details:
        return {"below": (y[:, None] <= answer).double().mean(0).tolist(), "levels": list(LEVELS)}


class AtEachLevel(nn.Module):
    """The mean over all levels of a loss that knows one."""

    def __init__(self, make: Callable[..., Any], hyperparameters: dict[str, Any]) -> None:
        super().__init__()
        if "quantile" in hyperparameters:
            raise ValueError(f"the quantiles of this task are {LEVELS}: leave quantile out")
        self.losses = nn.ModuleList(make(quantile=level, **hyperparameters) for level in LEVELS)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        each = [loss(input[:, i], target) for i, loss in enumerate(self.losses)]
        return torch.stack(each).mean(0)


def _quantiles(output: Tensor, _loss: Any) -> Tensor:
    return output
