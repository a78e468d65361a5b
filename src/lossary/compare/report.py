"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

from importlib.resources import files
from statistics import fmean
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from .result import Comparison, Row

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
INK, LINES = "#7a7a7a", "rgba(128, 128, 128, 0.25)"  # legible on white and on black
CURVES = {"classification": ("balanced_accuracy", "nll"), "regression": ("rmse", "mae")}


def render(comparison: Comparison) -> str:
    """Return the report as HTML."""
    rows = comparison.rows()
    figures = [
        ("Held out, with 95 % intervals", _intervals(comparison, rows)),
        ("Learning curves: held out after each epoch", _curves(comparison)),
    ]
    if comparison.settings.task == "classification":
        figures.append(("Recall of each class", _recalls(comparison, rows)))
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = (files(__package__) / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        c=comparison,
        rows=rows,
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - the library's own script
        figures=[(title, _embed(figure)) for title, figure in figures],
        settings=_settings(comparison),
    )


def _embed(figure: Any) -> Markup:
    html = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        config={"displaylogo": False, "responsive": True, "displayModeBar": False},
    )
    return Markup(html)  # noqa: S704 - plotly escapes what it is given


def _style(figure: Any, height: int) -> Any:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 80, "b": 10},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"color": INK, "family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "y": 1.2, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        template="none",
    )
    figure.update_xaxes(gridcolor=LINES, zerolinecolor=LINES, automargin=True)
    figure.update_yaxes(gridcolor=LINES, zerolinecolor=LINES, automargin=True)
    return figure


def _colour(comparison: Comparison, loss: str) -> str:
    return COLOURS[comparison.settings.losses.index(loss) % len(COLOURS)]


def _intervals(comparison: Comparison, rows: list[Row]) -> Any:
    """A panel per metric: every cell as a small dot, the mean with its interval."""
    metrics = list(comparison.metrics)
    columns = 3
    titles = [
        f"{info.title} ({'more' if info.better == 'more' else 'less'} is better)"
        for info in comparison.metrics.values()
    ]
    figure = make_subplots(
        rows=-(-len(metrics) // columns),
        cols=columns,
        subplot_titles=titles,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.16,
    )
    for i, metric in enumerate(metrics):
        at = {"row": i // columns + 1, "col": i % columns + 1}
        for row in rows:
            colour, found = _colour(comparison, row.loss), row.metrics[metric]
            cells = comparison.values(row.loss, metric)
            figure.add_scatter(
                x=cells,
                y=[row.loss] * len(cells),
                mode="markers",
                marker={"color": colour, "size": 5, "opacity": 0.35},
                hovertemplate="%{x:.4f}<extra>cell</extra>",
                showlegend=False,
                **at,
            )
            figure.add_scatter(
                x=[found.mean],
                y=[row.loss],
                mode="markers",
                marker={"color": colour, "size": 10},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [found.high - found.mean],
                    "arrayminus": [found.mean - found.low],
                    "color": colour,
                },
                hovertemplate="%{x:.4f}<extra>mean</extra>",
                showlegend=False,
                **at,
            )
    figure.update_yaxes(autorange="reversed")
    panels = -(-len(metrics) // columns)
    return _style(figure, 90 + panels * (70 + 34 * len(rows)))


def _curves(comparison: Comparison) -> Any:
    metrics = CURVES[comparison.settings.task]
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=[comparison.metrics[m].title for m in metrics]
    )
    for loss in comparison.settings.losses:
        curves = [r["curve"] for r in comparison.records if r["loss"] == loss]
        for i, metric in enumerate(metrics):
            # a run that diverged ends early: the mean is over those that go on
            epochs = range(max((len(curve) for curve in curves), default=0))
            means = [fmean(c[e][metric] for c in curves if e < len(c)) for e in epochs]
            figure.add_scatter(
                x=[e + 1 for e in epochs],
                y=means,
                mode="lines",
                name=loss,
                legendgroup=loss,
                showlegend=i == 0,
                line={"color": _colour(comparison, loss), "width": 2.5},
                hovertemplate="epoch %{x}: %{y:.4f}<extra>" + loss + "</extra>",
                row=1,
                col=i + 1,
            )
    figure.update_xaxes(title_text="epoch")
    return _style(figure, 380)


def _recalls(comparison: Comparison, rows: list[Row]) -> Any:
    figure = go.Figure()
    for row in rows:
        figure.add_bar(
            x=list(comparison.settings.classes),
            y=row.recall,
            name=row.loss,
            marker_color=_colour(comparison, row.loss),
            hovertemplate="%{x}: %{y:.3f}<extra>" + row.loss + "</extra>",
        )
    figure.update_layout(barmode="group", yaxis={"range": [0, 1], "title": "recall"})
    figure.update_xaxes(type="category", title_text="class")
    return _style(figure, 340)


def _settings(comparison: Comparison) -> list[tuple[str, str]]:
    def told(value: object) -> str:
        if isinstance(value, tuple):
            return ", ".join(map(str, value))
        return "" if value is None else str(value)

    named = [(k.replace("_", " "), told(v)) for k, v in vars(comparison.settings).items()]
    return [
        *((key, value) for key, value in named if value),
        *((f"{name} version", v) for name, v in comparison.about["versions"].items()),
    ]
