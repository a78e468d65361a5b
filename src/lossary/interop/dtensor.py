"""ShardedLoss: the loss of DTensors, exactly that of the whole batch."""

from __future__ import annotations

from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard

from ..base import LossBase
from ..processes import AcrossProcesses
from ..reduction import Reduction

_SAMPLES = (("N",), ("*",))  # the first dimensions that run over the batch


class ShardedLoss(AcrossProcesses):
    """A loss of DTensors: value and gradient of the tensors that they stand for.

    Each process computes the loss of its own samples, on plain tensors; what is sharded otherwise,
    as over classes, is brought there, and gradients go back as they came. Batches may be sharded
    unevenly. Calling a loss with DTensors directly leaves its operations to torch, which has no
    rule for some of them and, as of 2.13, a wrong one for others.

    The result is a replicated DTensor. A gradient of a DTensor is that of the whole batch. That of
    a parameter of the loss itself is as in :class:`~lossary.processes.AcrossProcesses`: its mean
    over the processes is that of the whole batch.

    Args:
        loss: a loss of this library, or a :class:`~lossary.LossBase`. Of a sum, wrap each part.
        gather: see :class:`~lossary.processes.AcrossProcesses`.
    """

    def __init__(self, loss: LossBase, *, gather: bool | None = None) -> None:
        super().__init__(loss, gather=gather)

    def reduced(
        self, *tensors: Any, weight: Tensor | None = None, reduction: Reduction = "mean"
    ) -> Tensor:
        mesh = _mesh(tensors, weight)
        batched, weighed = self._batched(tensors)
        over = _mesh_dim(mesh, tensors, batched)
        share = any(batched)
        group = mesh.get_group(over)
        processes = dist.get_world_size(group) if share else 1

        def local(value: Any, samples: bool) -> Any:
            if not isinstance(value, DTensor):
                return value
            own: list[Placement] = [Replicate()] * mesh.ndim
            slopes = list(own)
            if samples:
                own[over] = slopes[over] = Shard(0)
            elif share:  # every process has the gradient that its samples give
                slopes[over] = Partial()
            found = value.redistribute(mesh, own).to_local(grad_placements=slopes)
            if found.requires_grad:  # AcrossProcesses expects a mean, DTensors a sum
                found.register_hook(lambda slope: slope / processes)
            return found

        mine = [local(t, one) for t, one in zip(tensors, batched, strict=True)]
        held = local(weight, weighed)
        loss = AcrossProcesses(self.loss, group=group, gather=self.gather) if share else self.loss
        value = loss.reduced(*mine, weight=held, reduction=reduction)
        return DTensor.from_local(value, mesh, [Replicate()] * mesh.ndim, run_check=False)

    def _batched(self, tensors: tuple[Any, ...]) -> tuple[list[bool], bool]:
        """Return which tensors, and whether the weight, begin with the samples."""
        declared = self.loss.signature
        if declared is None or len(declared.operands) != len(tensors):
            return [isinstance(t, Tensor) for t in tensors], True
        batched = [either[0].dims[:1] in _SAMPLES for either in declared.operands]
        return batched, declared.unit[:1] in _SAMPLES


def _mesh(tensors: tuple[Any, ...], weight: Tensor | None) -> DeviceMesh:
    """Return the mesh that all tensors are on, or raise TypeError or ValueError."""
    named = {f"tensor {i + 1}": t for i, t in enumerate(tensors)} | {"weight": weight}
    given = {name: t for name, t in named.items() if isinstance(t, Tensor)}
    plain = [name for name, t in given.items() if not isinstance(t, DTensor)]
    if plain or not given:
        raise TypeError(
            f"ShardedLoss takes DTensors, got plain tensors: {', '.join(plain) or 'none at all'}. "
            "Make each a DTensor with DTensor.from_local or distribute_tensor; if every process "
            "holds plain tensors of its own samples, use lossary.processes.AcrossProcesses"
        )
    meshes = {name: t.device_mesh for name, t in given.items() if isinstance(t, DTensor)}
    first, *others = meshes.values()
    if any(other != first for other in others):
        raise ValueError(f"ShardedLoss: all tensors must be on the same mesh, got {meshes}")
    return first


def _mesh_dim(mesh: DeviceMesh, tensors: tuple[Any, ...], batched: list[bool]) -> int:
    """Return the dimension of the mesh that the samples are split over."""
    found = {
        at
        for t, samples in zip(tensors, batched, strict=True)
        if samples and isinstance(t, DTensor)
        for at, placement in enumerate(t.placements)
        if placement == Shard(0)
    }
    if len(found) > 1:
        raise ValueError(
            f"ShardedLoss: the samples must be sharded over one dimension of the mesh, got "
            f"{sorted(found)} of {mesh}; flatten these dimensions, or redistribute the tensors"
        )
    return found.pop() if found else 0
