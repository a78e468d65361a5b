"""CIFAR-10 from its archives on disk, the binary and the Python version."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

PIXELS = 3 * 32 * 32
CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# All that a pickled NumPy array needs; a pickle may otherwise call any function there is.
_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


class DataFileError(ValueError):
    """A file is not what it should be; the message names it."""


class _ArraysOnly(pickle.Unpickler):
    """Read dictionaries, lists, numbers, strings and NumPy arrays, and refuse everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not plain data")
        return super().find_class(module, name)


def read_cifar10(path: str | Path, *, train: bool = True) -> tuple[Tensor, Tensor]:
    """Read CIFAR-10.

    Args:
        path: the folder with the files ``data_batch_1`` to ``data_batch_5`` and ``test_batch``,
            with or without ``.bin``, or the ``.tar.gz`` that they come in. Missing training
            files are passed over, as long as there is one.
        train: the training images, or else the test images.

    Returns:
        Images of shape (N, 3, 32, 32) with values in [0, 1], and labels of shape (N,).

    Raises:
        FileNotFoundError: if there is no such file.
        DataFileError: if a file is truncated, or a pickle asks for more than plain data.
    """
    wanted = "data_batch_" if train else "test_batch"
    images, labels = [], []
    for name, content in _files(Path(path)):
        stem = Path(name).name.removesuffix(".bin")
        if stem.startswith(wanted):
            x, y = _binary(name, content) if name.endswith(".bin") else _pickled(name, content)
            images.append(x)
            labels.append(y)
    if not images:
        raise FileNotFoundError(
            f"no {wanted}* in {path}; give the folder cifar-10-batches-py or cifar-10-batches-bin, "
            "or the archive itself"
        )
    pixels = torch.from_numpy(np.concatenate(images)).reshape(-1, 3, 32, 32)
    return pixels.float() / 255, torch.from_numpy(np.concatenate(labels))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the files of a folder or an archive, sorted by name."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.is_file() and "_batch" in file.name:
                yield file.name, file.read_bytes()
    elif path.is_file():
        try:
            with tarfile.open(path) as archive:
                for member in sorted(archive.getmembers(), key=lambda m: m.name):
                    content = archive.extractfile(member) if "_batch" in member.name else None
                    if content is not None:
                        yield member.name, content.read()
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataFileError(f"{path} is not a readable archive: {error}") from error
    else:
        raise FileNotFoundError(f"no file or folder {path}")


def _binary(name: str, content: bytes) -> tuple[Any, Any]:
    """Read records of one byte of label and 3072 of pixels."""
    if not content or len(content) % (PIXELS + 1):
        raise DataFileError(
            f"{name} has {len(content)} bytes, which are not whole records of {PIXELS + 1}: it is "
            "truncated or no CIFAR-10 file"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, PIXELS + 1)
    return _checked(name, records[:, 1:], records[:, 0].astype(np.int64))


def _pickled(name: str, content: bytes) -> tuple[Any, Any]:
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        images, labels = batch[b"data"], batch[b"labels"]
        return _checked(name, np.asarray(images, np.uint8), np.asarray(labels, np.int64))
    except DataFileError:
        raise
    except Exception as error:  # a broken pickle raises many kinds
        raise DataFileError(f"{name} is not a CIFAR-10 batch: {error}") from error


def _checked(name: str, images: Any, labels: Any) -> tuple[Any, Any]:
    if images.shape != (len(labels), PIXELS):
        raise DataFileError(
            f"{name} holds images of shape {images.shape} and {len(labels)} labels, not "
            f"({len(labels)}, {PIXELS})"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise DataFileError(
            f"{name} holds labels from {labels.min()} to {labels.max()}, not 0 to 9"
        )
    return images, labels
