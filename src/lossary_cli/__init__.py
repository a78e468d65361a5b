"""The command line. A package of its own, so that ``lossary --help`` need not load torch."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments name; exit with 2 on wrong use."""
    try:
        from .commands import UsageError, app
    except ModuleNotFoundError as missing:
        if missing.name not in ("cyclopts", "rich"):
            raise
        sys.exit(f'lossary: the command line needs {missing.name}: pip install "lossary[cli]"')
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
