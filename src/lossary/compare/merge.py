"""Merging comparisons that were made apart: other losses, or other seeds, else the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .experiment import missing
from .result import Comparison
from .settings import CompareError, Settings
from .store import Store

MAY_DIFFER = ("losses", "seeds", "baseline")


def merge(folders: Sequence[str | Path], out: str | Path) -> Comparison:
    """Join comparisons into one, in a folder of its own.

    The baseline is that of the first. A cell that several have is taken from the first of them.

    Args:
        folders: of the comparisons.
        out: an empty or new folder.

    Raises:
        CompareError: if they differ in more than losses and seeds, or leave out some cell.
    """
    if len(folders) < 2:
        raise CompareError(f"give at least two folders to merge, got {len(folders)}")
    found = [Store(Path(folder)).read() for folder in folders]
    first, _, _ = found[0]
    for folder, (settings, _, _) in zip(folders[1:], found[1:], strict=True):
        _check(folders[0], first, folder, settings)
    joined = replace(
        first,
        losses=tuple(dict.fromkeys(name for s, _, _ in found for name in s.losses)),
        seeds=tuple(sorted({seed for s, _, _ in found for seed in s.seeds})),
    )
    cells: dict[tuple[int, int, str], dict[str, Any]] = {}
    for _, _, records in found:
        for record in records:
            cells.setdefault((record["seed"], record["fold"], record["loss"]), record)
    if absent := missing(joined, list(cells.values())):
        seed, fold, loss = absent[0]
        raise CompareError(
            f"{len(absent)} cells are in none of them, such as {loss}, fold {fold}, seed {seed}: "
            "each loss needs the same seeds, and a run that was killed has to be finished"
        )
    about = _about([about for _, about, _ in found])
    store = Store(Path(out))
    for cell in missing(joined, store.open(joined, about)):  # all, unless this was killed before
        store.append(cells[cell])
    return Comparison(joined, about, tuple(cells[cell] for cell in joined.cells()), Path(out))


def _about(abouts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the commands of all, and every version that took part."""
    commands = dict.fromkeys(one["command"] for one in abouts if one["command"])
    versions: dict[str, dict[str, None]] = {}
    for one in abouts:
        for name, version in one["versions"].items():
            versions.setdefault(name, {})[version] = None
    return {
        "command": "\n".join(commands) or None,
        "versions": {name: ", ".join(found) for name, found in versions.items()},
    }


def _check(one: str | Path, settings: Settings, another: str | Path, others: Settings) -> None:
    before, now = settings.as_json(), others.as_json()
    different = [k for k in now if k not in MAY_DIFFER and now[k] != before[k]]
    if different:
        told = "; ".join(f"{k} is {before[k]} and {now[k]}" for k in different)
        raise CompareError(f"{one} and {another} cannot be merged: {told}")
