"""What a loss makes of a network: decision landscapes of two moons, and films of the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .drawable import Drawable, DrawError, drawable
from .moons import Moons, coding, trained, two_moons
from .plotting import COLOURS, require_plotly, style

GRID, FILM_GRID = 61, 37  # points along an axis; a film has many pictures
ACROSS, UP = (-1.6, 2.6), (-1.2, 1.7)
HEIGHT = 430
REACH = 6.0  # scores beyond it are all sure


def landscape(
    losses: Sequence[object] = ("cross_entropy", "generalized_cross_entropy"),
    *,
    samples: int = 200,
    noise: float = 0.15,
    wrong: float = 0.1,
    steps: int = 300,
    seed: int = 0,
) -> Any:
    """Train a small network on two moons under each loss, and draw what it decides where.

    Colours are the score for class 1, black is where it is 0; points with a ring have a wrong
    label, which a robust loss does not follow.

    Args:
        losses: losses of two classes, as for :func:`~lossary.plot`.
        samples: how many points.
        noise: how far they stray from their moon.
        wrong: the share of the labels that are wrong.
        steps: how long to train, each step on all points.
        seed: of points, labels and the network, which are the same for every loss.

    Returns:
        A plotly figure.

    Raises:
        DrawError: if a loss is not one of two classes.
        ModuleNotFoundError: without plotly.
    """
    made = _ready(losses)
    moons = two_moons(samples, noise, wrong, seed)
    titles, grids = [], []
    for loss in made:
        for step, value, score in trained(loss, moons, steps, seed=seed):
            if step == steps:
                titles.append(_title(loss, moons, value, score))
                grids.append(_grid(score, GRID))
    figure = _figure(titles)
    for column, grid in enumerate(grids, 1):
        for trace in (*_drawn(grid), *_points(moons, column == 1)):
            figure.add_trace(trace, row=1, col=column)
    return style(figure, HEIGHT)


def training_film(
    losses: Sequence[object] = ("cross_entropy", "generalized_cross_entropy"),
    *,
    samples: int = 200,
    noise: float = 0.15,
    wrong: float = 0.1,
    steps: int = 300,
    frames: int = 25,
    seed: int = 0,
) -> Any:
    """Film how a small network learns two moons under each loss: a slider goes through the steps.

    Args:
        losses: losses of two classes, as for :func:`~lossary.plot`.
        samples: how many points.
        noise: how far they stray from their moon.
        wrong: the share of the labels that are wrong.
        steps: how long to train, each step on all points.
        frames: how many pictures.
        seed: of points, labels and the network, which are the same for every loss.

    Returns:
        A plotly figure with frames.

    Raises:
        DrawError: if a loss is not one of two classes, or there are fewer than two frames.
        ModuleNotFoundError: without plotly.
    """
    import plotly.graph_objects as go

    made = _ready(losses)
    if not 2 <= frames <= steps + 1:
        raise DrawError(f"frames must lie between 2 and steps + 1 = {steps + 1}, got {frames}")
    moons = two_moons(samples, noise, wrong, seed)
    # early steps change most
    wanted = sorted({round(steps * (i / (frames - 1)) ** 2) for i in range(frames)})
    runs: list[list[tuple[Tensor, str]]] = []
    for loss in made:
        run = []
        for step, value, score in trained(loss, moons, steps, seed=seed):
            if step in wanted:
                run.append((_grid(score, FILM_GRID), _title(loss, moons, value, score)))
        runs.append(run)
    figure = _figure([run[0][1] for run in runs])
    for column, run in enumerate(runs, 1):
        for trace in (*_drawn(run[0][0]), *_points(moons, column == 1)):
            figure.add_trace(trace, row=1, col=column)
    moving = [i for i, trace in enumerate(figure.data) if trace.type == "contour"]
    places = [title.to_plotly_json() for title in figure.layout.annotations]
    figure.frames = [
        go.Frame(
            name=str(step),
            data=[trace for run in runs for trace in _drawn(run[i][0])],
            traces=moving,
            layout={
                "annotations": [
                    {**place, "text": run[i][1]} for place, run in zip(places, runs, strict=True)
                ]
            },
        )
        for i, step in enumerate(wanted)
    ]
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    playing = {"frame": {"duration": 150, "redraw": True}, "fromcurrent": True}
    figure.update_layout(
        sliders=[
            {
                "currentvalue": {"prefix": "step "},
                "steps": [
                    {"label": str(s), "method": "animate", "args": [[str(s)], still]}
                    for s in wanted
                ],
            }
        ],
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "x": 0,
                "y": -0.28,
                "yanchor": "top",
                "xanchor": "right",
                "showactive": False,
                "buttons": [
                    {"label": "play", "method": "animate", "args": [None, playing]},
                    {"label": "stop", "method": "animate", "args": [[None], still]},
                ],
            }
        ],
    )
    return style(figure, HEIGHT + 120)


def _ready(losses: Sequence[object]) -> list[Drawable]:
    """Return losses that can be trained with, before any is."""
    require_plotly()
    if not losses or isinstance(losses, str):
        raise DrawError('give a list of losses, as in ["cross_entropy", "focal_loss"]')
    made = [drawable(loss) for loss in losses]
    for loss in made:
        coding(loss)
    return made


def _grid(score: Callable[[Tensor], Tensor], grid: int) -> Tensor:
    y, x = torch.meshgrid(torch.linspace(*UP, grid), torch.linspace(*ACROSS, grid), indexing="ij")
    with torch.no_grad():
        return score(torch.stack([x.reshape(-1), y.reshape(-1)], 1)).reshape(grid, grid)


def _title(loss: Drawable, moons: Moons, value: float, score: Callable[[Tensor], Tensor]) -> str:
    with torch.no_grad():
        said = (score(moons.points) > 0).long()
    truth = torch.where(moons.flipped, 1 - moons.label, moons.label)
    right = (said == truth).double().mean().item()
    return f"{loss.name}<br><sub>loss {value:.3f}, {right:.0%} of the true labels</sub>"


def _figure(titles: list[str]) -> Any:
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=1, cols=len(titles), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.03
    )
    figure.update_xaxes(range=ACROSS, showgrid=False, zeroline=False)
    figure.update_yaxes(range=UP, showgrid=False, zeroline=False)
    return figure


def _drawn(grid: Tensor) -> list[Any]:
    """Return the score as colours, and the decision as a line."""
    import plotly.graph_objects as go

    x = torch.linspace(*ACROSS, len(grid)).tolist()
    y = torch.linspace(*UP, len(grid)).tolist()
    z = [[round(v, 2) for v in row] for row in grid.clamp(-REACH, REACH).tolist()]
    common = {"x": x, "y": y, "z": z, "showscale": False, "showlegend": False, "hoverinfo": "skip"}
    shades = [[0, "#8fc1e3"], [0.5, "#ffffff"], [1, "#f3b48b"]]
    return [
        go.Contour(
            **common,
            zmin=-REACH,
            zmax=REACH,
            colorscale=shades,
            contours={"start": -REACH, "end": REACH, "size": 0.75},
            line={"width": 0},
        ),
        go.Contour(
            **common,
            contours={"coloring": "none", "start": 0, "end": 0, "size": 1},
            line={"width": 2.5, "color": "black"},
        ),
    ]


def _points(moons: Moons, first: bool) -> list[Any]:
    import plotly.graph_objects as go

    found = []
    for label in (0, 1):
        own = moons.label == label
        found.append(
            go.Scatter(
                x=moons.points[own, 0].tolist(),
                y=moons.points[own, 1].tolist(),
                mode="markers",
                name=f"class {label}",
                legendgroup=str(label),
                showlegend=first,
                marker={
                    "color": COLOURS[label],
                    "size": [9 if wrong else 6 for wrong in moons.flipped[own].tolist()],
                    "line": {
                        "color": "black",
                        "width": [2 if wrong else 0 for wrong in moons.flipped[own].tolist()],
                    },
                },
                hoverinfo="skip",
            )
        )
    return found
