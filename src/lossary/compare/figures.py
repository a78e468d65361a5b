"""The figures of a comparison, for reports and notebooks."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .result import Comparison

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
# for more losses than there are colours: of lines and of bars
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
PATTERNS = ("", "/", "x", ".", "-", "|")
INK, LINES = "#7a7a7a", "rgba(128, 128, 128, 0.25)"  # legible on white and on black
COLUMNS = 3
TITLE = 24  # letters of a line above a panel
LINE = 28  # letters of a name before it is broken
LEGEND_WIDTH, LEGEND_HEIGHT = 640, 20  # in pixels: of the narrowest figure, and of a line
OF_CLASSES = {"recall": "Recall", "precision": "Precision", "iou": "IoU"}


def figures(comparison: Comparison) -> dict[str, Any]:
    """Return plotly figures by their titles, those that the task has."""
    baseline = comparison.settings.baseline
    found = {"Held out, with 95 % intervals": intervals(comparison)}
    if len(comparison.rows) > 1:
        found[f"Against {baseline}"] = odds(comparison)
    found["Learning curves: held out after each epoch"] = curves(comparison)
    if comparison.details(baseline, "reliability"):
        found["Reliability: how often answers of a confidence are right"] = reliability(comparison)
    for name, title in OF_CLASSES.items():
        if comparison.details(baseline, name):
            found[f"{title} of each class"] = of_classes(comparison, name)
    if comparison.details(baseline, "below"):
        found["Share of the samples below each quantile"] = coverage(comparison)
    if comparison.details(baseline, "confusion"):
        found["Classes and answers"] = confusion(comparison)
    return found


def intervals(comparison: Comparison) -> Any:
    """A panel per metric: every cell as a small dot, the mean with its interval."""
    metrics, rows = list(comparison.metrics), comparison.rows
    titles = [
        "<br>".join(textwrap.wrap(f"{info.title} {'↑' if info.better == 'more' else '↓'}", TITLE))
        for info in comparison.metrics.values()
    ]
    panels = -(-len(metrics) // COLUMNS)
    height = panels * (85 + _tall(comparison) * len(rows))
    figure = make_subplots(
        rows=panels,
        cols=COLUMNS,
        subplot_titles=titles,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=70 / height,  # for the numbers of one panel and the title of the next
    )
    for i, metric in enumerate(metrics):
        at = {"row": i // COLUMNS + 1, "col": i % COLUMNS + 1}
        for row in rows:
            colour, found = _colour(comparison, row.loss), row.metrics[metric]
            cells = comparison.values(row.loss, metric)
            figure.add_scatter(
                x=cells,
                y=[_label(row.loss)] * len(cells),
                mode="markers",
                marker={"color": colour, "size": 5, "opacity": 0.35},
                hovertemplate="%{x:.4g}<extra>cell</extra>",
                showlegend=False,
                **at,
            )
            figure.add_scatter(
                x=[found.mean],
                y=[_label(row.loss)],
                mode="markers",
                marker={"color": colour, "size": 10},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [found.high - found.mean],
                    "arrayminus": [found.mean - found.low],
                    "color": colour,
                },
                hovertemplate="%{x:.4g}<extra>mean</extra>",
                showlegend=False,
                **at,
            )
    figure.update_yaxes(type="category", autorange="reversed")
    return _style(figure, 50 + height)


def odds(comparison: Comparison) -> Any:
    """How probable it is that a loss is worse, the same or better than the baseline."""
    more = comparison.metrics[comparison.primary].better == "more"
    rows = [row for row in comparison.rows if row.loss != comparison.settings.baseline]
    figure = go.Figure()
    for name, colour in (("worse", "#D55E00"), ("the same", "#999999"), ("better", "#0072B2")):
        share = [
            row.odds.same
            if name == "the same"
            else (row.odds.above if (name == "better") == more else row.odds.below)
            for row in rows
        ]
        figure.add_bar(
            y=[_label(row.loss) for row in rows],
            x=share,
            name=name,
            orientation="h",
            marker_color=colour,
            text=[f"{value:.0%}" if value >= 0.05 else "" for value in share],
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate="%{x:.1%}<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="stack", xaxis={"range": [0, 1], "tickformat": ".0%"})
    figure.update_yaxes(type="category", autorange="reversed")
    return _style(figure, 90 + (6 + _tall(comparison)) * len(rows), ["worse", "the same", "better"])


def curves(comparison: Comparison) -> Any:
    """The metrics that say most, held out after each epoch."""
    metrics = comparison.kind.curves
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=[comparison.metrics[m].title for m in metrics]
    )
    for loss in comparison.settings.losses:
        found = [r["curve"] for r in comparison.of_loss(loss)]
        for i, metric in enumerate(metrics):
            # a run that diverged ends early: the mean is over those that go on
            epochs = range(max((len(curve) for curve in found), default=0))
            means = [fmean(c[e][metric] for c in found if e < len(c)) for e in epochs]
            figure.add_scatter(
                x=[e + 1 for e in epochs],
                y=means,
                mode="lines",
                name=_label(loss),
                legendgroup=loss,
                showlegend=i == 0,
                line=_line(comparison, loss),
                hovertemplate="epoch %{x}: %{y:.4g}<extra>" + _label(loss) + "</extra>",
                row=1,
                col=i + 1,
            )
    figure.update_xaxes(title_text="epoch")
    return _style(figure, 340, comparison.settings.losses)


def reliability(comparison: Comparison) -> Any:
    """Confidence and accuracy of answers, as they come and at a temperature."""
    ways = ("reliability", "reliability_scaled")
    titles = ("as it comes", "at the temperature of the other half")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, shared_yaxes=True)
    for i, way in enumerate(ways):
        at = {"row": 1, "col": i + 1}
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": INK, "dash": "dot", "width": 1},
            hoverinfo="skip",
            showlegend=False,
            **at,
        )
        for loss in comparison.settings.losses:
            bins = _sum_of_bins(comparison.details(loss, way))
            figure.add_scatter(
                x=[confidence / count for count, confidence, _ in bins],
                y=[right / count for count, _, right in bins],
                customdata=[count for count, _, _ in bins],
                mode="lines+markers",
                name=_label(loss),
                legendgroup=loss,
                showlegend=i == 0,
                line=_line(comparison, loss),
                hovertemplate="confidence %{x:.3f}, right %{y:.3f}, %{customdata:.0f} answers"
                "<extra>" + _label(loss) + "</extra>",
                **at,
            )
    figure.update_xaxes(title_text="confidence", range=[0, 1.02])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_yaxes(title_text="share that is right", col=1)
    return _style(figure, 360, comparison.settings.losses)


def of_classes(comparison: Comparison, name: str) -> Any:
    """A number of each class, for each loss."""
    figure = go.Figure()
    for loss in comparison.settings.losses:
        figure.add_bar(
            x=[_label(name) for name in comparison.settings.classes],
            y=_mean_of_each(comparison.details(loss, name)),
            name=_label(loss),
            marker={
                "color": _colour(comparison, loss),
                "pattern": {"shape": _of_round(comparison, loss, PATTERNS)},
            },
            hovertemplate="%{x}: %{y:.3f}<extra>" + _label(loss) + "</extra>",
        )
    figure.update_layout(barmode="group", yaxis={"range": [0, 1], "title": OF_CLASSES[name]})
    figure.update_xaxes(type="category", title_text="class")
    return _style(figure, 300, comparison.settings.losses)


def coverage(comparison: Comparison) -> Any:
    """How many samples lie below each quantile, against how many should."""
    levels = comparison.details(comparison.settings.baseline, "levels")[0]
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": INK, "dash": "dot"}, showlegend=False
    )
    for loss in comparison.settings.losses:
        figure.add_scatter(
            x=levels,
            y=_mean_of_each(comparison.details(loss, "below")),
            mode="lines+markers",
            name=_label(loss),
            line=_line(comparison, loss),
            hovertemplate="level %{x}: %{y:.3f}<extra>" + _label(loss) + "</extra>",
        )
    figure.update_xaxes(title_text="level", range=[0, 1])
    figure.update_yaxes(title_text="share below", range=[0, 1])
    return _style(figure, 340, comparison.settings.losses)


def confusion(comparison: Comparison) -> Any:
    """A panel per loss: how often samples of a class got an answer."""
    losses, classes = comparison.settings.losses, [_label(c) for c in comparison.settings.classes]
    rows = -(-len(losses) // COLUMNS)
    height = 280 * rows
    figure = make_subplots(
        rows=rows,
        cols=COLUMNS,
        subplot_titles=[_label(loss) for loss in losses],
        shared_yaxes=True,
        horizontal_spacing=0.05,
        vertical_spacing=80 / height,  # for the numbers of one panel and the title of the next
    )
    for i, loss in enumerate(losses):
        total = [[0] * len(classes) for _ in classes]
        for found in comparison.details(loss, "confusion"):
            for k, counts in enumerate(found):
                for j, count in enumerate(counts):
                    total[k][j] += count
        figure.add_heatmap(
            z=[[c / max(sum(counts), 1) for c in counts] for counts in total],
            x=classes,
            y=classes,
            colorscale=[[0, "rgba(0,114,178,0)"], [1, "#0072B2"]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="class %{y}, answer %{x}: %{z:.0%}<extra>" + _label(loss) + "</extra>",
            row=i // COLUMNS + 1,
            col=i % COLUMNS + 1,
        )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return _style(figure, 50 + height)


def _style(figure: Any, height: int, names: Sequence[str] = ()) -> Any:
    """Give a figure the look of all.

    Args:
        figure: to change.
        height: without its legend, in pixels.
        names: in the legend, below everything else.
    """
    letters = sum(min(len(name), LINE) * 8 + 60 for name in names)
    legend = 1 + letters // LEGEND_WIDTH if names else 0
    broken = max((_label(name).count("<br>") for name in names), default=0)
    legend *= LEGEND_HEIGHT * (1 + broken)
    figure.update_layout(
        height=height + legend,
        margin={"l": 10, "r": 20, "t": 50, "b": 50 + legend if names else 10},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"color": INK, "family": "system-ui, sans-serif", "size": 13},
        legend={
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "maxheight": 1,  # all of it, without a bar to scroll
        },
        template="none",
    )
    figure.update_xaxes(gridcolor=LINES, zerolinecolor=LINES, automargin=True)
    figure.update_yaxes(gridcolor=LINES, zerolinecolor=LINES, automargin=True)
    return figure


def _label(name: str) -> str:
    """Return a name as plotly shows it: letter by letter, a long one on several lines."""
    lines = [""]
    for piece in re.split("(?<=[:,])", name):
        for part in textwrap.wrap(piece, LINE, break_on_hyphens=False):
            if len(lines[-1] + part) > LINE:
                lines.append("")
            lines[-1] += part
    return "<br>".join(html.escape(line, quote=False) for line in lines)


def _tall(comparison: Comparison) -> int:
    """Return the pixels that a row needs for the longest name."""
    return max(34, 8 + 18 * max(1 + _label(row.loss).count("<br>") for row in comparison.rows))


def _place(comparison: Comparison, loss: str) -> int:
    return comparison.settings.losses.index(loss)


def _colour(comparison: Comparison, loss: str) -> str:
    return COLOURS[_place(comparison, loss) % len(COLOURS)]


def _line(comparison: Comparison, loss: str) -> dict[str, Any]:
    dash = _of_round(comparison, loss, DASHES)
    return {"color": _colour(comparison, loss), "width": 2.5, "dash": dash}


def _of_round(comparison: Comparison, loss: str, looks: Sequence[str]) -> str:
    """Return a look for every round through the colours."""
    return looks[_place(comparison, loss) // len(COLOURS) % len(looks)]


def _mean_of_each(lists: Sequence[Sequence[float]]) -> list[float]:
    return [fmean(values) for values in zip(*lists, strict=True)]


def _sum_of_bins(cells: Sequence[Sequence[Sequence[float]]]) -> list[tuple[float, ...]]:
    """Return the bins of all cells together, without the empty ones."""
    sums = [tuple(map(sum, zip(*bins, strict=True))) for bins in zip(*cells, strict=True)]
    return [found for found in sums if found[0] > 0]
