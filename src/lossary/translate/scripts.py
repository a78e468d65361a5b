"""Scripts as files: their encoding, their ends of lines and their mode stay."""

from __future__ import annotations

import io
import shutil
import tokenize
from pathlib import Path

from ..files import write_whole
from .report import Translation


class TranslateError(Exception):
    """A script cannot be translated; the message says why."""


def read_script(path: Path) -> tuple[str, str]:
    """Return the text of a script, with its ends of lines, and its encoding.

    Raises:
        TranslateError: if it cannot be read, or not in its encoding.
    """
    try:
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), encoding
    except OSError as error:
        raise TranslateError(f"cannot read {path}: {error.strerror}") from error
    except (SyntaxError, UnicodeDecodeError) as error:
        raise TranslateError(f"{path} is not a Python script: {error}") from error


def write_script(translation: Translation, path: Path, encoding: str = "utf-8") -> None:
    """Write the translated script in one step; one that is replaced keeps its mode.

    Args:
        translation: what to write.
        path: where; a link is followed.
        encoding: that of the script.
    """
    place = path.resolve()

    def write(temporary: Path) -> None:
        temporary.write_bytes(translation.code.encode(encoding))
        if place.exists():
            shutil.copymode(place, temporary)

    write_whole(place, write)
