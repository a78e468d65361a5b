"""Tables of whatever has data: files, folders, data frames, arrays, data sets, functions."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from ..lookup import NotFoundError, import_from
from .arrays import table_of as table_of, table_of_npz
from .bundled import BUNDLED as BUNDLED, bundled
from .cifar import is_cifar, table_of_cifar
from .columns import Columns as Columns
from .csv_file import CSVFile
from .datasets import table_of_dataset
from .errors import DataError as DataError, DataWarning as DataWarning
from .frames import is_frame, table_of_frame as table_of_frame, table_of_parquet
from .idx import is_idx, table_of_idx
from .image_folder import ImageSize, table_of_images
from .named import Target as Target, table_of_named
from .table import Table as Table, Task as Task
from .target import check_task

_WANTED = (
    "give a .csv, .parquet or .npz file, a folder with a folder of images per class, a CIFAR or "
    "IDX archive, module:factory, or one of"
)


def load_table(
    source: Any,
    target: Target | None = None,
    task: Task | None = None,
    *,
    image_size: ImageSize | None = None,
) -> Table:
    """Load a table.

    Args:
        source: the name of a set bundled with scikit-learn; the path of a ``.csv``, ``.tsv``,
            ``.parquet`` or ``.npz`` file, of a folder of images, or of a CIFAR or IDX archive;
            ``module:factory``, a function without arguments that returns one of the following; a
            data frame, a pair of arrays, a torch ``Dataset`` or a :class:`Table`.
        target: the column with the label, or several; the array of an NPZ file, by default ``y``.
        task: what is asked of the target. By default text, booleans and whole numbers are classes,
            numbers with a fraction are numbers, several columns of 0 and 1 are labels, and masks
            are a segmentation.
        image_size: the height and width that a folder's images are brought to.

    Raises:
        DataError: if the data cannot be read, or do not fit the task.
    """
    check_task(task)
    if not isinstance(source, str | Path):
        _refuse_size(image_size, source)
        return _of_object(source, target, task, None)
    text, path = str(source), Path(source)
    if text in BUNDLED:
        _refuse_size(image_size, text)
        return bundled(text, target, task)
    if ":" in text and not text.startswith(".") and not path.exists():
        _refuse_size(image_size, text)
        return _made(text, target, task)
    if path.is_dir() and not is_cifar(path) and not is_idx(path):
        _refuse_target(target, "the folders are the classes")
        return table_of_images(path, task, image_size)
    _refuse_size(image_size, text)
    if is_cifar(path) or is_idx(path):
        if not path.exists():
            raise DataError(f"no file {path}")
        _refuse_target(target, "the archive has its labels")
        return table_of_cifar(path, task) if is_cifar(path) else table_of_idx(path, task)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet", ".npz"):
        near = get_close_matches(text, BUNDLED, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(f"no data {text!r}: {_WANTED} {', '.join(BUNDLED)}{hint}")
    if not path.is_file():
        raise DataError(f"no file {path}")
    if suffix == ".npz":
        return table_of_npz(path, target, task)
    if suffix == ".parquet":
        return table_of_parquet(path, target, task)
    return table_of_named(path.stem, CSVFile(path), target, task)


def _made(text: str, target: Target | None, task: Task | None) -> Table:
    try:
        factory = import_from(text)
    except NotFoundError as error:
        raise DataError(f"no file {text}, and {error}") from error
    try:
        made = factory()
    except Exception as error:  # a user's code raises anything
        raise DataError(f"{text} failed: {type(error).__name__}: {error}") from error
    return _of_object(made, target, task, text)


def _of_object(value: Any, target: Target | None, task: Task | None, name: str | None) -> Table:
    if isinstance(value, Table):
        _refuse_target(target, "a table has its target")
        if task not in (None, value.task):
            raise DataError(f"the table is for {value.task}, not for {task}")
        return value
    if isinstance(value, Dataset):
        _refuse_target(target, "a data set gives pairs of features and target")
        return table_of_dataset(value, task, name)
    if isinstance(value, tuple | list) and len(value) == 2:
        _refuse_target(target, "the second array is the target")
        x, y = value
        return table_of(x, y, task, name or "data")
    if is_frame(value):
        return table_of_frame(value, target, task, name or "data")
    raise DataError(
        f"{name or 'the data'}: a {type(value).__name__} is neither table, data frame, pair of "
        "arrays nor torch Dataset"
    )


def _refuse_target(target: Target | None, reason: str) -> None:
    if target is not None:
        raise DataError(f"no target can be chosen, got {target!r}: {reason}")


def _refuse_size(image_size: ImageSize | None, source: object) -> None:
    if image_size is not None:
        shown = source if isinstance(source, str) else f"a {type(source).__name__}"
        raise DataError(f"image_size is for folders of images, not for {shown}")
