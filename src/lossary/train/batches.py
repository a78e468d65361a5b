"""Batches: what may be given as a data set, and which process reads which batch when."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from .data.loading import Reader, SampleError as SampleError, Task, read, reload, samples_of
from .data.randomness import Aside, common_sources, mix, seeded, sources_in

Columns = tuple[Tensor, ...]

FILLER = 2
"""Samples of a batch that does not count: batch normalisation takes no batch of one."""


class Batch(NamedTuple):
    """One batch.

    Attributes:
        columns: its columns.
        samples: the indices of its samples in the data set, or None where nobody knows them.
        counts: False if it is there only so that every process does the same number of passes.
    """

    columns: Columns
    samples: tuple[int, ...] | None
    counts: bool


class Batches:
    """The batches of a data set, epoch by epoch.

    An epoch is a list of batches. An optimizer step takes a window of ``accumulate * processes``
    consecutive ones, of which each process takes every ``processes``-th. So one process that
    accumulates over two batches sees what two processes see. The list is a function of ``seed``
    and epoch alone, and the random numbers drawn while a batch is read are one of ``seed``, epoch
    and the number of the batch: reading may begin anywhere, with any number of workers, and gives
    the same. The random states of the program are not touched.

    What is given is told apart by its type:

    - a tuple of tensors or NumPy arrays of equal length, or a ``TensorDataset`` of them: the
      columns of the whole data set, held in memory, cut into batches and shuffled here;
    - a ``torch.utils.data.Dataset``: read through a ``DataLoader``, shuffled here;
    - a ``DataLoader``: its samplers say which samples make a batch, and its workers read them. A
      sampler that has ``set_epoch`` is told the epoch, counted from 0 as is usual there. Random
      numbers that a sampler keeps deeper than in its attributes are out of reach here;
    - anything else that can be iterated, a ``DataLoader`` of an ``IterableDataset`` or a list or
      generator of batches: a stream, taken as it comes, each item one batch, a tuple of columns.
      Every process reads all of it and drops what others take.

    Args:
        data: one of these.
        batch_size: samples per batch, where the batches are cut here.
        shuffle: whether to read the samples in a new order each epoch, where they are cut here.
        seed: what the order and the random numbers depend on.
        accumulate: batches per process and optimizer step.
        rank: which of the processes this is.
        processes: how many processes read.
        timeout: seconds to wait for a batch of a worker process, unless the DataLoader says.
    """

    def __init__(
        self,
        data: Any,
        *,
        batch_size: int,
        shuffle: bool,
        seed: int,
        accumulate: int = 1,
        rank: int = 0,
        processes: int = 1,
        timeout: float = 300.0,
    ) -> None:
        for name, value in (
            ("batch_size", batch_size),
            ("accumulate", accumulate),
            ("processes", processes),
        ):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= rank < processes:
            raise ValueError(f"rank must be in [0, {processes}), got {rank}")
        if not timeout > 0:
            raise ValueError(f"timeout must be positive, got {timeout}")
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.accumulate, self.rank, self.processes = accumulate, rank, processes
        self.timeout = timeout
        self._kept: DataLoader[Any] | None = None
        if type(data) is TensorDataset:
            data = data.tensors
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
        if isinstance(data, Dataset):
            shuffle = shuffle and not isinstance(data, IterableDataset)
            data = DataLoader(data, batch_size, shuffle=shuffle)
        if isinstance(data, DataLoader):
            _check_undistributed(data, processes)
            self.timeout = data.timeout or timeout
        self.data = data

    def __len__(self) -> int:
        """Return the batches of an epoch over all processes, or raise TypeError if unknown."""
        if self.columns is not None:
            return -(-len(self.columns[0]) // self.batch_size)
        return len(self.data)

    @property
    def samples(self) -> int | None:
        """The samples of the data set, or None if nobody knows."""
        if self.columns is not None:
            return len(self.columns[0])
        if isinstance(self.data, DataLoader) and _has_samples(self.data):
            try:
                return len(self.data.dataset)  # type: ignore[arg-type]  # most have one
            except TypeError:
                return None
        return None

    @property
    def steps(self) -> int | None:
        """The optimizer steps of an epoch, or None if nobody knows."""
        try:
            return -(-len(self) // self._window)
        except TypeError:  # an iterable of unknown length
            return None

    @property
    def _window(self) -> int:
        return self.accumulate * self.processes

    def windows(self, epoch: int, skip: int = 0) -> Generator[list[Batch], None, None]:
        """Yield what this process takes of each window of an epoch.

        The lists are of equal length in all processes. Close the generator, as
        ``contextlib.closing`` does, and its workers end, too.

        Args:
            epoch: the epoch, counted from 1.
            skip: how many windows to leave out, without reading them where that can be.

        Raises:
            SampleError: if a sample cannot be read, or a worker dies or hangs.
            ValueError: if the data set gives no batch.
        """
        if self.columns is not None:
            return self._cut(self.columns, epoch, skip)
        if isinstance(self.data, DataLoader) and _has_samples(self.data):
            if _is_in_memory(self.data):
                return self._indexed(self.data, epoch, skip)
            return self._loaded(self.data, epoch, skip)
        return self._streamed(epoch, skip)

    def _share(self, size: int) -> list[tuple[int, bool]]:
        """Return which batches of a window this process takes, and whether each counts."""
        share = [(number, True) for number in range(self.rank, size, self.processes)]
        passes = -(-size // self.processes)
        return share + [(0, False)] * (passes - len(share))

    def _shares(self, size: int, skip: int) -> Iterator[list[tuple[int, bool]]]:
        """Yield the same for the windows of an epoch of ``size`` batches."""
        for begin in range(skip * self._window, size, self._window):
            share = self._share(min(self._window, size - begin))
            yield [(begin + number, counts) for number, counts in share]

    def _cut(self, columns: Columns, epoch: int, skip: int) -> Generator[list[Batch], None, None]:
        size, length = len(columns[0]), self.batch_size
        if not size:
            raise ValueError("the data set gave no batch: its columns have no sample")
        order: Tensor | None = None
        if self.shuffle:
            generator = torch.Generator().manual_seed(mix(self.seed, epoch))
            order = torch.randperm(size, generator=generator)
        every = range(size) if order is None else order.tolist()
        for share in self._shares(len(self), skip):
            window = []
            for number, counts in share:
                begin = number * length
                end = min(begin + (length if counts else min(length, FILLER)), size)
                index = slice(begin, end) if order is None else order[begin:end]
                samples = tuple(every[begin:end])
                part = tuple(column[index] for column in columns)
                window.append(Batch(part, samples, counts))
            yield window

    def _indexed(
        self, loader: DataLoader[Any], epoch: int, skip: int
    ) -> Generator[list[Batch], None, None]:
        """Read what a loader would put together sample by sample."""
        columns = cast(TensorDataset, loader.dataset).tensors
        order = self._order(loader, epoch)
        for share in self._shares(len(order), skip):
            window = []
            for number, counts in share:
                samples = order[number] if counts else order[number][:FILLER]
                index = torch.tensor(samples)
                part = tuple(column[index] for column in columns)
                window.append(Batch(part, tuple(samples), counts))
            yield window

    def _loaded(
        self, loader: DataLoader[Any], epoch: int, skip: int
    ) -> Generator[list[Batch], None, None]:
        batched = loader.batch_sampler is not None
        order = self._order(loader, epoch)
        shares = list(self._shares(len(order), skip))
        tasks: list[Task] = []
        for number, counts in (batch for share in shares for batch in share):
            indices = order[number]
            if not counts and (batched or isinstance(indices, list)):
                indices = list(islice(indices, FILLER))
            tasks.append(Task(len(tasks), mix(self.seed, epoch, number), indices))
        if not tasks:
            return
        reading = self._kept
        if reading is None:
            reader = Reader(
                loader.dataset, loader.collate_fn, batched=batched, workers=loader.num_workers
            )
            reading = reload(
                loader,
                reader,
                timeout=self.timeout,
                batch_size=None,
                sampler=[],
                collate_fn=_as_it_is,
                persistent_workers=loader.persistent_workers,
            )
            if loader.persistent_workers:
                self._kept = reading
        cast(list[Task], reading.sampler)[:] = tasks
        cast(torch.Generator, reading.generator).manual_seed(mix(self.seed, epoch))
        todo = iter(tasks)
        with closing(read(reading, self.timeout)) as batches:
            for share in shares:
                window = []
                for _, counts in share:
                    samples = samples_of(next(todo).indices)
                    columns = _columns_of(next(batches))
                    known = all(isinstance(index, int) for index in samples)
                    window.append(
                        Batch(
                            columns if counts or batched else _first(columns),
                            cast(tuple[int, ...], samples) if known else None,
                            counts,
                        )
                    )
                yield window
            next(batches, None)  # the end, at which persistent workers stay for the next epoch

    def _order(self, loader: DataLoader[Any], epoch: int) -> list[Any]:
        """Return what the samplers of a loader give in an epoch."""
        sources = common_sources()
        for sampler in _samplers(loader):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch - 1)
            sources += sources_in(sampler)
        with seeded(mix(self.seed, epoch), sources):
            order = list(loader.sampler if loader.batch_sampler is None else loader.batch_sampler)
        if not order:
            raise ValueError(
                f"the data set gave no batch in epoch {epoch}: its sampler has no sample, or "
                "drop_last leaves none of so few"
            )
        return order

    def _streamed(self, epoch: int, skip: int) -> Generator[list[Batch], None, None]:
        read_any = False
        with closing(self._stream(epoch)) as stream:
            while True:
                kept: dict[int, Columns] = {}
                size = 0
                for item in islice(stream, self._window):
                    if not skip and (size == 0 or size % self.processes == self.rank):
                        kept[size] = _columns_of(item)
                    size += 1
                if not size:
                    break
                read_any = True
                if skip:
                    skip -= 1
                    continue
                yield [
                    Batch(kept[number] if counts else _first(kept[number]), None, counts)
                    for number, counts in self._share(size)
                ]
        if not read_any:
            raise ValueError(
                f"the data set gave no batch in epoch {epoch}; a generator can be read only once: "
                "give a list, a DataLoader or an object with __iter__"
            )

    def _stream(self, epoch: int) -> Generator[Any, None, None]:
        """Yield the items of a stream, which draws random numbers of its own."""
        if isinstance(self.data, list | tuple):  # they draw none
            yield from self.data
            return
        source, seed = self.data, mix(self.seed, epoch)
        if isinstance(source, DataLoader) and _is_plain(source):
            loader = reload(
                source,
                source.dataset,
                timeout=self.timeout,
                batch_size=source.batch_size,
                drop_last=source.drop_last,
                collate_fn=source.collate_fn,
                # workers that stay would go on with the random numbers of the last epoch
                persistent_workers=False,
            )
            cast(torch.Generator, loader.generator).manual_seed(seed)
            source = read(loader, self.timeout)
        aside = Aside(seed)
        with aside:
            items = iter(source)
        try:
            while True:
                with aside:
                    try:
                        item = next(items)
                    except StopIteration:
                        return
                yield item
        finally:
            if items is not self.data and isinstance(items, Generator):
                items.close()


def _check_undistributed(loader: DataLoader[Any], processes: int) -> None:
    for sampler in _samplers(loader):
        replicas = getattr(sampler, "num_replicas", 1)
        if replicas > 1 or (processes > 1 and isinstance(sampler, DistributedSampler)):
            raise ValueError(
                f"the DataLoader has a {type(sampler).__name__} for {replicas} processes, but the "
                "trainer deals the batches to the processes itself: give the plain DataLoader, "
                "with shuffle=True instead of that sampler"
            )


def _samplers(loader: DataLoader[Any]) -> list[Any]:
    """Return the samplers of a loader, and the samplers in them."""
    found: list[Any] = []
    pending: list[Any] = [loader.batch_sampler, loader.sampler]
    while pending:
        sampler = pending.pop()
        if sampler is not None and not any(sampler is other for other in found):
            found.append(sampler)
            pending += [getattr(sampler, name, None) for name in ("sampler", "batch_sampler")]
    return found


def _is_plain(loader: DataLoader[Any]) -> bool:
    """Whether a loader iterates as torch's does; another one is taken as it comes."""
    return type(loader).__iter__ is DataLoader.__iter__


def _has_samples(loader: DataLoader[Any]) -> bool:
    return _is_plain(loader) and not isinstance(loader.dataset, IterableDataset)


def _is_in_memory(loader: DataLoader[Any]) -> bool:
    """Whether indexing the columns gives what the loader gives."""
    return (
        type(loader.dataset) is TensorDataset
        and type(loader.batch_sampler) is BatchSampler
        and type(loader.sampler) in (RandomSampler, SequentialSampler)
        and loader.collate_fn is default_collate
        and not loader.num_workers
        and not loader.pin_memory
    )


def _as_it_is(item: Any) -> Any:
    return item


def _columns_of(item: Any) -> Columns:
    columns = tuple(item) if isinstance(item, tuple | list) else (item,)
    return tuple(as_tensor(column) for column in columns)


def _first(columns: Columns) -> Columns:
    """Return the first samples of a batch, or all of it where columns are not samples."""
    if len({len(column) if column.ndim else None for column in columns}) > 1:
        return columns
    return tuple(column[:FILLER] if column.ndim else column for column in columns)


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
