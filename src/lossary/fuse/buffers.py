"""Memory for gradients, used again when nobody holds it any more.

Fresh memory of many megabytes costs more than the loss itself: the system clears every page of it
on first touch. So gradients are written into memory that earlier gradients have left. Whether they
have is read from the reference count of the storage, so a gradient that is still held anywhere, be
it by a view or by NumPy, is never written over.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import torch
from torch import Tensor, UntypedStorage

SMALL = 1 << 20  # bytes; below, the allocator keeps memory by itself


class Buffers:
    """A pool of memory for gradients.

    Attributes:
        limit: how many bytes are kept at most; 0 keeps none.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: list[UntypedStorage] = []
        self._lock = threading.Lock()

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return a tensor with arbitrary content, on the CPU."""
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL or size > self.limit or _holders is None:
            return torch.empty(shape, dtype=dtype)
        with self._lock:
            storage = self._take(size)
            empty = torch.empty(0, dtype=dtype)
            return empty.set_(storage, 0, tuple(shape))  # type: ignore[call-overload, no-any-return]  # torch's stub lacks this form

    def release(self) -> None:
        """Give back all memory that no gradient uses."""
        with self._lock:
            self._kept.clear()

    def _take(self, size: int) -> UntypedStorage:
        for storage in self._kept:
            if storage.nbytes() == size and _is_free(storage):
                return storage
        self._kept = [s for s in self._kept if not _is_free(s)]  # of other sizes: of no use now
        held = sum(s.nbytes() for s in self._kept)
        storage = torch.empty(size, dtype=torch.uint8).untyped_storage()
        if held + size <= self.limit:
            self._kept.append(storage)
        return storage


# The count comes from a private function of torch: without it, nothing is kept.
_holders = getattr(torch._C, "_storage_Use_Count", None)


def _is_free(storage: UntypedStorage) -> bool:
    return _holders is not None and bool(_holders(storage._cdata) == 1)


gradient_buffers = Buffers(limit=1 << 30)
"""The pool of :func:`lossary.fuse`; ``gradient_buffers.limit = 0`` turns it off."""
