"""Grids: a loss computed at a handful of values of each knob, packed for a page."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..curve import Curve
from .drawable import Drawable, DrawError
from .knobs import MOST, NUMBERS, Knob
from .reading import read
from .surface import Surface, surface

CURVE_POINTS = 81  # from -4 to 4 in steps of 0.1: kinks are mostly at such numbers
SURFACE_POINTS = 29
ARROWS = slice(2, None, 4)  # at every fourth point of a surface
LEVELS = 65535
NOT_SHOWN = 0.97  # a surface's colours end at this quantile, so that a steep corner hides nothing
SURFACE_VALUES = {
    0: 1,
    1: 7,
    2: 3,
    3: 2,
    4: 1,
}  # values of each of so many knobs, where pages hold them


def sliders(loss: Drawable) -> tuple[Knob, ...]:
    """Return the knobs that a page has sliders for."""
    return tuple(knob for knob in loss.knobs if not knob.guard)[:MOST]


def record(loss: Drawable) -> dict[str, Any] | None:
    """Return all that a page shows of a loss, ready for JSON; None if it has no picture."""
    knobs = sliders(loss)
    values = [knob.values(NUMBERS[max(1, len(knobs))]) for knob in knobs]
    starts = [v.index(knob.default) for v, knob in zip(values, knobs, strict=True)]
    first = loss.curve(CURVE_POINTS)
    plane = surface(loss, SURFACE_POINTS)
    if first is None and plane is None:
        return None
    said = read(loss.doc)
    made: dict[str, Any] = {
        "name": loss.name,
        "module": loss.module,
        "family": loss.family,
        "takes": loss.signature.text,
        "paper": loss.paper,
        "what": said.what,
        "when": said.when,
        "more": list(said.more),
        "references": said.references,
        "knobs": [
            {
                "name": knob.name,
                "values": list(v),
                "start": start,
                "range": str(knob.interval),
                "bounds": knob.bounds(),
                "whole": knob.whole,
                "help": said.arguments.get(knob.name, ""),
            }
            for knob, v, start in zip(knobs, values, starts, strict=True)
        ],
    }
    if first is not None:
        curves = [_curve_at(loss, settings) for settings in _settings(knobs, values)]
        made["curve"] = {**about_curve(first), "grids": _packed(curves)}
    if plane is not None:
        which = [_fewer(len(v), at, len(knobs)) for v, at in zip(values, starts, strict=True)]
        chosen = [[v[i] for i in some] for v, some in zip(values, which, strict=True)]
        grids = [surface_at(loss, settings) for settings in _settings(knobs, chosen)]
        made["surface"] = {**about_surface(plane), "which": which, "grids": grids}
    return made


def about_curve(curve: Curve) -> dict[str, Any]:
    """Return what a page says of a curve, but not its points."""
    return {
        "axis": curve.axis,
        "from": float(curve.at[0]),
        "to": float(curve.at[-1]),
        "points": len(curve.at),
        "slope": curve.gradient is not None,
        "ofBatch": curve.of_batch,
    }


def about_surface(found: Surface) -> dict[str, Any]:
    """Return what a page says of a surface, but not its points."""
    return {
        "kind": found.kind,
        "axes": found.axes,
        "x": [float(found.x[0]), float(found.x[-1])],
        "y": [float(found.y[0]), float(found.y[-1])],
        "points": len(found.x),
        "alone": found.alone,
    }


def packed_curve(loss: Drawable, settings: Mapping[str, float]) -> str:
    """Return value and gradient at one setting, as single-precision numbers in base64."""
    return _packed([_curve_at(loss, settings)])


def surface_at(loss: Drawable, settings: Mapping[str, float]) -> dict[str, Any] | None:
    """Return a surface at one setting: 16 bits a point between its ends; None if undefined."""
    try:
        found = surface(loss, SURFACE_POINTS, **settings)
    except DrawError:  # values that do not go together
        return None
    if found is None:
        return None
    value = found.value
    finite = value[value.isfinite()]
    if not finite.numel():
        return None
    low, top = float(finite.min()), float(finite.max())
    high = float(finite.quantile(NOT_SHOWN))
    if top - low < 1.5 * (high - low):  # nothing steep: show all
        high = top
    if abs(low) < 1e-6 * (high - low):  # rounding, not a loss
        low = 0.0
    share = ((value - low) / max(high - low, 1e-12)).nan_to_num(1.0).clamp(0, 1)
    made = {
        "low": _short(low),
        "high": _short(high),
        "top": _short(top),
        "value": _base64((share * LEVELS).round().to(torch.int32).to(torch.uint16)),
    }
    if found.gradient is not None:
        arrows = found.gradient[:, ARROWS, ARROWS].nan_to_num(0.0)
        longest = float(arrows.norm(dim=0).max()) or 1.0
        made["arrows"] = _base64((arrows / longest * 127).round().to(torch.int8))
    return made


def _curve_at(loss: Drawable, settings: Mapping[str, float]) -> Tensor:
    """Return value and gradient as two rows; of nan where the values do not go together."""
    nothing = torch.full((2, CURVE_POINTS), torch.nan)
    try:
        found = loss.curve(CURVE_POINTS, **settings)
    except DrawError:
        return nothing
    if found is None:
        return nothing
    slope = nothing[1] if found.gradient is None else found.gradient
    return torch.stack([found.value, slope]).to(torch.float32)


def _settings(knobs: tuple[Knob, ...], values: list[Any]) -> Iterator[dict[str, float]]:
    """Yield every combination, the last knob turning fastest."""
    for combination in itertools.product(*values):
        yield {knob.name: v for knob, v in zip(knobs, combination, strict=True)}


def _fewer(count: int, start: int, knobs: int) -> list[int]:
    """Return which of ``count`` values a surface is computed at: the default, and spread ones."""
    wanted = SURFACE_VALUES[knobs]
    spread = {round(i * (count - 1) / (wanted - 1)) for i in range(wanted)} if wanted > 1 else set()
    nearest = min(spread, key=lambda i: abs(i - start), default=start)
    return sorted({*(spread - {nearest}), start})


def _packed(rows: list[Tensor]) -> str:
    return _base64(torch.stack(rows).to(torch.float32))


def _base64(tensor: Tensor) -> str:
    return base64.b64encode(tensor.contiguous().numpy().tobytes()).decode("ascii")


def _short(value: float) -> float:
    return float(f"{value:.5g}")
