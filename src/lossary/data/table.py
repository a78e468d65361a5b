"""Table: features and a target."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from .columns import Columns
from .errors import DataError

Task = Literal[
    "classification", "ordinal", "multilabel", "regression", "quantile", "segmentation", "retrieval"
]
"""What is asked of the target: one class, one of ordered classes, several labels, numbers,
quantiles of a number, a class per pixel, or which samples are of the same class."""

ONE_CLASS: tuple[Task, ...] = ("classification", "ordinal", "retrieval")
"""The tasks with one class per sample."""

_SHAPES: dict[Task, tuple[tuple[int, ...], str]] = {
    "classification": ((1,), "int64 of shape (N,)"),
    "ordinal": ((1,), "int64 of shape (N,)"),
    "retrieval": ((1,), "int64 of shape (N,)"),
    "multilabel": ((2,), "float32 of shape (N, labels)"),
    "regression": ((1, 2), "float32 of shape (N,) or (N, targets)"),
    "quantile": ((1,), "float32 of shape (N,)"),
    "segmentation": ((3,), "int64 of shape (N, height, width)"),
}


@dataclass(frozen=True)
class Table:
    """Features and a target.

    Attributes:
        name: what to call the data.
        x: features, of shape (N, F), images, of shape (N, channels, height, width), or columns of
            mixed kind.
        y: class indices of shape (N,), for segmentation (N, height, width); numbers of shape (N,)
            or, for several targets, (N, targets); 0 and 1 of shape (N, labels) for several labels.
        task: what is asked of the target.
        classes: the names of the classes, in their order, or of the labels; none for numbers.

    Raises:
        DataError: if the target has not the type and shape of its task.
    """

    name: str
    x: Tensor | Columns
    y: Tensor
    task: Task
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.task not in _SHAPES:
            raise DataError(f"the task must be one of {', '.join(_SHAPES)}, got {self.task!r}")
        dims, wanted = _SHAPES[self.task]
        dtype = torch.int64 if wanted.startswith("int64") else torch.float32
        if self.y.ndim not in dims or self.y.dtype != dtype:
            raise DataError(
                f"the target of {self.task} must be {wanted}, got {self.y.dtype} of shape "
                f"{tuple(self.y.shape)}"
            )
        if len(self.x) != len(self.y):
            raise DataError(f"{len(self.x)} samples have {len(self.y)} targets")
        if self.task == "multilabel" and len(self.classes) != self.y.shape[1]:
            raise DataError(f"{self.y.shape[1]} labels have {len(self.classes)} names")
        if self.task == "segmentation":
            shape = tuple(self.x.shape) if isinstance(self.x, Tensor) else ()
            if len(shape) != 4 or shape[2:] != self.y.shape[1:]:
                raise DataError(
                    f"masks of shape {tuple(self.y.shape)} need images of shape (N, channels, "
                    f"{self.y.shape[1]}, {self.y.shape[2]}), got {shape or 'columns'}"
                )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def digest(self) -> str:
        """A fingerprint of the data."""
        found = hashlib.sha256()
        for part in (self.x, self.y):
            if isinstance(part, Columns):
                found.update(part.content())
            else:
                found.update(part.contiguous().numpy().tobytes())
        return found.hexdigest()[:16]

    def take(self, index: Tensor) -> Table:
        """Return a table of the samples of these indices, in this order."""
        x = self.x.take(index) if isinstance(self.x, Columns) else self.x[index]
        return replace(self, x=x, y=self.y[index])

    def prepared(self, train: Tensor) -> Tensor:
        """Return the features of all samples as float32, with what the training samples teach.

        Numbers are brought to mean 0 and deviation 1, each feature of a table and each channel of
        images; a constant becomes 0. :class:`Columns` say what becomes of theirs, and so how many
        features there are.

        Args:
            train: the indices of the training samples. The others do not influence anything.
        """
        if isinstance(self.x, Columns):
            return self.x.prepared(train)
        # (N, channels, ...) from four dimensions on; of three, nobody knows which are channels
        dims = {1: (0,), 2: (0,), 3: (0, 1, 2)}.get(self.x.ndim, (0, *range(2, self.x.ndim)))
        x = self.x.float()
        mean = x[train].mean(dims, keepdim=True)
        deviation = x[train].std(dims, keepdim=True)
        return (x - mean) / torch.where(deviation > 0, deviation, 1.0)

    def imbalanced(self, fraction: float, seed: int = 0) -> Table:
        """Return a table whose classes shrink geometrically, the last to ``fraction`` of the first.

        The samples that stay are drawn with ``seed``; a class that is small already stays whole.
        """
        if self.task not in ONE_CLASS:
            raise DataError(
                f"only classes can be made imbalanced; the task is {self.task}, without one class "
                "per sample"
            )
        if not 0 < fraction <= 1:
            raise DataError(f"the imbalance must lie in (0, 1], got {fraction}")
        generator = torch.Generator().manual_seed(seed)
        counts = torch.bincount(self.y, minlength=len(self.classes))
        kept = []
        for k, count in enumerate(counts.tolist()):
            share = fraction ** (k / max(len(self.classes) - 1, 1))
            wanted = min(count, max(1, round(share * int(counts.max()))))
            members = (self.y == k).nonzero().squeeze(1)
            kept.append(members[torch.randperm(count, generator=generator)[:wanted]])
        return self.take(torch.cat(kept).sort().values)
