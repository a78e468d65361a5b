"""The page: losses to choose, overlay and turn, in one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from .. import losses as families
from ..catalog import catalog
from ..files import write_whole
from .drawable import Drawable, DrawError, drawable
from .grids import record

FIRST = ("mse_loss", "l1_loss", "huber_loss")  # what a page of all losses shows at first
Progress = Callable[[int, int, str], None]


def explore(
    losses: Sequence[object] = (),
    out: str | Path = "lossary.html",
    progress: Progress | None = None,
) -> Path:
    """Write a page to explore losses in a browser, without a network.

    Args:
        losses: names of losses, ``module:Loss`` of your own, functions or Modules; by default all
            losses of the catalogue that have a picture.
        out: the file.
        progress: told how many losses are done, of how many, and the name of the next.

    Raises:
        DrawError: if a loss that was asked for has no picture, or the folder is not there.
    """
    path = Path(out)
    if not path.parent.is_dir():
        raise DrawError(f"{path.parent} is not a folder")
    write_whole(path, render(gather(losses), chosen=bool(losses), progress=progress))
    return path


def gather(losses: Sequence[object] = ()) -> list[Drawable]:
    """Make losses drawable; all of the catalogue if none are named. No two share a name."""
    made: dict[str, Drawable] = {}
    for loss in losses or catalog():
        found = drawable(loss)
        name, again = found.name, 2
        while name in made:
            name, again = f"{found.name} ({again})", again + 1
        made[name] = replace(found, name=name)
    return list(made.values())


def render(
    drawables: Sequence[Drawable],
    *,
    chosen: bool,
    live: bool = False,
    progress: Progress | None = None,
) -> str:
    """Return the page.

    Args:
        drawables: what it holds.
        chosen: whether these were asked for: then all are shown at first.
        live: whether a server computes what sliders ask for.
        progress: see :func:`explore`.

    Raises:
        DrawError: if a loss that was asked for has no picture.
    """
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f'this needs {missing.name}: pip install "lossary[compare]"', name=missing.name
        ) from missing
    records, without = [], []
    for i, loss in enumerate(drawables):
        if progress is not None:
            progress(i, len(drawables), loss.name)
        made = record(loss)
        if made is not None:
            records.append(made)
        elif chosen:
            raise DrawError(
                f"{loss.name} takes {loss.signature.left}: no one or two numbers describe a unit "
                "of it, so it has no picture"
            )
        else:
            without.append(loss.name)
    names = [made["name"] for made in records]
    data = {
        "losses": records,
        "first": names if chosen else [name for name in FIRST if name in names],
        "live": live,
        "families": {f: _said(f) for f in dict.fromkeys(made["family"] for made in records)},
    }
    here = files(__package__)

    def read(name: str) -> str:
        return here.joinpath(name).read_text(encoding="utf-8")

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(read("page.html.jinja")).render(
        style=Markup(read("page.css")),  # noqa: S704 - the library's own
        script=Markup(read("page.js")),  # noqa: S704 - the library's own
        data=Markup(_json(data)),  # noqa: S704 - no "<" is left in it
        count=len(records),
        without=without,
        live=live,
    )


def _json(data: dict[str, Any]) -> str:
    """Return JSON that nothing in it can end the script element around it."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _said(family: str) -> str:
    """Return what a family says of itself."""
    if family == "yours":
        return "Your own."
    return (import_module(f"{families.__name__}.{family}").__doc__ or "").strip()
