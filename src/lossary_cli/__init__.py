"""The command line. A package of its own, so that ``lossary --help`` need not load torch."""

from __future__ import annotations

import sys
import warnings
from typing import TextIO


def main() -> None:
    """Run the command that the arguments name; exit with 2 on wrong use."""
    try:
        from .commands import UsageError, app
    except ModuleNotFoundError as missing:
        if missing.name not in ("cyclopts", "rich"):
            raise
        sys.exit(f'lossary: the command line needs {missing.name}: pip install "lossary[cli]"')
    warnings.showwarning = _warn
    try:
        app()
    except UsageError as error:
        print(f"lossary: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as missing:
        if "pip install" not in str(missing):
            raise
        sys.exit(f"lossary: {missing}")
    except KeyboardInterrupt:
        print("lossary: stopped", file=sys.stderr)
        sys.exit(130)


_default = warnings.showwarning


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show what the library warns of in a line for people, without a place in its source."""
    if category.__module__.startswith("lossary."):
        print(f"lossary: {message}", file=file or sys.stderr)
    else:
        _default(message, category, filename, lineno, file, line)
