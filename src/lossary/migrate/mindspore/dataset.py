"""What a training script needs of mindspore.dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch.utils.data import DataLoader, Dataset


class GeneratorDataset(Dataset[Any]):
    """Samples of Python, each a tuple of columns, held in memory.

    Args:
        source: samples, or a function that returns them.
        column_names: taken for the sake of scripts that give them; columns have no names here.
        shuffle: whether to read in a new order each epoch; by default if ``source`` can be indexed.
    """

    def __init__(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]],
        column_names: Sequence[str] | None = None,
        *,
        shuffle: bool | None = None,
    ) -> None:
        self.samples = list(source() if callable(source) else source)
        self.shuffled = hasattr(source, "__getitem__") if shuffle is None else shuffle

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        return self.samples[index]

    def batch(self, batch_size: int, drop_remainder: bool = False) -> DataLoader[Any]:
        """Return the data in batches."""
        return DataLoader(self, batch_size, shuffle=self.shuffled, drop_last=drop_remainder)
