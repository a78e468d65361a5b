"""The result of a comparison, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Table as RichTable

from ..tasks.metrics import METRICS, PRIMARY, MetricInfo
from .experiment import Settings
from .statistics import Interval, Posterior, interval, posterior
from .store import REPORT

SURE = 0.95


@dataclass(frozen=True)
class Row:
    """What one loss achieved.

    Attributes:
        loss: its name.
        metrics: each metric with its interval.
        difference: of each metric, this loss less the baseline, with its interval.
        odds: whether the primary metric is below, the same as, or above that of the baseline.
        recall: of each class, for a classification.
        learning_rates: those that were chosen, one per cell.
        diverged: in how many cells the loss became infinite or nan.
        seconds: the mean time of a cell.
    """

    loss: str
    metrics: dict[str, Interval]
    difference: dict[str, Interval]
    odds: Posterior
    recall: list[float]
    learning_rates: tuple[float, ...]
    diverged: int
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """The results of a comparison.

    Attributes:
        settings: what they depend on.
        about: the command and the versions of the libraries.
        records: one per cell, as in ``results.jsonl``.
        folder: where they are kept.
    """

    settings: Settings
    about: Mapping[str, Any]
    records: tuple[dict[str, Any], ...]
    folder: Path

    @property
    def report(self) -> Path:
        """The path of the report."""
        return self.folder / REPORT

    @property
    def metrics(self) -> dict[str, MetricInfo]:
        """What was measured."""
        return METRICS[self.settings.task]

    @property
    def primary(self) -> str:
        """The metric that the verdict and the learning rates go by."""
        return PRIMARY[self.settings.task]

    def values(self, loss: str, metric: str) -> list[float]:
        """Return a metric of a loss, cell by cell, in the order that all losses share."""
        found = {(r["seed"], r["fold"]): r for r in self.records if r["loss"] == loss}
        return [float(found[cell]["metrics"][metric]) for cell in sorted(found)]

    def rows(self) -> list[Row]:
        """Return what each loss achieved, in the order they were given."""
        return [self._row(loss) for loss in self.settings.losses]

    def _row(self, loss: str) -> Row:
        folds, baseline = self.settings.folds, self.settings.baseline
        mine = [r for r in self.records if r["loss"] == loss]
        differences = {
            m: [a - b for a, b in zip(self.values(loss, m), self.values(baseline, m), strict=True)]
            for m in self.metrics
        }
        recall = [fmean(k) for k in zip(*(r.get("recall", []) for r in mine), strict=True)]
        return Row(
            loss,
            {m: interval(self.values(loss, m), folds) for m in self.metrics},
            {m: interval(d, folds) for m, d in differences.items()},
            posterior(differences[self.primary], folds, self.same()),
            recall,
            tuple(r["learning_rate"] for r in mine),
            sum(r["diverged"] for r in mine),
            fmean(r["seconds"] for r in mine),
        )

    def same(self) -> float:
        """Return the difference of the primary metric that counts as the same."""
        unit = self.metrics[self.primary].same
        if self.settings.task == "classification":
            return unit
        return unit * abs(fmean(self.values(self.settings.baseline, self.primary)))

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        info, baseline = self.metrics[self.primary], self.settings.baseline
        better, worse = [], []
        for row in self.rows():
            if row.loss == baseline:
                continue
            gain = (
                (row.odds.above, row.odds.below)
                if info.better == "more"
                else (row.odds.below, row.odds.above)
            )
            change = row.difference[self.primary].mean
            told = f"{row.loss} ({change:+.3f}, probability {max(gain):.0%})"
            if gain[0] > SURE:
                better.append(told)
            elif gain[1] > SURE:
                worse.append(told)
        if not better and not worse:
            return (
                f"No sure difference in {info.title} from {baseline}: choose by calibration, cost "
                "or habit."
            )
        parts = []
        if better:
            parts.append(f"better than {baseline} in {info.title}: {', '.join(better)}")
        if worse:
            parts.append(f"worse than {baseline} in {info.title}: {', '.join(worse)}")
        sentence = "; ".join(parts)
        return sentence[0].upper() + sentence[1:] + "."

    def table(self) -> RichTable:
        """Return the table for a terminal: means, and the primary metric against the baseline."""
        title = self.metrics[self.primary].title
        found = RichTable(
            title=f"{self.settings.data}: held out, mean of {self._cells()} cells",
            caption=f"last column: {title} less that of {self.settings.baseline}, 95 % interval",
            box=None,
            padding=(0, 1, 0, 0),
        )
        found.add_column("loss", overflow="fold")
        for info in self.metrics.values():
            arrow = "↑" if info.better == "more" else "↓"
            found.add_column(f"{info.short} {arrow}", justify="right", no_wrap=True)
        found.add_column("difference", justify="right", no_wrap=True)
        for row in self.rows():
            cells = [f"{row.metrics[m].mean:.3f}" for m in self.metrics]
            d = row.difference[self.primary]
            told = f"{d.mean:+.3f}\n[{d.low:+.3f}, {d.high:+.3f}]"
            found.add_row(
                row.loss, *cells, "baseline" if row.loss == self.settings.baseline else told
            )
        return found

    def _cells(self) -> int:
        return self.settings.folds * self.settings.seeds
