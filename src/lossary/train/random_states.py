"""The states of the random generators that a training may draw from."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch


def random_states() -> dict[str, Any]:
    """Return the states of all random generators that a training may draw from."""
    numpy = sys.modules.get("numpy")
    return {
        "python": random.getstate(),
        "numpy": None if numpy is None else numpy.random.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def load_random_states(states: Mapping[str, Any]) -> None:
    """Put back what :func:`random_states` returned."""
    random.setstate(states["python"])
    if states["numpy"] is not None:
        import numpy as np

        np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


@contextmanager
def kept_random_states() -> Iterator[None]:
    """Draw random numbers that nobody else notices."""
    before = random_states()
    try:
        yield
    finally:
        load_random_states(before)
