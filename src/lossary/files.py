"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: str | Callable[[Path], object]) -> None:
    """Write a file beside its place, see it through to the disk, and move it there in one step.

    Args:
        path: the place; what is there already stays until the new file is whole.
        write: the text, or a function that writes to the path it is given.
    """
    temporary = path.with_name(f"{path.name}.part")
    try:
        if callable(write):
            write(temporary)
        else:
            temporary.write_text(write, encoding="utf-8")
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
