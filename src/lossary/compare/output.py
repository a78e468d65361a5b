"""What a comparison leaves in its folder beside settings and records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ..files import write_whole
from .export import write_database
from .pictures import write_pictures
from .report import render
from .result import Comparison
from .settings import CompareError
from .store import writing
from .text import as_json, as_markdown

Format = Literal["html", "markdown", "json", "pictures"]


def check_formats(formats: Sequence[str]) -> None:
    """Raise CompareError if a report cannot be written so."""
    for name in formats:
        if name not in get_args(Format):
            raise CompareError(f"the report is one of {get_args(Format)}, got {name!r}")


def finish(comparison: Comparison, formats: Sequence[Format]) -> Comparison:
    """Write the report and the database."""
    with writing(comparison.folder):
        write_database(comparison)
        if "html" in formats:
            write_whole(comparison.report, render(comparison))
        if "markdown" in formats:
            write_whole(comparison.report.with_suffix(".md"), as_markdown(comparison))
        if "json" in formats:
            write_whole(comparison.report.with_suffix(".json"), as_json(comparison))
        if "pictures" in formats:
            write_pictures(comparison)
    return comparison
