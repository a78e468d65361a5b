"""IDX files, the format of MNIST and its relatives."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import table_of
from .errors import DataError
from .table import Table, Task

# the third byte of the file; numbers have the most significant byte first
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[Any]:
    """Read one IDX file, plain or compressed with gzip.

    Raises:
        DataError: if it is none, or its length is not what its header says.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{path} is not an IDX file: it begins with {content[:4].hex(' ')}")
    dtype, dims = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * dims
    if len(content) < start:
        raise DataError(f"{path} is truncated: it ends within its header")
    shape = [int(n) for n in np.frombuffer(content[4:start], ">u4")]
    wanted = start + math.prod(shape) * dtype.itemsize
    if len(content) != wanted:
        raise DataError(
            f"{path} has {len(content)} bytes, its header says {wanted} for shape {tuple(shape)}; "
            "it is truncated or damaged"
        )
    return (
        np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    )


def is_idx(path: Path) -> bool:
    """Say whether a file has the name of an IDX file, or a folder holds one."""
    if path.is_dir():
        return any(is_idx(file) for file in path.iterdir() if file.is_file())
    return any(f"idx{dims}" in path.name for dims in range(1, 5))


def table_of_idx(path: Path, task: Task | None) -> Table:
    """Make a table of a file of images and its file of labels.

    Args:
        path: the file of images, such as ``train-images-idx3-ubyte.gz``, beside which lies that of
            labels; or the folder with both. If it holds several pairs, those of ``train`` are read.
        task: as for :func:`~.arrays.table_of`.

    Raises:
        DataError: if a file is missing or damaged, or there are several pairs.
    """
    images = _images_of(path) if path.is_dir() else path
    if "images" not in images.name:
        raise DataError(f"{path}: give the file of images; that of labels is found beside it")
    labels = _labels_of(images)
    if labels is None:
        wanted = images.name.replace("images", "labels").replace("idx3", "idx1")
        raise DataError(f"{images} has no labels beside it: {wanted}, with or without .gz")
    x, y = read_idx(images), read_idx(labels)
    if x.ndim not in (3, 4) or len(x) != len(y):
        raise DataError(
            f"{images} holds {x.shape} and {labels} {y.shape}; images (N, height, width) and one "
            "label for each are needed"
        )
    pixels = x.astype(np.float32) / (255 if x.dtype == np.uint8 else 1)
    return table_of(pixels if x.ndim == 4 else pixels[:, None], y, task, path.name)


def _images_of(folder: Path) -> Path:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):  # a plain file comes before the same one compressed
        if "images" in file.name and is_idx(file) and _labels_of(file):
            found.setdefault(file.name.removesuffix(".gz"), file)
    if len(found) > 1:
        found = {n: file for n, file in found.items() if "train" in n} or found
    if len(found) != 1:
        has = ", ".join(found) or "none with its labels"
        raise DataError(
            f"{folder} should hold one pair of files such as train-images-idx3-ubyte and "
            f"train-labels-idx1-ubyte; it has {has}; give the file of images"
        )
    return next(iter(found.values()))


def _labels_of(images: Path) -> Path | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for candidate in (images.with_name(name), images.with_name(f"{name}.gz")):
        if candidate.is_file():
            return candidate
    return None
