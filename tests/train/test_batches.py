"""Batches are dealt by one law, read bit-exactly from anywhere, and their faults have names."""

import functools
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

from lossary.train.batches import Batch, Batches, SampleError

EVERYTHING = "LOSSARY_ALL" in os.environ  # `make test-all`

pytestmark = [
    # the tests use two workers wherever they run
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
    # pytest's own process has threads
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class Numbers(Dataset[tuple[Tensor, Tensor]]):
    """Sample i is i, and numbers drawn from every random state that augmentation draws from."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        drawn = [random.random(), np.random.rand(), torch.rand(()).item()]
        return torch.tensor(int(index)), torch.tensor(drawn, dtype=torch.float64)


class AtOnce(Numbers):
    """The same, read many at once."""

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        return [self[index] for index in indices]


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """The same in a row, of which each worker reads its share."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for index in range(first, self.size, step):
            yield Numbers(self.size)[index]


class Generated:
    """Batches made anew in each epoch, with random numbers."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for begin in range(0, self.size, 3):
            parts = [Numbers(self.size)[i] for i in range(begin, min(begin + 3, self.size))]
            yield torch.stack([p[0] for p in parts]), torch.stack([p[1] for p in parts])


def mixed(samples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Collate with random numbers, as mixing samples does."""
    index, drawn = (torch.stack(column) for column in zip(*samples, strict=True))
    return index, drawn + random.random() + np.random.rand() + torch.rand(())


class Buckets:
    """Batches of neighbours in a random order, drawn from Python's random numbers."""

    def __init__(self, size: int, own: random.Random | None = None) -> None:
        self.batches = [list(range(i, min(i + 3, size))) for i in range(0, size, 3)]
        self.own = own

    def __iter__(self) -> Iterator[list[int]]:
        order = list(range(len(self.batches)))
        (self.own or random).shuffle(order)
        yield from (self.batches[i] for i in order)

    def __len__(self) -> int:
        return len(self.batches)


class NumpySampler(Sampler[int]):
    """Draws with a NumPy generator of its own."""

    def __init__(self, size: int) -> None:
        self.size, self.rng = size, np.random.default_rng(5)
        self.old = np.random.RandomState(5)

    def __iter__(self) -> Iterator[int]:
        yield from (int(i) for i in self.old.permutation(self.rng.permutation(self.size)))

    def __len__(self) -> int:
        return self.size


SIZE = 17
LIST = list(Generated(SIZE))


def columns() -> tuple[Tensor, Tensor]:
    return torch.arange(SIZE), torch.arange(SIZE).double()


def loaders(workers: int) -> dict[str, Any]:
    """Return a function that makes each kind of data set."""
    weights = torch.arange(SIZE) + 1.0
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"batch_size": 3},
        "shuffled": {"batch_size": 3, "shuffle": True, "collate_fn": mixed},
        "generator": {"batch_size": 3, "shuffle": True, "generator": torch.Generator()},
        "drop_last": {"batch_size": 3, "shuffle": True, "drop_last": True},
        "weighted": {"batch_size": 2, "sampler": WeightedRandomSampler(weights, SIZE)},
        "numpy": {"batch_size": 2, "sampler": NumpySampler(SIZE)},
        "buckets": {"batch_sampler": Buckets(SIZE)},
        "own buckets": {"batch_sampler": Buckets(SIZE, random.Random(3))},
        "tensors": {"batch_sampler": torch.arange(16).split(3)},
        "single": {"batch_size": None, "shuffle": True},
    }
    made: dict[str, Any] = {
        name: functools.partial(DataLoader, Numbers(SIZE), num_workers=workers, **options)
        for name, options in kinds.items()
    }
    made["at once"] = functools.partial(
        DataLoader, AtOnce(SIZE), 3, shuffle=True, num_workers=workers
    )
    made["subset"] = functools.partial(
        DataLoader, Subset(Numbers(40), range(3, 20)), 3, shuffle=True, num_workers=workers
    )
    made["stream"] = functools.partial(DataLoader, Stream(SIZE), 3, num_workers=workers)
    if workers:
        made["persistent"] = functools.partial(
            DataLoader, Numbers(SIZE), 3, True, num_workers=workers, persistent_workers=True
        )
    else:
        made |= {
            "columns": columns,
            "columns of a data set": lambda: TensorDataset(*columns()),
            "dataset": lambda: Numbers(SIZE),
            "iterable dataset": lambda: Stream(SIZE),
            "iterable": lambda: Generated(SIZE),
            "list": lambda: LIST,
        }
    return made


KINDS = [(name, 0) for name in loaders(0)] + [(name, 2) for name in loaders(2)]
SOME = [(name, 0) for name in loaders(0)] + [("shuffled", 2), ("persistent", 2), ("stream", 2)]


def batches(data: Any, **options: Any) -> Batches:
    return Batches(data, **{"batch_size": 3, "shuffle": True, "seed": 4, **options})


def plain(window: list[Batch]) -> list[Any]:
    """Return a window as something that can be compared."""
    return [([c.tolist() for c in b.columns], b.samples, b.counts) for b in window]


def read(source: Batches, epoch: int, skip: int = 0) -> list[list[Any]]:
    with closing(source.windows(epoch, skip)) as windows:
        return [plain(window) for window in windows]


def states() -> list[Any]:
    numpy = np.random.get_state(legacy=False)
    return [
        random.getstate(),
        torch.get_rng_state().tolist(),
        numpy["state"]["key"].tolist(),
        numpy["state"]["pos"],
    ]


@pytest.mark.parametrize("seed", range(300 if EVERYTHING else 60))
def test_the_law(seed: int) -> None:
    """Any split of windows over processes and accumulation gives the same windows."""
    draw = random.Random(seed)
    size, batch_size = draw.randint(1, 40), draw.randint(1, 7)
    accumulate, processes = draw.randint(1, 5), draw.randint(1, 5)
    kind = draw.choice(["columns", "loader", "list"])
    data: Any = (torch.arange(size),)
    if kind == "loader":
        data = DataLoader(TensorDataset(*data), batch_size, shuffle=draw.random() < 0.7)
    elif kind == "list":
        data = [(part,) for part in torch.arange(size).split(batch_size)]
    how = {"batch_size": batch_size, "shuffle": draw.random() < 0.7, "seed": seed}
    one = Batches(data, **how, accumulate=accumulate * processes)
    expected = [[batch.columns[0].tolist() for batch in w] for w in one.windows(1)]
    window = accumulate * processes
    assert [b for w in expected for b in w] == [
        b.columns[0].tolist() for (b,) in Batches(data, **how).windows(1)
    ]
    assert all(len(w) == window for w in expected[:-1])
    assert sorted(i for w in expected for b in w for i in b) == list(range(size))

    sources = [
        Batches(data, **how, accumulate=accumulate, rank=rank, processes=processes)
        for rank in range(processes)
    ]
    dealt = [list(source.windows(1)) for source in sources]
    assert {len(share) for share in dealt} == {len(expected)}
    assert {source.steps for source in sources} == {len(expected)}
    assert {len(source) for source in sources} == {-(-size // batch_size)}
    for whole, *shares in zip(expected, *dealt, strict=True):
        passes = -(-len(whole) // processes)
        assert {len(share) for share in shares} == {passes}
        for rank, share in enumerate(shares):
            counted = [batch for batch in share if batch.counts]
            assert [b.columns[0].tolist() for b in counted] == whole[rank::processes]
            assert share[: len(counted)] == counted, "those that do not count come last"
            for batch in share:
                known = None if kind == "list" else tuple(batch.columns[0].tolist())
                assert batch.samples == known
            for filler in share[len(counted) :]:
                assert filler.columns[0].tolist() == whole[0][:2]


@pytest.mark.parametrize(("kind", "workers"), KINDS if EVERYTHING else SOME)
def test_reading_from_any_window_gives_the_same(kind: str, workers: int) -> None:
    """Augmentation included, and whatever was read, drawn or begun before."""
    make = loaders(workers)[kind]
    source = batches(make(), accumulate=2)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    first, second = read(source, 1), read(source, 2)
    assert source.steps in {len(first), None}
    assert (source.steps is None) == (kind in {"stream", "iterable", "iterable dataset"})
    before = states()
    for skip in range(0, len(second) + 1, 1 if workers == 0 or EVERYTHING else 2):
        random.seed(skip), np.random.seed(skip), torch.manual_seed(skip)
        fresh = batches(make(), accumulate=2)
        with closing(fresh.windows(1)) as begun:
            next(begun)
        assert read(fresh, 2, skip) == second[skip:]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    read(source, 2)
    assert states() == before
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert states() == before


@pytest.mark.parametrize("kind", [k for k in loaders(2) if k != "persistent"])
def test_workers_and_processes_change_nothing(kind: str) -> None:
    """Which process, of the trainer or of the loader, reads a batch does not show in it."""
    if kind in {"buckets", "numpy", "own buckets", "weighted"} and not EVERYTHING:
        return
    make, numbered = loaders(0)[kind], {}
    for rank in range(3):
        source = batches(make(), rank=rank, processes=3)
        for step, window in enumerate(read(source, 1)):
            numbered |= {3 * step + rank + 3 * i: b for i, b in enumerate(window) if b[2]}
    whole = [batch for window in read(batches(make()), 1) for batch in window]
    assert [numbered[i] for i in range(len(numbered))] == whole
    if kind != "stream":  # whose workers read each a part of it
        by_workers = batches(loaders(2)[kind]())
        assert [batch for window in read(by_workers, 1) for batch in window] == whole


@pytest.mark.parametrize("kind", loaders(0))
def test_epochs_differ_and_the_seed_decides(kind: str) -> None:
    make = loaders(0)[kind]
    epochs = [read(batches(make()), epoch) for epoch in (1, 2)]
    assert (epochs[0] == epochs[1]) == (kind == "list")
    orders = [[b[0][0] for w in read(batches(make(), seed=seed), 1) for b in w] for seed in (1, 2)]
    in_order = {"plain", "tensors", "stream", "iterable", "iterable dataset", "list"}
    assert (orders[0] == orders[1]) == (kind in in_order)


def test_the_samplers_generators_stay_as_they_were() -> None:
    generator, own, numbers = torch.Generator(), random.Random(3), NumpySampler(SIZE)
    before = [generator.get_state().tolist(), own.getstate()]
    numpy = [numbers.rng.bit_generator.state, numbers.old.get_state()[1].tolist()]
    for options in (
        {"shuffle": True, "generator": generator},
        {"sampler": RandomSampler(range(SIZE), generator=generator)},
        {"batch_sampler": BatchSampler(RandomSampler(range(9), generator=generator), 2, False)},
        {"batch_sampler": Buckets(SIZE, own)},
        {"sampler": numbers},
    ):
        assert read(batches(DataLoader(Numbers(SIZE), **options)), 1)
    assert before == [generator.get_state().tolist(), own.getstate()]
    assert numpy == [numbers.rng.bit_generator.state, numbers.old.get_state()[1].tolist()]


def test_a_sampler_is_told_the_epoch() -> None:
    class Told(SequentialSampler):
        def set_epoch(self, epoch: int) -> None:
            seen.append(epoch)

    seen: list[int] = []
    source = batches(DataLoader(Numbers(4), 2, sampler=Told(Numbers(4))))
    read(source, 1), read(source, 7)
    assert seen == [0, 6]


def test_batch_size_and_drop_last_of_a_loader_hold() -> None:
    whole = read(batches(DataLoader(Numbers(10), 4)), 1)
    assert [b[1] for w in whole for b in w] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]
    source = batches(DataLoader(Numbers(10), 4, drop_last=True))
    assert [b[1] for w in read(source, 1) for b in w] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert (len(source), source.steps) == (2, 2)
    few = batches(DataLoader(Numbers(3), 4, drop_last=True))
    with pytest.raises(ValueError, match=r"gave no batch in epoch 1: .* drop_last leaves none"):
        read(few, 1)


def test_evaluating_a_shuffled_loader_reads_each_sample_once() -> None:
    loader = DataLoader(Numbers(SIZE), 2, shuffle=True)
    seen = []
    for rank in range(3):
        source = batches(loader, shuffle=False, seed=0, rank=rank, processes=3)
        seen += [i for w in read(source, 1) for b in w if b[2] for i in b[1]]
    assert seen != sorted(seen)
    assert sorted(seen) == list(range(SIZE))


@pytest.mark.parametrize(("replicas", "processes"), [(2, 1), (1, 2), (2, 2)])
def test_a_sampler_that_deals_already_is_refused(replicas: int, processes: int) -> None:
    sampler = DistributedSampler(Numbers(8), num_replicas=replicas, rank=0)
    for options in ({"sampler": sampler}, {"batch_sampler": BatchSampler(sampler, 2, False)}):
        loader = DataLoader(Numbers(8), **options)
        with pytest.raises(ValueError, match=r"has a DistributedSampler .* the plain DataLoader"):
            batches(loader, processes=processes)
    alone = DistributedSampler(Numbers(8), num_replicas=1, rank=0)
    assert len(batches(DataLoader(Numbers(8), 2, sampler=alone))) == 4


def test_a_loader_of_whole_batches_that_is_asked_by_lists() -> None:
    sampler = BatchSampler(SequentialSampler(range(5)), 2, False)
    loader = DataLoader(TensorDataset(torch.arange(5)), batch_size=None, sampler=sampler)
    windows = [list(batches(loader, rank=r, processes=2).windows(1)) for r in range(2)]
    assert [[b.samples for b in w] for w in windows[0]] == [[(0, 1)], [(4,)]]
    assert [[b.samples for b in w] for w in windows[1]] == [[(2, 3)], [(4,)]]
    assert windows[1][1][0].counts is False


def test_samples_with_names_have_no_number() -> None:
    data = {"a": torch.tensor(1), "b": torch.tensor(2)}
    source = batches(DataLoader(data, 2, sampler=["b", "a"]))
    assert read(source, 1) == [[([[2, 1]], None, True)]]
    source = batches(DataLoader(data, 2, sampler=["b", "c"]))
    with pytest.raises(SampleError, match="sample 'c' of dict could not be read") as error:
        read(source, 1)
    assert error.value.samples == ("c",)


def test_a_filler_of_a_stream_whose_columns_are_no_samples_is_whole() -> None:
    edges = [(torch.ones(3, 1), torch.zeros(2, 5)), (torch.ones(4, 1), torch.zeros(2, 9))] * 2
    (_, window) = batches(edges[:3], rank=1, processes=2).windows(1)
    assert [c.shape for c in window[0].columns] == [(3, 1), (2, 5)]
    assert not window[0].counts


def test_nobody_knows_the_length_of_a_generator() -> None:
    source = batches(iter(Generated(4)))
    assert source.steps is None
    with pytest.raises(TypeError):
        len(source)
    assert len(read(source, 1)) == 2
    with pytest.raises(ValueError, match=r"no batch in epoch 2; a generator can be read only once"):
        read(source, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"accumulate": 0}, "accumulate must be at least 1, got 0"),
        ({"processes": 0}, "processes must be at least 1, got 0"),
        ({"rank": 2, "processes": 2}, r"rank must be in \[0, 2\), got 2"),
        ({"timeout": 0.0}, "timeout must be positive, got 0.0"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        batches(columns(), **options)


class Faulty(Numbers):
    """Sample 37 does something bad."""

    def __init__(self, fault: str) -> None:
        super().__init__(60)
        self.fault = fault

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index == 37:
            match self.fault:
                case "raise":
                    raise OSError("picture 37 is damaged")
                case "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "exit":
                    os._exit(3)
                case "hang":
                    time.sleep(1000)
                case "slow":
                    time.sleep(2.5)
                case "ragged":
                    return torch.tensor([1, 2]), torch.zeros(3)
        return super().__getitem__(index)


class FaultyAtOnce(Faulty):
    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        return [self[index] for index in indices]


def none_left() -> bool:
    """Whether no process of ours is alive, and no thread of a loader."""
    return not multiprocessing.active_children() and not any(
        "pin_memory" in str(getattr(t, "_target", "")) for t in threading.enumerate()
    )


@pytest.mark.parametrize("kind", [Faulty, FaultyAtOnce])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_raises_is_named(workers: int, kind: type[Faulty]) -> None:
    loader = DataLoader(kind("raise"), 4, shuffle=True, num_workers=workers)
    before = states()
    with pytest.raises(SampleError) as error:
        read(batches(loader), 1)
    assert none_left()
    assert states() == before
    name = kind.__name__
    assert str(error.value) == (
        f"sample 37 of {name} could not be read: OSError: picture 37 is damaged"
    )
    assert error.value.samples == (37,)
    if workers:
        assert "in __getitem__" in str(error.value.__cause__), "where it happened"
        assert "picture 37 is damaged" in str(error.value.__cause__)
    else:
        assert isinstance(error.value.__cause__, OSError)


def test_a_sample_of_a_subset_is_named_as_both_know_it() -> None:
    loader = DataLoader(Subset(Subset(Faulty("raise"), range(30, 60)), range(5, 10)), 2)
    with pytest.raises(SampleError, match=r"sample 2 of Subset, sample 37 of the Faulty behind it"):
        read(batches(loader), 1)


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_that_make_no_batch_are_named(workers: int) -> None:
    loader = DataLoader(Faulty("ragged"), 4, num_workers=workers)
    message = r"the batch of samples 36, 37, 38, 39 of Faulty could not be made one batch by def"
    with pytest.raises(SampleError, match=message) as error:
        read(batches(loader), 1)
    assert error.value.samples == (36, 37, 38, 39)
    assert none_left()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("kill", "worker 1 was killed (signal 9, as the system does when memory runs out)"),
        ("exit", "worker 1 ended by itself (exit code 3)"),
        ("hang", "worker 1 hangs: no batch came for 3 seconds"),
    ],
)
@pytest.mark.parametrize("kind", [Faulty, FaultyAtOnce])
def test_a_worker_that_ends_or_hangs_names_its_sample(
    fault: str, message: str, kind: type[Faulty]
) -> None:
    if kind is FaultyAtOnce and fault != "kill" and not EVERYTHING:
        return
    source = batches(DataLoader(kind(fault), 4, num_workers=2), timeout=3.0)
    got: list[list[Batch]] = []
    with pytest.raises(SampleError) as error:
        got.extend(source.windows(1))
    assert none_left()
    assert len(got) <= 9, "sample 37 is in the batch after these"
    if kind is Faulty:
        assert f"{message} while it read sample 37 of Faulty" in str(error.value)
        assert error.value.samples == (37,)
    else:
        wanted = f"{message} while it read the batch of samples 36, 37, 38, 39 of FaultyAtOnce"
        assert wanted in str(error.value)
        assert error.value.samples == (36, 37, 38, 39)


def test_the_death_of_a_worker_does_not_interrupt_the_program() -> None:
    """It is told when its batch is awaited, not in the middle of an optimizer step."""
    source = batches(DataLoader(Numbers(60), 4, num_workers=2), timeout=3.0)
    windows = source.windows(1)
    next(windows)
    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    with pytest.raises(SampleError, match=r"worker \d was killed \(signal 9"):
        list(windows)
    assert none_left()


def test_a_slow_worker_is_waited_for() -> None:
    source = batches(DataLoader(Faulty("slow"), 20, num_workers=1), timeout=30.0)
    assert len(read(source, 1)) == 3


def test_the_timeout_of_the_loader_comes_first() -> None:
    source = batches(DataLoader(Faulty("hang"), 20, num_workers=1, timeout=2))
    with pytest.raises(SampleError, match="for 2 seconds while it read sample 37"):
        read(source, 1)
    assert none_left()


class EndlessStream(Stream):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from super().__iter__()
        time.sleep(1000)


def test_a_stream_that_hangs_ends_in_bounded_time() -> None:
    source = batches(DataLoader(EndlessStream(4), 2, num_workers=1), timeout=2.0)
    with pytest.raises(SampleError, match="no batch came from the workers for 2 seconds"):
        read(source, 1)
    assert none_left()


@pytest.mark.parametrize("persistent", [False, True])
def test_no_worker_is_left_behind_after_an_early_end(persistent: bool) -> None:
    loader = DataLoader(Numbers(60), 4, num_workers=2, persistent_workers=persistent)
    source = batches(loader)
    with closing(source.windows(1)) as windows:
        next(windows)
        assert len(multiprocessing.active_children()) == 2
    assert none_left()
    assert len(read(source, 1)) == 15
    assert len(multiprocessing.active_children()) == (2 if persistent else 0)
    kept = {process.pid for process in multiprocessing.active_children()}
    assert len(read(source, 2)) == 15
    assert {process.pid for process in multiprocessing.active_children()} == kept
    del source
    assert none_left()


def test_persistent_workers_that_died_between_epochs_are_replaced() -> None:
    loader = DataLoader(Numbers(60), 4, True, num_workers=2, persistent_workers=True)
    source = batches(loader)
    read(source, 1)
    for process in multiprocessing.active_children():
        process.kill()
        process.join()
    assert read(source, 2) == read(batches(DataLoader(Numbers(60), 4, True)), 2)
    del source
    assert none_left()


def test_a_worker_is_begun_with_the_users_data_set() -> None:
    source = batches(DataLoader(Opened(5), 5, num_workers=1, worker_init_fn=begin))
    assert read(source, 1) == [[([[10, 11, 12, 13, 14]], (0, 1, 2, 3, 4), True)]]


class Opened(Dataset[Tensor]):
    offset = 0

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(index + self.offset)


def begin(worker: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.offset = 10 + worker


@pytest.mark.skipif(not EVERYTHING, reason="a new process takes 10 s to import what it needs")
def test_workers_may_be_spawned() -> None:
    loader = DataLoader(
        TensorDataset(torch.arange(5)), 2, num_workers=1, multiprocessing_context="spawn"
    )
    assert [b[1] for w in read(batches(loader), 1) for b in w] == [(0, 1), (2, 3), (4,)]
    assert none_left()


def test_a_loader_that_iterates_in_its_own_way_is_a_stream() -> None:
    class Twice(DataLoader[Any]):
        def __iter__(self) -> Any:
            yield from super().__iter__()
            yield from super().__iter__()

    whole = read(batches(Twice(Numbers(4), 2)), 1)
    assert [b[0][0] for w in whole for b in w] == [[0, 1], [2, 3]] * 2
