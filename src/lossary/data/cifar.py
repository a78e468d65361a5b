"""CIFAR-10 and CIFAR-100 from their archives on disk, the binary and the Python version."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .arrays import table_of
from .errors import DataError
from .table import ONE_CLASS, Table, Task

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


class DataFileError(DataError):
    """A file is not what it should be; the message names it."""


class _ArraysOnly(pickle.Unpickler):
    """Read dictionaries, lists, numbers, strings and NumPy arrays, and refuse everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not plain data")
        return super().find_class(module, name)


@dataclass(frozen=True)
class _Kind:
    """What tells the two sets apart.

    Attributes:
        name: of the set.
        train: how the names of its training files begin.
        test: how that of its test file does.
        classes: how many there are.
        label_bytes: per image of the binary version; the last of them counts.
        key: of the labels in the Python version.
        folders: what its folders are called.
    """

    name: str
    train: str
    test: str
    classes: int
    label_bytes: int
    key: bytes
    folders: str


_TEN = _Kind(
    "CIFAR-10",
    "data_batch_",
    "test_batch",
    10,
    1,
    b"labels",
    "cifar-10-batches-py or cifar-10-batches-bin",
)
_HUNDRED = _Kind(
    "CIFAR-100",
    "train",
    "test",
    100,
    2,
    b"fine_labels",
    "cifar-100-python or cifar-100-binary",
)


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
    return _read(Path(path), _TEN, train)


def read_cifar100(path: str | Path, *, train: bool = True) -> tuple[Tensor, Tensor]:
    """Read CIFAR-100 with its fine labels, 0 to 99.

    Args:
        path: the folder with the files ``train`` and ``test``, with or without ``.bin``, or the
            ``.tar.gz`` that they come in.
        train: the training images, or else the test images.

    Returns:
        As :func:`read_cifar10`.

    Raises:
        FileNotFoundError: if there is no such file.
        DataFileError: if a file is truncated, or a pickle asks for more than plain data.
    """
    return _read(Path(path), _HUNDRED, train)


def is_cifar(path: Path) -> bool:
    """Say whether a folder holds files of CIFAR, or a file has the name of an archive."""
    if path.is_dir():
        names = {file.name for file in path.iterdir() if file.is_file()}
        return any("_batch" in name for name in names) or bool(
            names & {"train", "train.bin"} and names & {"meta", "fine_label_names.txt"}
        )
    return path.name.lower().endswith((".tar.gz", ".tgz", ".tar"))


def table_of_cifar(path: Path, task: Task | None = None) -> Table:
    """Make a table of the training images of CIFAR-10 or CIFAR-100.

    Args:
        path: as for :func:`read_cifar10`.
        task: as for :func:`~.arrays.table_of`.

    Raises:
        DataError: if it is neither.
    """
    found = [kind for kind in (_TEN, _HUNDRED) if next(_files(path, kind.train), None)]
    if not found:
        raise DataFileError(f"{path} has neither the files of CIFAR-10 nor those of CIFAR-100")
    x, y = _read(path, found[0], True)
    table = table_of(x, y, task, path.name.split(".")[0])
    if found[0] is _TEN and table.task in ONE_CLASS:
        return replace(table, classes=tuple(CLASSES[int(k)] for k in table.classes))
    return table


def _read(path: Path, kind: _Kind, train: bool) -> tuple[Tensor, Tensor]:
    wanted = kind.train if train else kind.test
    images, labels = [], []
    for name, content in _files(path, wanted):
        read = _binary if name.endswith(".bin") else _pickled
        x, y = read(name, content, kind)
        images.append(x)
        labels.append(y)
    if not images:
        raise FileNotFoundError(
            f"no {wanted}{'*' if wanted.endswith('_') else ''} in {path}; give the folder "
            f"{kind.folders}, or the archive itself"
        )
    pixels = torch.from_numpy(np.concatenate(images)).reshape(-1, 3, 32, 32)
    return pixels.float() / 255, torch.from_numpy(np.concatenate(labels))


def _files(path: Path, wanted: str) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the wanted files of a folder or an archive, sorted by name."""

    def is_wanted(name: str) -> bool:
        stem = Path(name).name.removesuffix(".bin")
        return stem.startswith(wanted) if wanted.endswith("_") else stem == wanted

    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.is_file() and is_wanted(file.name):
                yield file.name, file.read_bytes()
    elif path.is_file():
        try:
            with tarfile.open(path) as archive:
                for member in sorted(archive.getmembers(), key=lambda m: m.name):
                    content = archive.extractfile(member) if is_wanted(member.name) else None
                    if content is not None:
                        yield member.name, content.read()
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise DataFileError(f"{path} is not a readable archive: {error}") from error
    else:
        raise FileNotFoundError(f"no file or folder {path}")


def _binary(name: str, content: bytes, kind: _Kind) -> tuple[Any, Any]:
    """Read records of the labels, a byte each, and 3072 bytes of pixels."""
    size = kind.label_bytes + PIXELS
    if not content or len(content) % size:
        raise DataFileError(
            f"{name} has {len(content)} bytes, which are not whole records of {size}: it is "
            f"truncated or no {kind.name} file"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = records[:, kind.label_bytes - 1].astype(np.int64)
    return _checked(name, records[:, kind.label_bytes :], labels, kind)


def _pickled(name: str, content: bytes, kind: _Kind) -> tuple[Any, Any]:
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        images, labels = batch[b"data"], batch[kind.key]
        pair = np.asarray(images, np.uint8), np.asarray(labels, np.int64)
        return _checked(name, *pair, kind)
    except DataFileError:
        raise
    except Exception as error:  # a broken pickle raises many kinds
        raise DataFileError(f"{name} is not a {kind.name} batch: {error}") from error


def _checked(name: str, images: Any, labels: Any, kind: _Kind) -> tuple[Any, Any]:
    if images.shape != (len(labels), PIXELS):
        raise DataFileError(
            f"{name} holds images of shape {images.shape} and {len(labels)} labels, not "
            f"({len(labels)}, {PIXELS})"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < kind.classes:
        raise DataFileError(
            f"{name} holds labels from {labels.min()} to {labels.max()}, not 0 to "
            f"{kind.classes - 1}"
        )
    return images, labels
