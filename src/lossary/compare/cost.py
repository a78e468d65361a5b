"""Cost: what one step of a training takes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakMemory(TorchDispatchMode):
    """Counts the memory of all tensors that are made while it is active.

    Attributes:
        peak: the most that was alive at once, in bytes.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self.peak = self._alive = 0
        self._known: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute, and count what is new."""
        before = {
            leaf.untyped_storage().data_ptr()
            for leaf in tree_leaves((args, dict(kwargs or {})))
            if isinstance(leaf, torch.Tensor)
        }
        found = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(found):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                if storage.data_ptr() not in before and storage not in self._known:
                    self._count(storage)
        return found

    def _count(self, storage: Any) -> None:
        size = storage.nbytes()
        self._known[storage] = size
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._freed, size)

    def _freed(self, size: int) -> None:
        self._alive -= size
