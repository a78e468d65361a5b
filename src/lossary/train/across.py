"""The processes of a training, and what they tell each other."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor


class ProcessError(RuntimeError):
    """Another process of the training failed, or was lost."""


class Across:
    """The processes of a training; one, as long as ``torch.distributed`` was not initialised.

    All methods are called by all processes in the same order.

    Attributes:
        rank: which process this is, from 0.
        processes: how many there are.
    """

    def __init__(self) -> None:
        there = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if there else 0
        self.processes = dist.get_world_size() if there else 1

    def sum(self, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the sums over the processes of numbers, or of vectors of a few numbers."""
        if self.processes == 1:
            return dict(named)
        together = torch.cat([t.detach().double().reshape(-1) for t in named.values()])
        _told(lambda: dist.all_reduce(together))
        pieces = together.split([t.numel() for t in named.values()])
        return {
            n: s.reshape(t.shape).to(t.dtype)
            for (n, t), s in zip(named.items(), pieces, strict=True)
        }

    def numbers(self, tensors: Sequence[Tensor], *further: float) -> list[float]:
        """Return the sums over the processes of numbers, one after the other, as Python has them.

        The one time that a step waits for the device.
        """
        if self.processes == 1 and all(t.device.type == "cpu" for t in tensors):
            found = [t.tolist() for t in tensors]
            flat = [n for f in found for n in (f if isinstance(f, list) else (f,))]
            return [*flat, *further]
        device = tensors[0].device
        own = [t.detach().to(device).double().reshape(-1) for t in tensors]
        together = torch.cat([*own, torch.tensor(further, dtype=torch.float64).to(device)])
        if self.processes > 1:
            _told(lambda: dist.all_reduce(together))
        return cast(list[float], together.tolist())

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the values that the first one has."""
        if self.processes > 1:
            for tensor in tensors:
                _told(functools.partial(dist.broadcast, tensor.detach(), 0))

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in their order."""
        if self.processes == 1:
            return [value]
        found: list[Any] = [None] * self.processes
        _told(lambda: dist.all_gather_object(found, value))
        return found

    def is_of_another(self, error: RuntimeError) -> bool:
        """Whether an error is of what connects the processes, and has no name of ours yet.

        It may come out of torch's own calls, such as a backward pass.
        """
        if self.processes == 1 or isinstance(error, ProcessError):
            return False
        return isinstance(error, dist.DistError) or "/gloo/" in str(error)

    def agree(self, error: Exception | None) -> None:
        """Raise in every process if there is an error in any."""
        if self.processes == 1:
            if error is not None:
                raise error
            return
        errors = self.gather(None if error is None else f"{type(error).__name__}: {error}")
        if error is not None:
            raise error
        for rank, told in enumerate(errors):
            if told is not None:
                raise ProcessError(f"process {rank} failed: {told}")


def _told(run: Any) -> None:
    """Run what needs the other processes, and say so if one of them is gone."""
    try:
        run()
    except RuntimeError as error:
        raise lost(error) from error


def lost(error: RuntimeError) -> ProcessError:
    """Return the error for one of what connects the processes."""
    return ProcessError(
        "another process of this training is gone: look at its error, or at whether the system "
        f"ended it for want of memory ({error})"
    )
