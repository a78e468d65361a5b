"""Pictures of losses as SVG that is put into a page and takes its colours from there."""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from torch import Generator, Tensor

import lossary.curve
import lossary.explore.drawable
import lossary.explore.surface
from lossary.check import subject_of
from lossary.curve import Curve
from lossary.explore.drawable import Drawable, drawable
from lossary.explore.grids import sliders
from lossary.explore.knobs import Knob
from lossary.explore.surface import Surface, surface
from lossary.spec import LossSpec, Trait

mpl.use("svg")  # never a window
mpl.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text, in the font of the page
        "svg.hashsalt": "lossary",  # the same picture has the same bytes
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "path.simplify_threshold": 0.3,
    }
)
INK = "#010203"  # stands for the colour of the page's text until the SVG is written
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito's
DASHES = ("-", "--", ":", "-.")
POINTS, SURFACE_POINTS, WALK_POINTS = 161, 33, 81
VARIANTS = 4
NOT_SHOWN = 0.97  # a surface's colours end at this quantile, so that a steep corner hides nothing
FAILURES = (TypeError, ValueError, IndexError, RuntimeError)  # of losses off their domain


@dataclass(frozen=True)
class Picture:
    """A picture of a loss.

    Attributes:
        svg: an ``<svg>`` element.
        says: what it shows, as a sentence.
    """

    svg: str
    says: str


def picture(spec: LossSpec) -> Picture | None:
    """Return the picture of a loss: a curve, a surface, or a walk; None where none makes sense."""
    loss = drawable(spec)
    if (found := loss.curve(POINTS)) is not None:
        return _curves(loss, found)
    if (plane := surface(loss, SURFACE_POINTS)) is not None:
        return _surface(loss, plane)
    return _walk(spec)


def fingerprint(spec: LossSpec) -> str:
    """Return what changes when the picture may: a hash of the code that it is made of."""
    made_of = (
        inspect.getsourcefile(spec.function),
        __file__,
        *(m.__file__ for m in (lossary.curve, lossary.explore.drawable, lossary.explore.surface)),
    )
    digest = hashlib.sha256(torch.__version__.encode())
    for path in made_of:
        digest.update(_content(path or ""))
    return f"{spec.name} {digest.hexdigest()[:16]}"


@functools.cache
def _content(path: str) -> bytes:
    return Path(path).read_bytes()


def _curves(loss: Drawable, default: Curve) -> Picture:
    """Draw value and gradient, at several values of the first hyperparameter that matters."""
    knob, curves = _variants(loss, default)
    figure, (left, right) = _figure(7.6, 3.0)
    for i, (label, curve) in enumerate(curves.items()):
        usual = knob is None or curve is default
        style: dict[str, Any] = {
            "color": COLOURS[i % 4],
            "linestyle": DASHES[i % 4],
            "lw": 2.4 if usual else 1.6,
        }
        left.plot(curve.at, curve.value, label=label, **style)
        if curve.gradient is not None:
            right.plot(curve.at, curve.gradient, **style)
    _titled(left, "value", default.axis)
    if default.gradient is None:
        right.set_axis_off()
        right.text(0.5, 0.5, "a metric: no gradient", ha="center", color=INK)
    else:
        _titled(right, "gradient", default.axis)
    says = f"Value and gradient of {loss.name} against {default.axis}"
    if knob is not None:
        _legend(figure, left, len(curves))
        says += f", for {len(curves)} values of {knob.name}; the default is the thick line"
    if default.of_batch:
        says += ". The loss of a unit depends on the others: these points are one batch"
    return Picture(_svg(figure, says), f"{says}.")


def _variants(loss: Drawable, default: Curve) -> tuple[Knob | None, dict[str, Curve]]:
    for knob in sliders(loss):
        values = knob.values(VARIANTS)
        curves = {}
        for value in sorted(values, key=lambda v: v != knob.default):
            try:
                curve = (
                    default if value == knob.default else loss.curve(POINTS, **{knob.name: value})
                )
            except FAILURES:  # values that do not go together
                continue
            if curve is not None and bool(curve.value.isfinite().any()):
                curves[f"{knob.name} = {value:g}"] = curve
        others = [curve for curve in curves.values() if curve is not default]
        if any(not torch.allclose(c.value, default.value, equal_nan=True) for c in others):
            return knob, curves
    return None, {loss.name: default}


def _surface(loss: Drawable, plane: Surface) -> Picture:
    """Draw a loss over two numbers, with arrows along which it falls."""
    figure = Figure(figsize=(5.4, 4.0))
    figure.subplots_adjust(left=0.13, right=1.0, bottom=0.13, top=0.97)
    axes = figure.add_subplot()
    finite = plane.value[plane.value.isfinite()]
    low, top = float(finite.min()), float(finite.max())
    high = float(finite.quantile(NOT_SHOWN))
    if top - low < 1.5 * (high - low):  # nothing steep: show all
        high = top
    levels = torch.linspace(low, max(high, low + 1e-9), 13).tolist()
    shown = axes.contourf(
        plane.x,
        plane.y,
        plane.value,
        levels,
        cmap="viridis",
        extend="max" if top > high else "neither",
    )
    shown.set_edgecolor("face")  # no light seams between the bands
    if plane.gradient is not None:
        step = slice(2, None, 4)
        down = -plane.gradient[:, step, step].nan_to_num(0.0)
        down = down / down.norm(dim=0).clamp(min=1e-12) * down.norm(dim=0).clamp(max=1).sqrt()
        axes.quiver(
            plane.x[step], plane.y[step], down[0], down[1], color="white", alpha=0.75, width=0.004
        )
    axes.set(xlabel=plane.axes[0], ylabel=plane.axes[1])
    bar = figure.colorbar(shown, ax=axes, format="{x:.3g}")
    bar.outline.set_visible(False)
    _inked(axes)
    _inked(bar.ax)
    says = f"{loss.name} over {plane.axes[0]} and {plane.axes[1]}"
    if plane.gradient is not None:
        says += "; the arrows point where it falls"
    return Picture(_svg(figure, says, "over-two"), f"{says}.")


def _walk(spec: LossSpec) -> Picture | None:
    """Draw the loss of a drawn batch while its first tensor moves along a straight line."""
    if Trait.NOT_DIFFERENTIABLE in spec.traits:
        return None
    subject = subject_of(spec)
    tensors = tuple(subject.example(seed=0))
    first = next((i for i, t in enumerate(tensors) if _is_real(spec, tensors, i)), None)
    if first is None:
        return None
    start = tensors[first]
    random = "generator" in inspect.signature(spec.function).parameters

    def loss(moved: Tensor) -> Tensor:
        seeded = {"generator": Generator().manual_seed(0)} if random else {}
        given = (*tensors[:first], moved, *tensors[first + 1 :])
        return spec.function(*given, **spec.variants[0], **seeded)

    try:
        made = _line(spec, tensors, first, start, loss)
        if made is None:
            return None
        axis, way, at = made
        values, slopes = [], []
        for share in at.tolist():
            moved = (start + share * way).detach().requires_grad_()
            value = loss(moved)
            (slope,) = torch.autograd.grad(value, moved)
            values.append(value.item())
            slopes.append((slope * way).sum().item())
    except FAILURES:
        return None
    figure, (left, right) = _figure(7.6, 3.0)
    left.plot(at, values, color=COLOURS[0], lw=2.4)
    right.plot(at, slopes, color=COLOURS[0], lw=2.4)
    _titled(left, "value", axis)
    _titled(right, "gradient along it", axis)
    says = f"The mean of {spec.name} over a small random batch, along {axis}"
    return Picture(_svg(figure, says), f"{says}. No single number describes a unit of this loss.")


def _is_real(spec: LossSpec, tensors: tuple[object, ...], place: int) -> bool:
    given = tensors[place]
    domain = spec.signature.operands[place][0].domain
    return isinstance(given, Tensor) and given.is_floating_point() and domain == "real"


def _line(
    spec: LossSpec,
    tensors: tuple[object, ...],
    first: int,
    start: Tensor,
    loss: Callable[[Tensor], Tensor],
) -> tuple[str, Tensor, Tensor] | None:
    """Return a name, a direction and how far to go along it."""
    names = spec.signature.names
    second = tensors[first + 1] if first + 1 < len(tensors) else None
    same = isinstance(second, Tensor) and second.shape == start.shape
    if same and isinstance(second, Tensor) and _is_real(spec, tensors, first + 1):
        name = f"the line from {names[first]} (0) to {names[first + 1]} (1)"
        # not exactly to the ends: a distance of zero has no slope
        return name, second - start, torch.linspace(-0.5, 2.0, WALK_POINTS) + 0.003
    x = start.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(x), x)
    if not float(slope.norm()) > 0:
        return None
    reach = start.norm() / slope.norm()
    name = f"the line of steepest descent of {names[first]}"
    return name, -slope * reach, torch.linspace(-1.0, 3.0, WALK_POINTS)


def _figure(width: float, height: float) -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=(width, height))
    # the layouts of matplotlib that look for room take half of the time of a picture
    figure.subplots_adjust(left=0.08, right=0.985, bottom=0.17, top=0.9, wspace=0.2)
    left, right = figure.subplots(1, 2)
    return figure, (left, right)


def _titled(axes: Axes, title: str, axis: str) -> None:
    axes.set_title(title, color=INK, fontsize=10, loc="left")
    axes.set_xlabel(axis)
    axes.axhline(0, color=INK, lw=0.6, alpha=0.4, zorder=0)
    axes.margins(x=0)
    _inked(axes)


def _inked(axes: Axes) -> None:
    axes.tick_params(colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    for spine in axes.spines.values():
        spine.set_color(INK)


def _legend(figure: Figure, axes: Axes, columns: int) -> None:
    figure.subplots_adjust(top=0.82)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: float(labels[i].partition(" = ")[2]))
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper left",
        ncols=columns,
        frameon=False,
        labelcolor=INK,
    )


def _svg(figure: Figure, says: str, kind: str = "lines") -> str:
    """Return the figure as an element that follows the colour and the font of the page."""
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace(to_hex(INK), "currentColor")
    text = re.sub(r"font: ([^;\"]*?)(?:px|pt) [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1, flags=re.DOTALL)
    label = says.replace("&", "and").replace("<", "").replace('"', "")
    return text.replace("<svg", f'<svg class="{kind}" role="img" aria-label="{label}"', 1).strip()
