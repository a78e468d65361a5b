"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from .figures import figures
from .result import Comparison
from .text import chosen


def render(comparison: Comparison) -> str:
    """Return the report as HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["breakable"] = _breakable
    template = (files(__package__) / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        c=comparison,
        rows=comparison.rows,
        chosen=chosen,
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - the library's own script
        figures=[(title, _embed(figure)) for title, figure in figures(comparison).items()],
        settings=_settings(comparison),
    )


def _breakable(name: str) -> Markup:
    """Return a name that a line may break inside, where it has a joint."""
    return Markup(re.sub("([:,])", r"\1<wbr>", str(escape(name))))  # noqa: S704 - escaped


def _embed(figure: Any) -> Markup:
    html = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        config={"displaylogo": False, "responsive": True, "displayModeBar": False},
    )
    return Markup(html)  # noqa: S704 - plotly escapes what it is given


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
