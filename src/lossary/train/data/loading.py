"""Samples read through a DataLoader, whose faults name the sample within a bounded time."""

from __future__ import annotations

import functools
import operator
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import wait
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._C import _remove_worker_pids
from torch.utils.data import DataLoader, Dataset, Subset, get_worker_info

from .randomness import Source, common_sources, seeded

POLL = 1.0
"""Seconds between two looks at the workers while a batch is awaited."""

IDLE, WHOLE, COLLATING = -1, -1, -2


class SampleError(RuntimeError):
    """A sample, or a batch of samples, could not be read.

    Attributes:
        samples: the indices in the data set, as the sampler gave them; empty where no single
            sample is to blame.
    """

    def __init__(self, message: str, samples: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.samples = samples


class Task(NamedTuple):
    """One batch to read.

    Attributes:
        place: its place in the list of tasks.
        seed: where its random numbers begin.
        indices: the indices of its samples, or what a data set of whole batches is asked for.
    """

    place: int
    seed: int
    indices: Any


@dataclass
class _Failure:
    """A SampleError on its way from a worker; errors of users may not survive the way."""

    message: str
    samples: tuple[object, ...]
    trace: str


class Reader(Dataset[Any]):
    """Reads whole batches, each with random numbers of its own. Its indices are tasks.

    Args:
        dataset: what has the samples.
        collate: makes samples a batch.
        batched: whether a task has a list of indices; else its item is a batch already.
        workers: how many processes read.
    """

    def __init__(
        self, dataset: Any, collate: Callable[[Any], Any], *, batched: bool, workers: int
    ) -> None:
        self.dataset, self.collate, self.batched = dataset, collate, batched
        # a row per worker, in which it notes the place of its task and the position of its sample,
        # so that others know them when it is killed
        self.notes = torch.full((workers, 2), IDLE)
        self._sources: list[Source] = []  # made by the process that reads
        if workers:
            self.notes.share_memory_()

    def __getitem__(self, task: Task) -> Any:
        """Return a batch; in a worker also what went wrong.

        Raises:
            SampleError: if a sample could not be read, in the main process.
        """
        self._sources = self._sources or common_sources()
        worker = get_worker_info()
        if worker is None:
            with seeded(task.seed, self._sources):
                return self._read(task, None)
        for source in self._sources:
            source.seed(task.seed)
        note = self.notes[worker.id]
        note[1], note[0] = WHOLE, task.place
        try:
            return self._read(task, note)
        except SampleError as error:
            trace = "".join(traceback.format_exception(error.__cause__))
            return _Failure(str(error), error.samples, f"in worker {worker.id}:\n{trace}")
        finally:
            note[0] = IDLE

    def _read(self, task: Task, note: Tensor | None) -> Any:
        position = WHOLE
        try:
            if not self.batched:
                items = self.dataset[task.indices]
            elif _reads_many(self.dataset):
                items = self.dataset.__getitems__(task.indices)
            else:
                items = []
                for position, index in enumerate(task.indices):
                    if note is not None:
                        note[1] = position
                    items.append(self.dataset[index])
        except Exception as error:
            if self.batched and position == WHOLE:
                position = self._guilty(task, error)
            text, samples = self.name(task, position)
            raise SampleError(f"{text} could not be read: {_what(error)}", samples) from error
        if note is not None:
            note[1] = COLLATING
        try:
            return self.collate(items)
        except Exception as error:
            text, samples = self.name(task, COLLATING)
            raise SampleError(
                f"{text} could not be made one batch by {_name(self.collate)}: {_what(error)}",
                samples,
            ) from error

    def _guilty(self, task: Task, error: Exception) -> int:
        """Return the position of the sample of a batch read at once that gives this error."""
        for position, index in enumerate(task.indices):
            try:
                self.dataset[index]
            except Exception as again:  # the same error is looked for, of whatever type it is
                if type(again) is type(error):
                    return position
        return WHOLE

    def name(self, task: Task, position: int) -> tuple[str, tuple[object, ...]]:
        """Return what a task reads at a position, in words and as indices."""
        samples, kind = samples_of(task.indices), type(self.dataset).__name__
        if position >= 0:
            samples = (samples[position],)
        if len(samples) != 1:
            shown = ", ".join(map(repr, samples[:16])) + (", ..." if len(samples) > 16 else "")
            return f"the batch of samples {shown} of {kind}", samples
        return f"sample {samples[0]!r} of {kind}{self._behind(samples[0])}", samples

    def _behind(self, index: Any) -> str:
        """Return which sample of the data set behind it a Subset means."""
        dataset: Any = self.dataset
        text = ""
        while type(dataset) is Subset:
            dataset, index = dataset.dataset, dataset.indices[index]
            text = f", sample {index!r} of the {type(dataset).__name__} behind it"
        return text


def samples_of(indices: Any) -> tuple[object, ...]:
    """Return the indices that a sampler gave as a tuple, integers of any type as ``int``."""
    if isinstance(indices, list | tuple):
        try:
            return tuple(map(operator.index, indices))
        except TypeError:
            return tuple(map(_plain, indices))
    plain = _plain(indices)
    if isinstance(plain, int | str | bytes) or not isinstance(plain, Iterable):
        return (plain,)
    return tuple(map(_plain, plain))


def reload(loader: DataLoader[Any], dataset: Any, *, timeout: float, **how: Any) -> DataLoader[Any]:
    """Return a DataLoader that reads another data set by the same processes.

    Args:
        loader: whose number of workers and their options to take.
        dataset: what to read.
        timeout: as for :func:`read`.
        how: arguments of ``DataLoader`` that say what to read and how to batch it.
    """
    return DataLoader(
        dataset,
        num_workers=loader.num_workers,
        pin_memory=loader.pin_memory,
        pin_memory_device=loader.pin_memory_device,
        timeout=min(POLL, timeout) if loader.num_workers else 0,
        worker_init_fn=functools.partial(_begin, loader.worker_init_fn),
        multiprocessing_context=loader.multiprocessing_context,
        generator=torch.Generator(),
        prefetch_factor=loader.prefetch_factor,
        **how,
    )


def read(loader: DataLoader[Any], timeout: float) -> Generator[Any, None, None]:
    """Yield what a loader made by :func:`reload` gives, and leave no worker behind.

    Args:
        loader: the loader.
        timeout: seconds to wait for a batch.

    Raises:
        SampleError: if a sample cannot be read, or a worker dies or hangs.
    """
    if not loader.num_workers:
        yield from loader
        return
    workers = _start(loader)
    ended = False
    try:
        for place in count():
            try:
                batch = _next(workers, loader, place, timeout)
            except StopIteration:
                ended = True
                return
            if isinstance(batch, _Failure):
                raise SampleError(batch.message, batch.samples) from RuntimeError(batch.trace)
            yield batch
    finally:
        if not (ended and loader.persistent_workers):
            _stop(workers, loader)


def _start(loader: DataLoader[Any]) -> Any:
    kept: Any = loader._iterator
    try:
        workers: Any = iter(loader)
    except RuntimeError:
        if kept is None:
            raise
        _stop(kept, loader)  # workers kept since the last epoch that do not answer any more
        workers = iter(loader)
    # torch would raise the death of a worker by a signal handler, wherever the main program just
    # is: in the middle of an optimizer step. Here it is found out when its batch is awaited.
    if workers._worker_pids_set:
        _remove_worker_pids(id(workers))
        workers._worker_pids_set = False
    return workers


def _stop(workers: Any, loader: DataLoader[Any]) -> None:
    workers._shutdown_workers()
    for process in workers._workers:
        process.kill()  # one that hangs does not end by being asked to
    loader._iterator = None


def _next(workers: Any, loader: DataLoader[Any], place: int, timeout: float) -> Any:
    """Return the next batch, or raise what keeps it from coming."""
    began = time.monotonic()
    while True:
        try:
            return next(workers)
        except (RuntimeError, OSError, EOFError) as error:
            if str(error).startswith("DataLoader timed out"):
                if time.monotonic() - began >= timeout:
                    raise _hanging(workers, loader, place, timeout) from error
                continue
            # a batch may be lost on its way from a dying worker before that one is dead
            ending = wait([process.sentinel for process in workers._workers], POLL)
            told = str(error).startswith("DataLoader worker (pid")
            for number, process in enumerate(workers._workers):
                if process.sentinel in ending:
                    process.join(POLL)
                if not process.is_alive() and (told or process.exitcode):
                    text, samples = _doing(loader, number)
                    raise SampleError(
                        f"worker {number} {_death(process.exitcode)} {text}", samples
                    ) from error
            raise


def _hanging(workers: Any, loader: DataLoader[Any], place: int, timeout: float) -> SampleError:
    """Return the error for a batch that does not come, after ending the worker that reads it."""
    advice = "if it only needs longer, give the DataLoader a longer timeout"
    if isinstance(loader.dataset, Reader):
        for number, (at, _) in enumerate(loader.dataset.notes.tolist()):
            if at == place:
                text, samples = _doing(loader, number)
                workers._workers[number].kill()  # it would not end by being asked to
                text = f"no batch came for {timeout:g} seconds {text}"
                return SampleError(f"worker {number} hangs: {text}; {advice}", samples)
    for process in workers._workers:
        process.kill()
    return SampleError(f"no batch came from the workers for {timeout:g} seconds; {advice}")


def _doing(loader: DataLoader[Any], worker: int) -> tuple[str, tuple[object, ...]]:
    """Return what a worker was doing according to its note, and with which samples."""
    if not isinstance(loader.dataset, Reader):
        return f"while it read {type(loader.dataset).__name__}", ()
    place, position = loader.dataset.notes[worker].tolist()
    if place == IDLE:
        return "while it read no sample", ()
    tasks: Any = loader.sampler
    text, samples = loader.dataset.name(tasks[place], position)
    return f"while it {'collated' if position == COLLATING else 'read'} {text}", samples


def _death(code: int) -> str:
    if code >= 0:
        return f"ended by itself (exit code {code})"
    hint: dict[int, str] = {
        signal.SIGKILL: ", as the system does when memory runs out",
        signal.SIGBUS: ", as happens when shared memory, /dev/shm, runs out",
    }
    return f"was killed (signal {-code}{hint.get(-code, '')})"


def _begin(begin: Callable[[int], Any] | None, worker: int) -> None:
    """Begin a new worker, and call the user's function, which finds the user's data set there."""
    # Ctrl-C and the end of a job reach the workers too, but the training still wants its batches
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if begin is None:
        return
    info: Any = get_worker_info()
    if isinstance(info.dataset, Reader):
        object.__setattr__(info, "dataset", info.dataset.dataset)  # it is frozen for users
    begin(worker)


def _reads_many(dataset: Any) -> bool:
    """Whether a data set has its own way to read several samples at once."""
    if type(dataset) is Subset:  # which has one in any case, and often reads one by one there
        return _reads_many(dataset.dataset)
    return bool(getattr(dataset, "__getitems__", None))


def _plain(index: Any) -> Any:
    try:
        return operator.index(index)
    except TypeError:
        return index


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
