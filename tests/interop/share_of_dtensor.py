"""One process of two: losses of DTensors, of every loss, and a training with FSDP2.

Run by test_dtensor.py as ``share_of_dtensor.py RANK PORT FOLDER``.
"""

import datetime
import logging
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Placement, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import loss_parallel

import lossary
from lossary import catalog
from lossary.check import subject_of
from lossary.interop.dtensor import ShardedLoss
from lossary.processes import AcrossProcesses
from lossary.spec import LossSpec, Trait

SPECS = [
    s
    for s in catalog()
    if not (Trait.RANDOM | Trait.NOT_DIFFERENTIABLE) & s.traits
    and s.example is None
    and not s.owned
]
# torch needs its time to find out how each operation of a DTensor is done
DIRECT = [s for s in SPECS if s.family == "regression" or os.environ.get("LOSSARY_ALL")]
SAMPLES = (("N",), ("*",))


def batch(spec: LossSpec, samples: int, weighted: bool) -> tuple[tuple[Tensor, ...], Any]:
    """Make a batch for a loss of the catalog."""
    elementwise = not any("N" in o.dims for either in spec.signature.operands for o in either)
    sizes = {"N": (samples,), "*": (samples, 2) if elementwise else (2,)}
    tensors = subject_of(spec).example(sizes=sizes)
    if not weighted:
        return tensors, None
    shape = spec.signature.unit_shape(spec.signature.match(tensors, {}).sizes)
    return tensors, torch.arange(shape.numel(), dtype=torch.float64).reshape(shape) % 3


def whole(spec: LossSpec, samples: int, weighted: bool) -> tuple[Tensor, Tensor]:
    """Return value and gradient in one process."""
    tensors, weight = batch(spec, samples, weighted)
    x = tensors[0].clone().requires_grad_()
    value = spec.function(x, *tensors[1:], **spec.variants[0], weight=weight)
    return value.detach(), torch.autograd.grad(value, x)[0]


def of_shards(
    mesh: DeviceMesh, spec: LossSpec, samples: int, weighted: bool, loss: Any
) -> tuple[Tensor, Tensor]:
    """Return value and gradient of DTensors that are sharded over the batch."""
    tensors, weight = batch(spec, samples, weighted)
    by: list[Placement] = [Shard(0)]
    operands = spec.signature.match(tensors, {}).operands
    given = [
        distribute_tensor(t, mesh, by if o.dims[:1] in SAMPLES else [Replicate()])
        for t, o in zip(tensors, operands, strict=True)
    ]
    if weight is not None:
        of_samples = spec.signature.unit[:1] in SAMPLES
        weight = distribute_tensor(weight, mesh, by if of_samples else [Replicate()])
    given[0].requires_grad_()
    value = loss(*given, weight=weight)
    (slope,) = torch.autograd.grad(value, given[0])
    return value.full_tensor().detach(), slope.full_tensor()


def directly(mesh: DeviceMesh, spec: LossSpec, samples: int) -> Any:
    """Return value and gradient of a loss that is called with DTensors, or the error."""

    def loss(*tensors: Any, weight: Any) -> Any:
        return spec.function(*tensors, **spec.variants[0], weight=weight)

    try:
        return of_shards(mesh, spec, samples, False, loss)
    except Exception as error:  # torch raises many kinds
        return f"{type(error).__name__}: {error}"


def logits() -> tuple[Tensor, Tensor, Tensor]:
    """Make logits of six classes, labels with an ignored one, and weights."""
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weight = torch.tensor([1.0, 2.0, 1.0, 0.0, 0.5], dtype=torch.float64)
    return x, torch.tensor([0, 5, -100, 3, 2]), weight


PLACED: dict[str, tuple[list[Placement], list[Placement]]] = {
    "samples": ([Shard(0)], [Shard(0)]),
    "replicated": ([Replicate()], [Replicate()]),
    "mixed": ([Shard(0)], [Replicate()]),
    "classes": ([Shard(1)], [Replicate()]),
}
ON_TWO: dict[str, tuple[list[Placement], list[Placement]]] = {
    "both": ([Shard(0), Shard(1)], [Shard(0), Replicate()]),
}


def placed(mesh: DeviceMesh, how: str, loss: Any) -> tuple[Tensor, Tensor]:
    """Return value and gradient of a cross-entropy whose tensors lie so on a mesh."""
    first, rest = {**PLACED, **ON_TWO}[how]
    x, y, weight = logits()
    x = distribute_tensor(x, mesh, first).requires_grad_()
    y, weight = (distribute_tensor(t, mesh, rest) for t in (y, weight))
    value = loss(x, y, weight=weight)
    (slope,) = torch.autograd.grad(value, x)
    assert not isinstance(loss, ShardedLoss) or slope.placements == x.placements
    return value.full_tensor().detach(), slope.full_tensor()


def learned(mesh: DeviceMesh) -> list[Tensor]:
    """Return a value, and the gradients of a parameter of the loss and of the input."""
    loss = clip()
    x, *_ = logits()
    given = distribute_tensor(x, mesh, [Shard(0)]).requires_grad_()
    value = ShardedLoss(loss)(given, distribute_tensor(x.sin(), mesh, [Shard(0)]))
    value.backward()
    slope = loss.temperature.grad
    dist.all_reduce(slope)
    return [value.full_tensor().detach(), slope / 2, given.grad.full_tensor()]


def clip() -> lossary.CLIPLoss:
    """Make a loss with a parameter."""
    return lossary.CLIPLoss(temperature=nn.Parameter(torch.tensor(0.3, dtype=torch.float64)))


def refused(mesh: DeviceMesh, table: DeviceMesh) -> list[str]:
    """Return what is said about tensors that do not fit."""
    loss = ShardedLoss(lossary.CrossEntropyLoss())
    x, y, _ = logits()
    sharded = distribute_tensor(x, mesh, [Shard(0)])
    calls = [
        lambda: loss(sharded, y),
        lambda: loss(x, y),
        lambda: loss(sharded, distribute_tensor(y, table, [Replicate(), Replicate()])),
        lambda: loss(*(distribute_tensor(t, table, [Shard(0), Shard(0)]) for t in (x, y))),
        lambda: loss(sharded, distribute_tensor(y + 3, mesh, [Shard(0)])),
    ]
    said = []
    for call in calls:
        try:
            call()
        except (TypeError, ValueError) as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


def network() -> nn.Sequential:
    """Make the network that is trained."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()


CASES = {
    "masked": lambda: lossary.FocalLoss(),
    "compares samples": lambda: lossary.SupervisedContrastiveLoss(),
}


def trained(net: nn.Module, loss: nn.Module, own: slice, world: int = 1) -> list[Tensor]:
    """Train for three steps, with ragged shares, and return the losses and the parameters."""
    g = torch.Generator().manual_seed(2)
    x, y = torch.randn(7, 4, generator=g, dtype=torch.float64), torch.tensor([0, 1, 0, 2, 1, -1, 2])
    weight = (y >= 0) * torch.arange(1.0, 8.0, dtype=torch.float64)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        value = loss(net(x[own]), y[own].clamp(min=0), weight=weight[own])
        value.backward()
        optimizer.step()
        losses.append(value.detach())
    found = [p.full_tensor() if world > 1 else p for p in net.parameters()]
    return [*losses, *(p.detach() for p in found)]


def worker(rank: int, port: int, folder: str) -> None:
    """Compute every case."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # DTensor tells how it moves what
    dist.init_process_group(
        "gloo",
        f"tcp://127.0.0.1:{port}",
        rank=rank,
        world_size=2,
        timeout=datetime.timedelta(seconds=60),
    )
    mesh = init_device_mesh("cpu", (2,), mesh_dim_names=("data",))
    found: dict[Any, Any] = {}
    for spec in SPECS:
        loss = ShardedLoss(spec.module(**spec.variants[0]))
        found[spec.name, "sharded"] = of_shards(mesh, spec, 5, True, loss)
    for spec in DIRECT:
        for samples in (5, 6):
            found[spec.name, samples] = directly(mesh, spec, samples)
    sharded = ShardedLoss(lossary.CrossEntropyLoss())
    for how in PLACED:
        found["placed", how] = placed(mesh, how, sharded)
        found["placed, directly", how] = placed(mesh, how, lossary.cross_entropy)
    with loss_parallel():
        found["loss_parallel"] = placed(mesh, "classes", lossary.cross_entropy)
    for sizes in ((2, 1), (1, 2)):
        table = init_device_mesh("cpu", sizes, mesh_dim_names=("data", "model"))
        found["placed, two dimensions", sizes] = placed(table, "both", sharded)
    found["errors"] = refused(mesh, table)
    found["learned"] = learned(mesh)
    own = slice(0, 2) if rank == 0 else slice(2, None)
    for case, make in CASES.items():
        net = network()
        for layer in (*net, net):
            if not isinstance(layer, nn.Tanh):
                fully_shard(layer, mesh=mesh)
        found["fsdp2", case] = trained(net, AcrossProcesses(make()), own, 2)
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    worker(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
