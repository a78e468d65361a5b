"""Finding a loss by name: of the library, or of the user's own modules."""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .catalog import catalog
from .spec import LossSpec


class NotFoundError(ValueError):
    """Nothing has that name; the message says what has a similar one."""


def find(name: str) -> LossSpec:
    """Return the record of a loss, by the name of its function or its Module."""
    known = {key: spec for spec in catalog() for key in (spec.name, spec.module.__name__)}
    if name not in known:
        near = get_close_matches(name, known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `lossary list` shows all"
        raise NotFoundError(f"no loss {name!r}{hint}")
    return known[name]


def import_from(target: str) -> Any:
    """Import what ``module:name`` says; the module may lie in the current folder."""
    module_name, _, name = target.partition(":")
    if not name:
        raise NotFoundError(f"{target}: write module:name")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise NotFoundError(f"{target}: no module {error.name!r} here or installed") from error
    if not hasattr(module, name):
        near = get_close_matches(name, dir(module), 3)
        hint = f"; it has {', '.join(near)}" if near else ""
        raise NotFoundError(f"{target}: {module_name} has no {name!r}{hint}")
    found = getattr(module, name)
    if not callable(found):
        raise NotFoundError(f"{target} cannot be called, it is a {type(found).__name__}")
    return found
