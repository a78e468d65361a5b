"""Batches: what may be given as a data set, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

Columns = tuple[Tensor, ...]


class Batches:
    """The batches of a data set, epoch by epoch.

    What is given is told apart by its type:

    - a tuple of tensors or NumPy arrays of equal length: the columns of the whole data set, held
      in memory, cut into batches and shuffled here;
    - a ``torch.utils.data.Dataset``: read through a ``DataLoader``, shuffled here;
    - anything else that can be iterated, a ``DataLoader`` or a list or generator of batches: taken
      as it comes, each item one batch, a tuple of columns.

    Args:
        data: one of these.
        batch_size: samples per batch, where the batches are cut here.
        shuffle: whether to read the samples in a new order each epoch, where they are cut here.
        seed: the order is a function of ``seed`` and epoch alone.
    """

    def __init__(self, data: Any, *, batch_size: int, shuffle: bool, seed: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.columns: Columns | None = None
        if isinstance(data, tuple) and data and all(is_array(column) for column in data):
            self.columns = tuple(as_tensor(column) for column in data)
            lengths = [len(column) for column in self.columns]
            if len(set(lengths)) != 1:
                raise ValueError(f"the columns must be of equal length, got {lengths}")
        elif is_array(data) or not isinstance(data, Iterable | Dataset):
            raise TypeError(
                "a data set is a tuple of arrays such as (x, y), a torch Dataset, or an iterable "
                f"of batches, got {type(data).__name__}"
            )
        self.data = data

    def __len__(self) -> int:
        """Return the number of batches, or raise TypeError if nobody knows it."""
        if self.columns is not None:
            return -(-len(self.columns[0]) // self.batch_size)
        if isinstance(self.data, Dataset):
            return -(-len(self.data) // self.batch_size)  # type: ignore[arg-type]  # map-style ones have a length
        return len(self.data)

    def epoch(self, epoch: int) -> Iterator[Columns]:
        """Yield the batches of an epoch, counted from 1."""
        generator = Generator().manual_seed(self.seed * 1_000_003 + epoch)
        if self.columns is not None:
            yield from self._cut(self.columns, generator)
            return
        source: Iterable[Any] = self.data
        if isinstance(self.data, Dataset):
            shuffle = self.shuffle and not isinstance(self.data, IterableDataset)
            source = DataLoader(self.data, self.batch_size, shuffle=shuffle, generator=generator)
        empty = True
        for batch in source:
            empty = False
            columns = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
            yield tuple(as_tensor(column) for column in columns)
        if empty:
            raise ValueError(
                f"the data set gave no batch in epoch {epoch}; a generator can be read only once: "
                "give a list, a DataLoader or an object with __iter__"
            )

    def _cut(self, columns: Columns, generator: Generator) -> Iterator[Columns]:
        count = len(columns[0])
        order = torch.randperm(count, generator=generator) if self.shuffle else None
        for start in range(0, count, self.batch_size):
            part = slice(start, start + self.batch_size)
            index = part if order is None else order[part]
            yield tuple(column[index] for column in columns)


def as_tensor(value: Any) -> Tensor:
    """Return an array as a tensor; NumPy's double precision becomes torch's default."""
    if isinstance(value, Tensor):
        return value
    if not is_array(value):
        raise TypeError(
            f"a column of a batch must be a tensor or a NumPy array, got {type(value).__name__}"
        )
    tensor = torch.as_tensor(value)
    return tensor.to(torch.get_default_dtype()) if tensor.dtype == torch.float64 else tensor


def is_array(value: object) -> bool:
    """Whether a value is a tensor or a NumPy array."""
    return isinstance(value, Tensor) or type(value).__module__ == "numpy"
