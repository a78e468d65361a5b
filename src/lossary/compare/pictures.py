"""Static pictures of a comparison, for papers and pages without scripts."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from statistics import fmean
from typing import Any

from ..files import write_whole
from .figures import COLOURS
from .result import Comparison

FOLDER = "pictures"
STYLES = ("-", "--", ":", "-.")  # for more losses than there are colours
LONG = 28  # letters: such names stand in one column of the legend


def write_pictures(comparison: Comparison) -> list[Path]:
    """Write SVG files of intervals and learning curves, and return their paths.

    Raises:
        ModuleNotFoundError: if matplotlib is not installed.
    """
    try:
        import matplotlib
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f'pictures need {missing.name}: pip install "lossary[pictures]"', name=missing.name
        ) from missing
    folder = comparison.folder / FOLDER
    folder.mkdir(exist_ok=True)
    # text stays text, and equal results give equal files
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lossary"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph")  # whoever shows the file has its own fonts
        return [
            _write(folder / "intervals.svg", _intervals(comparison)),
            _write(folder / "curves.svg", _curves(comparison)),
        ]


def _write(file: Path, figure: Any) -> Path:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    write_whole(file, text.getvalue())
    return file


def _figure(panels: int, height: float) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure  # without pyplot: no state, no window

    figure = Figure(figsize=(3.2 * panels, height), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    return figure, list(axes)


def _intervals(comparison: Comparison) -> Any:
    shown = [m for m, info in comparison.metrics.items() if info.headline]
    figure, axes = _figure(len(shown), 0.8 + 0.4 * len(comparison.rows))
    names = [_plain(row.loss) for row in comparison.rows]
    for i, (metric, axis) in enumerate(zip(shown, axes, strict=True)):
        for place, row in enumerate(comparison.rows):
            colour, found = COLOURS[place % len(COLOURS)], row.metrics[metric]
            cells = comparison.values(row.loss, metric)
            axis.plot(cells, [place] * len(cells), ".", color=colour, alpha=0.4)
            axis.plot([found.low, found.high], [place, place], color=colour)
            axis.plot([found.mean], [place], "o", color=colour)
        info = comparison.metrics[metric]
        axis.set_title(f"{info.title} {'↑' if info.better == 'more' else '↓'}", fontsize=9)
        axis.set_yticks(range(len(names)), names if i == 0 else [""] * len(names))
        axis.invert_yaxis()
    return figure


def _curves(comparison: Comparison) -> Any:
    losses = comparison.settings.losses
    columns = 1 if max(map(len, losses)) > LONG else 3
    figure, axes = _figure(2, 2.8 + 0.17 * (-(-len(losses) // columns)))
    for metric, axis in zip(comparison.kind.curves, axes, strict=True):
        for place, loss in enumerate(losses):
            found = [r["curve"] for r in comparison.of_loss(loss)]
            epochs = range(max((len(curve) for curve in found), default=0))
            means = [fmean(c[e][metric] for c in found if e < len(c)) for e in epochs]
            colour, style = COLOURS[place % len(COLOURS)], STYLES[place // len(COLOURS) % 4]
            axis.plot([e + 1 for e in epochs], means, style, color=colour, label=_plain(loss))
        axis.set_title(comparison.metrics[metric].title, fontsize=9)
        axis.set_xlabel("epoch")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=columns, fontsize=7)
    return figure


def _plain(name: str) -> str:
    """Return a name that matplotlib shows letter by letter: dollars begin formulas."""
    return name.replace("$", r"\$")
