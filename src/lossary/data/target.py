"""What a task makes of the values of a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .errors import DataError
from .table import ONE_CLASS, Task

Array = NDArray[Any]


def check_task(task: object) -> None:
    """Raise DataError unless ``task`` is None or one of :data:`Task`."""
    if task not in (None, *get_args(Task)):
        names = get_args(Task)
        raise DataError(f"the task must be {', '.join(names[:-1])} or {names[-1]}, got {task!r}")


def default_task(values: Array) -> Task:
    """Return the task that values suggest.

    One per sample: a class if text, booleans or whole numbers, else a number. Several: labels if
    all are 0 or 1, else numbers. Two dimensions per sample: a class per pixel.
    """
    match values.ndim:
        case 1:
            return "regression" if np.issubdtype(values.dtype, np.floating) else "classification"
        case 2 if values.shape[1] > 1:
            return "multilabel" if _zero_one(values).all() else "regression"
        case 3:
            return "segmentation"
        case _:
            raise DataError(
                "one label per sample is needed, or several, or a mask, got labels of shape "
                f"{values.shape}"
            )


def target_of(
    values: Array, task: Task | None, *, names: Sequence[str] = (), order: Sequence[str] = ()
) -> tuple[Tensor, Task, tuple[str, ...]]:
    """Return the target as a :class:`Table` has it: tensor, task and classes.

    Args:
        values: one per sample, of shape (N,), (N, L) or (N, height, width).
        task: what is asked of it; by default see :func:`default_task`.
        names: of the columns of values of shape (N, L).
        order: of the classes, where a column has one.

    Raises:
        DataError: if they do not fit the task.
    """
    check_task(task)
    values = _plain(values)
    task = task or default_task(values)
    _check_shape(values, task)
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise DataError(
            f"the target is not finite everywhere, as in row {row + 1}; remove those samples"
        )
    if task in ONE_CLASS:
        return _one_class(values, task, order)
    if task == "segmentation":
        return _masks(values)
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == bool):
        raise DataError(f"a {task} needs a number as target, got {_described(values)}")
    if task == "multilabel":
        labels = tuple(names) or tuple(str(i) for i in range(values.shape[1]))
        if len(wrong := np.argwhere(~_zero_one(values))):
            row, label = wrong[0]
            raise DataError(
                f"label {labels[label]!r} is {values[row, label]} in row {row + 1}; labels of "
                "a multilabel task are 0 or 1"
            )
        return torch.from_numpy(values.astype(np.float32)), task, labels
    if values.dtype == bool:
        raise DataError(f"a {task} needs a number as target, got booleans")
    return torch.from_numpy(values.astype(np.float32)), task, ()


def _plain(values: Array) -> Array:
    """Turn an array of objects into one of texts, if that is what they are."""
    if values.dtype != object:
        return values
    if all(isinstance(value, str) for value in values.flat):
        return values.astype(str)
    kinds = sorted({type(value).__name__ for value in values.flat})
    raise DataError(f"the target must be numbers or texts, got {', '.join(kinds)}")


def _check_shape(values: Array, task: Task) -> None:
    got = f"got shape {values.shape}"
    if task in ONE_CLASS and values.ndim != 1:
        raise DataError(
            f"a {task} needs one class per sample, {got}; several labels of 0 and 1 are a "
            "multilabel task, and argmax(1) makes classes of one-hot vectors"
        )
    if task == "multilabel" and values.ndim != 2:
        raise DataError(f"a multilabel task needs several columns of 0 and 1 as target, {got}")
    if task == "quantile" and values.ndim != 1:
        raise DataError(f"a quantile task needs one number per sample as target, {got}")
    if task == "regression" and (values.ndim not in (1, 2) or values.shape[1:] == (1,)):
        hint = "; take its only column" if values.shape[1:] == (1,) else ""
        raise DataError(f"a regression needs one or several numbers per sample, {got}{hint}")
    if task == "segmentation" and values.ndim != 3:
        raise DataError(f"a segmentation needs masks (N, height, width) as target, {got}")


def _one_class(
    values: Array, task: Task, order: Sequence[str]
) -> tuple[Tensor, Task, tuple[str, ...]]:
    found, index = np.unique(values, return_inverse=True)
    names = [str(value) for value in found]
    places: Sequence[float]
    if order:
        places = [order.index(name) for name in names]
    elif task == "ordinal" and np.issubdtype(values.dtype, np.str_):
        places = _numeric_order(names)
    else:
        places = list(range(len(names)))
    rank = np.argsort(np.argsort(places))  # only those that occur are classes
    classes = tuple(name for _, name in sorted(zip(places, names, strict=True)))
    return torch.from_numpy(rank[index].astype(np.int64)), task, classes


def _numeric_order(names: Sequence[str]) -> list[float]:
    try:
        return [float(name) for name in names]
    except ValueError:
        raise DataError(
            f"the classes of an ordinal task need an order, and {', '.join(names[:5])} have none: "
            "write them as numbers, or give a data frame in which the column is an ordered "
            "categorical"
        ) from None


def _masks(values: Array) -> tuple[Tensor, Task, tuple[str, ...]]:
    if not (np.issubdtype(values.dtype, np.integer) or values.dtype == bool):
        raise DataError(f"masks hold class indices, whole numbers; got {_described(values)}")
    found = np.unique(values).tolist()
    if found != list(range(len(found))):
        shown = ", ".join(str(int(k)) for k in found[:8]) + (", ..." if len(found) > 8 else "")
        raise DataError(
            f"the classes of masks are numbered from 0 without gaps, got {shown}; number them anew"
        )
    masks = torch.from_numpy(values.astype(np.int64))
    return masks, "segmentation", tuple(str(k) for k in range(len(found)))


def _zero_one(values: Array) -> NDArray[np.bool_]:
    if np.issubdtype(values.dtype, np.str_):
        return np.zeros(values.shape, bool)
    found: NDArray[np.bool_] = (values == 0) | (values == 1)
    return found


def _described(values: Array) -> str:
    return "text" if np.issubdtype(values.dtype, np.str_) else str(values.dtype)
