"""Random numbers that are a function of a seed, drawn without disturbing anybody else's."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, NamedTuple

import torch


class Source(NamedTuple):
    """Something that random numbers come from, and how to take, put back and seed its state."""

    take: Callable[[], Any]
    put: Callable[[Any], object]
    seed: Callable[[int], object]


def mix(*numbers: int) -> int:
    """Return a seed of 63 bits that depends on every number."""
    digest = blake2b(" ".join(map(str, numbers)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def common_sources() -> list[Source]:
    """Return what code draws from that names no generator: Python's, torch's and NumPy's own."""
    found = [
        Source(random.getstate, random.setstate, random.seed),
        _of_torch(torch.default_generator),
    ]
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        found.append(_common_of_numpy(numpy.random))
    return found


def sources_in(owner: object) -> list[Source]:
    """Return the generators that an object, such as a sampler, has as attributes."""
    found = []
    numpy: Any = sys.modules.get("numpy")
    for value in getattr(owner, "__dict__", {}).values():
        if isinstance(value, torch.Generator):
            found.append(_of_torch(value))
        elif isinstance(value, random.Random):
            found.append(Source(value.getstate, value.setstate, value.seed))
        elif numpy is not None and isinstance(value, numpy.random.Generator):
            found.append(_of_numpy(value.bit_generator))
        elif numpy is not None and isinstance(value, numpy.random.RandomState):
            found.append(Source(value.get_state, value.set_state, _seeder(value)))
    return found


@contextmanager
def seeded(seed: int, sources: Sequence[Source]) -> Iterator[None]:
    """Seed the sources, and put them back afterwards as they were."""
    before = [source.take() for source in sources]
    try:
        for source in sources:
            source.seed(seed)
        yield
    finally:
        for source, state in zip(sources, before, strict=True):
            source.put(state)


class Aside:
    """Random numbers of one's own: inside ``with`` they go on where they were left.

    Args:
        seed: where they begin.
    """

    def __init__(self, seed: int) -> None:
        self._sources = common_sources()
        with seeded(seed, self._sources):
            self._states = self._take()

    def __enter__(self) -> None:
        self._exchange()

    def __exit__(self, *error: object) -> None:
        self._exchange()

    def _exchange(self) -> None:
        states, self._states = self._states, self._take()
        for source, state in zip(self._sources, states, strict=True):
            source.put(state)

    def _take(self) -> list[Any]:
        return [source.take() for source in self._sources]


def _common_of_numpy(rng: Any) -> Source:
    # To exchange the bit generator takes a hundredth of the time of get_state and set_state. It
    # forgets the second half of a pair of normal numbers, if only one was drawn before.
    spare = rng.MT19937(0)

    def seed(seed: int) -> None:
        rng.set_bit_generator(spare)
        rng.seed(seed % 2**32)

    return Source(rng.get_bit_generator, rng.set_bit_generator, seed)


def _of_torch(generator: torch.Generator) -> Source:
    return Source(generator.get_state, generator.set_state, generator.manual_seed)


def _of_numpy(bits: Any) -> Source:
    def put(state: Any) -> None:
        bits.state = state

    return Source(lambda: bits.state, put, lambda seed: put(type(bits)(seed).state))


def _seeder(state: Any) -> Callable[[int], object]:
    return lambda seed: state.seed(seed % 2**32)
