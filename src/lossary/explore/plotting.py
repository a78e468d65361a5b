"""Figures for notebooks: value and gradient of losses, overlaid; and losses over two numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .drawable import Drawable, DrawError, drawable
from .surface import surface

if TYPE_CHECKING:
    from ..curve import Curve

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
DASHES = ("solid", "dash", "dot", "dashdot")
POINTS = 201
SURFACE_POINTS = 41
ROW = 380  # pixels


def plot(
    *losses: object,
    kind: Literal["auto", "curve", "surface"] = "auto",
    points: int | None = None,
    **hyperparameters: float,
) -> Any:
    """Draw value and gradient of losses as a plotly figure.

    >>> figure = plot("huber_loss", lossary.HuberLoss(delta=3.0), lossary.l1_loss)
    >>> [trace.name for trace in figure.data][:3]
    ['huber_loss', 'huber_loss(delta=3)', 'l1_loss']

    Args:
        losses: names of losses or ``module:Loss``, functions, Modules or their classes, and
            functions of input and target of your own. Modules show their settings.
        kind: "curve" draws against the error, logit or margin; "surface" over two numbers, such as
            shift and scale of a box; "auto" draws curves where all losses have one, which has to
            run along the same axis.
        points: how many along an axis.
        hyperparameters: given to every loss that has them.

    Raises:
        DrawError: if a loss has no such picture, or a hyperparameter belongs to no loss.
        ModuleNotFoundError: without plotly.
    """
    require_plotly()
    if not losses:
        raise DrawError('nothing to draw: name a loss, as in plot("huber_loss")')
    made = [drawable(loss) for loss in losses]
    known = {knob.name for loss in made for knob in loss.knobs}
    if unknown := sorted(set(hyperparameters) - known):
        raise DrawError(
            f"none of these losses has a numeric hyperparameter {', '.join(unknown)}; there are "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    own = [
        {k.name: hyperparameters[k.name] for k in loss.knobs if k.name in hyperparameters}
        for loss in made
    ]
    if kind != "surface":
        pairs = zip(made, own, strict=True)
        curves = [loss.curve(points or POINTS, **settings) for loss, settings in pairs]
        missing = [loss for loss, found in zip(made, curves, strict=True) if found is None]
        if not missing:
            return _curves(made, [found for found in curves if found is not None])
        if kind == "curve":
            raise _no_picture(missing[0], "one number describes")
        if len(missing) < len(made):
            drawn = next(loss for loss in made if loss not in missing)
            raise DrawError(
                f"{drawn.name} has a curve and {missing[0].name} has not: plot them one by one, or "
                'as kind="surface" if all have that'
            )
    return _surfaces(made, own, points or SURFACE_POINTS)


def require_plotly() -> None:
    """Raise ModuleNotFoundError, which says what to install, if plotly is missing."""
    try:
        import plotly as _plotly  # noqa: F401 - only to see whether it is there
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f'this needs {missing.name}: pip install "lossary[compare]"', name=missing.name
        ) from missing


def style(figure: Any, height: int) -> Any:
    """Give a figure the look of all figures here."""
    figure.update_layout(
        height=height,
        template="plotly_white",
        margin={"l": 10, "r": 10, "t": 60, "b": 10},
        legend={"orientation": "h", "y": 1.12, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _curves(losses: list[Drawable], curves: list[Curve]) -> Any:
    from plotly.subplots import make_subplots

    axes = {curve.axis for curve in curves}
    if len(axes) > 1:
        said = ", ".join(f"{loss.name} ({c.axis})" for loss, c in zip(losses, curves, strict=True))
        raise DrawError(f"these losses do not share an axis, plot them one by one: {said}")
    figure = make_subplots(rows=1, cols=2, subplot_titles=("value", "gradient"))
    for column in (1, 2):
        for i, (loss, curve) in enumerate(zip(losses, curves, strict=True)):
            along = curve.value if column == 1 else curve.gradient
            if along is None:
                continue
            figure.add_scatter(
                x=curve.at.tolist(),
                y=along.tolist(),
                mode="lines",
                name=loss.name,
                legendgroup=str(i),
                showlegend=column == 1,
                line={
                    "color": COLOURS[i % len(COLOURS)],
                    "dash": DASHES[i // len(COLOURS) % len(DASHES)],
                    "width": 2.5,
                },
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text=curves[0].axis)
    return style(figure, ROW)


def _surfaces(losses: list[Drawable], settings: list[dict[str, float]], points: int) -> Any:
    from plotly.subplots import make_subplots

    found = []
    for loss, own in zip(losses, settings, strict=True):
        plane = surface(loss, points, **own)
        if plane is None:
            raise _no_picture(loss, "two numbers describe")
        found.append(plane)
    columns = min(len(losses), 3)
    rows = -(-len(losses) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[loss.name for loss in losses],
        horizontal_spacing=0.16 / columns,
    )
    for i, (loss, plane) in enumerate(zip(losses, found, strict=True)):
        at = {"row": i // columns + 1, "col": i % columns + 1}
        finite = plane.value[plane.value.isfinite()]
        figure.add_contour(
            x=plane.x.tolist(),
            y=plane.y.tolist(),
            z=plane.value.tolist(),
            name=loss.name,
            colorscale="Viridis",
            showscale=len(losses) == 1,
            ncontours=20,
            zmin=float(finite.min()),
            zmax=float(finite.quantile(0.97)),  # a steep corner would hide the rest
            line={"width": 0.5, "color": "white"},
            hovertemplate="%{x:.3g}, %{y:.3g}: %{z:.4g}<extra></extra>",
            **at,
        )
        figure.update_xaxes(title_text=plane.axes[0], **at)
        figure.update_yaxes(title_text=plane.axes[1], **at)
    return style(figure, 60 + ROW * rows)


def _no_picture(loss: Drawable, what: str) -> DrawError:
    return DrawError(f"{loss.name} takes {loss.signature.left}: no {what} a unit of it")
