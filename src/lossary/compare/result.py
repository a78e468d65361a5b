"""The result of a comparison, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Table as RichTable
from rich.text import Text

from ..tasks.kind import Kind, MetricInfo
from ..tasks.kinds import KINDS
from .settings import Settings
from .statistics import (
    LEVEL,
    Interval,
    Posterior,
    holm,
    interval,
    p_value,
    posterior,
    seeds_to_tell,
)
from .store import REPORT

SURE = 0.95
NOTICED = 0.9  # a ratio of times that is worth a word


@dataclass(frozen=True)
class Cost:
    """What a loss takes, as means over the cells.

    Attributes:
        seconds_per_step: of a training.
        peak_memory: of one step beside weights and batch, in bytes.
        epochs_to_near_best: until 95 % of the best epoch.
        seconds: of a whole cell, with its tuning.
    """

    seconds_per_step: float | None
    peak_memory: float | None
    epochs_to_near_best: float | None
    seconds: float


@dataclass(frozen=True)
class Row:
    """What one loss achieved.

    Attributes:
        loss: its name.
        metrics: each metric with its interval.
        difference: of each metric, this loss less the baseline, with its interval.
        odds: whether the primary metric is below, the same as, or above that of the baseline.
        p: how probable such a difference of the primary metric is if there is none, corrected for
            the number of losses (Holm); 1 for the baseline.
        chosen: learning rate and hyperparameters that were chosen, one per cell.
        diverged: in how many cells the loss became infinite or nan.
        cost: what it takes.
    """

    loss: str
    metrics: dict[str, Interval]
    difference: dict[str, Interval]
    odds: Posterior
    p: float
    chosen: tuple[dict[str, Any], ...]
    diverged: int
    cost: Cost


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
    def reports(self) -> list[Path]:
        """The paths of all reports that were written."""
        kinds = ("", ".md", ".json")
        files = [self.report.with_suffix(end or self.report.suffix) for end in kinds]
        return [file for file in files if file.is_file()]

    @property
    def kind(self) -> Kind:
        """The kind of the task."""
        return KINDS[self.settings.task]

    @property
    def metrics(self) -> dict[str, MetricInfo]:
        """What was measured."""
        return self.kind.metrics

    @property
    def primary(self) -> str:
        """The metric that the verdict and the tuning go by."""
        return self.kind.primary

    def of_loss(self, loss: str) -> list[dict[str, Any]]:
        """Return the records of a loss, in the order that all losses share."""
        return [record for record in self.records if record["loss"] == loss]

    def values(self, loss: str, metric: str) -> list[float]:
        """Return a metric of a loss, cell by cell, in the order that all losses share."""
        return [float(record["metrics"][metric]) for record in self.of_loss(loss)]

    def details(self, loss: str, name: str) -> list[Any]:
        """Return what the task tells beyond its metrics, cell by cell; none if it does not."""
        return [r["details"][name] for r in self.of_loss(loss) if name in r["details"]]

    @cached_property
    def rows(self) -> list[Row]:
        """What each loss achieved, in the order they were given."""
        baseline, folds = self.settings.baseline, self.settings.folds
        others = [loss for loss in self.settings.losses if loss != baseline]
        raw = [p_value(self.differences(loss, self.primary), folds) for loss in others]
        p = dict(zip(others, holm(raw), strict=True)) | {baseline: 1.0}
        return [self._row(loss, p[loss]) for loss in self.settings.losses]

    def differences(self, loss: str, metric: str) -> list[float]:
        """Return a metric of a loss less that of the baseline, cell by cell."""
        mine, theirs = self.values(loss, metric), self.values(self.settings.baseline, metric)
        return [a - b for a, b in zip(mine, theirs, strict=True)]

    def _row(self, loss: str, p: float) -> Row:
        folds, mine = self.settings.folds, self.of_loss(loss)
        return Row(
            loss,
            {m: interval(self.values(loss, m), folds) for m in self.metrics},
            {m: interval(self.differences(loss, m), folds) for m in self.metrics},
            posterior(self.differences(loss, self.primary), folds, self.same()),
            p,
            tuple({"learning_rate": r["learning_rate"], **r["hyperparameters"]} for r in mine),
            sum(r["diverged"] for r in mine),
            Cost(
                _mean(r["seconds_per_step"] for r in mine),
                _mean(r["peak_memory"] for r in mine),
                _mean(r["epochs_to_near_best"] for r in mine),
                fmean(r["seconds"] for r in mine),
            ),
        )

    def same(self) -> float:
        """Return the difference of the primary metric that counts as the same."""
        info = self.metrics[self.primary]
        if not info.relative:
            return info.same
        return info.same * abs(fmean(self.values(self.settings.baseline, self.primary)))

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        info, baseline = self.metrics[self.primary], self.settings.baseline
        better, worse = [], []
        for row in self.rows:
            if row.loss == baseline or row.p > LEVEL:
                continue
            gain, harm = row.odds.above, row.odds.below
            if info.better == "less":
                gain, harm = harm, gain
            change = row.difference[self.primary].mean
            told = f"{row.loss} ({change:+.3g}, probability {_percent(max(gain, harm))})"
            if gain > SURE and not row.diverged:
                better.append(told)
            elif harm > SURE:
                worse.append(told)
        if not better and not worse:
            return self._no_difference() + self._diverged()
        parts = []
        if better:
            parts.append(f"better than {baseline} in {info.title}: {', '.join(better)}")
        if worse:
            parts.append(f"worse than {baseline} in {info.title}: {', '.join(worse)}")
        sentence = "; ".join(parts)
        return sentence[0].upper() + sentence[1:] + "." + self._diverged()

    def _diverged(self) -> str:
        """Say which losses became infinite or nan; such a loss is never called better."""
        found = [f"{r.loss} in {r.diverged} of {self.cells}" for r in self.rows if r.diverged]
        return f" Trainings diverged: {', '.join(found)}." if found else ""

    def _no_difference(self) -> str:
        """Say what else to choose by."""
        said = (
            f"No sure difference in {self.metrics[self.primary].title} from "
            f"{self.settings.baseline}"
        )
        if len(self.rows) == 1:
            return f"Only {self.settings.baseline} was given: there is nothing to compare it with."
        least = seeds_to_tell(len(self.rows) - 1)
        if self.settings.held_out is not None and len(self.settings.seeds) < least:
            return f"{said}: {len(self.settings.seeds)} seeds cannot show one, --seeds {least} can."
        steady = [row for row in self.rows if not row.diverged]
        reasons = []
        if "nll" in self.metrics and steady:
            best = min(steady, key=lambda row: row.metrics["nll"].mean)
            reasons.append(f"calibration ({best.loss} has the least NLL)")
        times = {r.loss: r.cost.seconds_per_step for r in steady if r.cost.seconds_per_step}
        if times and min(times.values()) < NOTICED * max(times.values()):
            fastest = min(times, key=times.__getitem__)
            reasons.append(f"cost ({fastest} takes the least time per step)")
        return f"{said}: choose by {' or '.join([*reasons, 'habit'])}."

    def figures(self) -> dict[str, Any]:
        """Return plotly figures by their titles: those of the report."""
        from .figures import figures

        return figures(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from .text import as_html

        return as_html(self)

    def table(self) -> RichTable:
        """Return the table for a terminal: means, and the primary metric against the baseline."""
        title = self.metrics[self.primary].title
        found = RichTable(
            title=Text(f"{self.settings.data}: held out, mean of {self.cells} cells"),
            caption=Text(
                f"last column: {title} less that of {self.settings.baseline}, 95 % interval"
            ),
            box=None,
            padding=(0, 1, 0, 0),
        )
        shown = {m: info for m, info in self.metrics.items() if info.headline}
        found.add_column("loss", overflow="fold")
        for info in shown.values():
            arrow = "↑" if info.better == "more" else "↓"
            found.add_column(f"{info.short} {arrow}", justify="right", no_wrap=True)
        found.add_column("difference", justify="right", no_wrap=True)
        for row in self.rows:
            cells = [f"{row.metrics[m].mean:.4g}" for m in shown]
            d = row.difference[self.primary]
            told = f"{d.mean:+.3g}\n[{d.low:+.3g}, {d.high:+.3g}]"
            found.add_row(
                Text(row.loss),  # brackets in a name are no markup
                *cells,
                "baseline" if row.loss == self.settings.baseline else told,
            )
        return found

    @property
    def cells(self) -> int:
        """How many cells each loss has."""
        return self.settings.folds * len(self.settings.seeds)


def in_order(settings: Settings, records: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return records in the order of the cells, however they came."""
    found = {(r["seed"], r["fold"], r["loss"]): r for r in records}
    return tuple(found[cell] for cell in settings.cells())


def _percent(share: float) -> str:
    """Return a probability in percent; nothing is certain."""
    return "above 99%" if share > 0.99 else f"{share:.0%}"


def _mean(values: Any) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None
