"""Folders of images, one folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import table_of
from .errors import DataError
from .table import Table, Task

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)

_GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B")

ImageSize = int | tuple[int, int]
"""Height and width, or one number for both."""


def table_of_images(
    folder: Path, task: Task | None = None, image_size: ImageSize | None = None
) -> Table:
    """Make a table of images; the folder in which an image lies is its class.

    Args:
        folder: has a folder per class. Files that are no images, and hidden ones, are passed over.
        task: what is asked of the classes; ordinal ones are numbers.
        image_size: images are brought to this size; without it they must be of one size.

    Returns:
        Images of shape (N, channels, height, width) with values in [0, 1]: one channel if all are
        grey, else three, red, green and blue.

    Raises:
        DataError: if there are no classes, or a file cannot be read or is of another size.
    """
    classes = _classes(folder)
    height_width = _height_width(image_size)
    files = [(name, file) for name, members in classes.items() for file in members]
    images, unreadable = [], []
    for _, file in files:
        try:
            images.append(_read(file, height_width))
        except _UnreadableError as error:
            unreadable.append(f"{file}: {error}")
    if unreadable:
        more = f"; and {len(unreadable) - 5} more" if len(unreadable) > 5 else ""
        told = "; ".join(unreadable[:5])
        raise DataError(f"{len(unreadable)} of {len(files)} images cannot be read: {told}{more}")
    first = images[0].shape[1:]
    for image, (_, file) in zip(images, files, strict=True):
        if image.shape[1:] != first:
            raise DataError(
                f"{file} is {_size(image.shape[1:])}, {files[0][1]} is {_size(first)}; images must "
                f"be of one size: give image_size, such as {min(first)}"
            )
    channels = max(image.shape[0] for image in images)
    x = np.empty((len(images), channels, *first), np.float32)
    for i, image in enumerate(images):
        x[i] = image  # a grey one among coloured ones has the same value in each channel
        images[i] = image[:0]  # so that they are not in memory twice
    return table_of(x, np.array([name for name, _ in files]), task, folder.name)


def pixels_of(image: Any) -> NDArray[np.float32]:
    """Return an image of Pillow in [0, 1], as (1, H, W) if it is grey, else as (3, H, W)."""
    if image.mode in ("I;16", "I;16L", "I;16B"):
        return np.asarray(image, np.float32)[None] / np.float32(65535)
    if image.mode in ("I", "F"):
        raise DataError(f"its pixels, of mode {image.mode!r}, have no known range; save it as PNG")
    if image.mode in _GREY:
        return np.asarray(image.convert("L"), np.float32)[None] / np.float32(255)
    return np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1) / np.float32(255)


class _UnreadableError(Exception):
    """A file that is no image."""


def _classes(folder: Path) -> dict[str, list[Path]]:
    """Return the images of each class, sorted by name."""
    found: dict[str, list[Path]] = {}
    for part in sorted(folder.iterdir()):
        if not part.is_dir() or part.name.startswith((".", "__")):
            continue
        inside = [f for f in sorted(part.iterdir()) if not f.name.startswith(".")]
        files = [f for f in inside if f.suffix.lower() in SUFFIXES]
        if not files and any(f.is_dir() for f in inside):
            raise DataError(
                f"{part} holds folders, not images; if they are the classes, give {part} itself"
            )
        if not files:
            raise DataError(f"{part} holds no image; remove it, or add some")
        found[part.name] = files
    if not found:
        raise DataError(f"{folder} has no folders: a folder of images per class is needed")
    return found


def _read(file: Path, height_width: tuple[int, int] | None) -> NDArray[np.float32]:
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            'images need pillow: pip install "lossary[data]"', name=missing.name
        ) from missing
    try:
        with Image.open(file) as opened:
            # cameras write how they were held beside the pixels
            image = ImageOps.exif_transpose(opened)
            if height_width is not None:
                height, width = height_width
                if image.mode in ("P", "1"):
                    # indices of colours and single bits cannot be averaged
                    image = image.convert("L" if image.mode == "1" else "RGB")
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return pixels_of(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _UnreadableError(str(error)) from error


def _height_width(image_size: ImageSize | None) -> tuple[int, int] | None:
    if image_size is None:
        return None
    pair = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(pair) != 2 or min(pair) < 1:
        raise DataError(f"image_size must be one or two positive numbers, got {image_size}")
    return pair[0], pair[1]


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} high and {shape[1]} wide"
