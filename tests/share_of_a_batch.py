"""One process of two: the parts of a ragged share of a batch, of every loss with parts.

Run by test_processes.py as ``share_of_a_batch.py RANK PORT FOLDER``.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from lossary import catalog, parts
from lossary.check import subject_of
from lossary.spec import LossSpec, Trait

ADDITIVE = [
    s
    for s in catalog()
    if s.example is None
    and Trait.RANDOM not in s.traits
    and "parts_add" not in s.exempt
    and s.signature.unit[:1] != ("D",)  # features of the whole batch, not samples
]


def batch(spec: LossSpec) -> tuple[tuple[Tensor, ...], Tensor]:
    """Make a batch of 5 samples and a weight with a zero in it."""
    subject = subject_of(spec)
    tensors = subject.example(sizes={"N": (5,), "*": (5, 2) if spec_is_elementwise(spec) else (2,)})
    shape = subject.signature.unit_shape(subject.signature.match(tensors, {}).sizes)
    weight = torch.arange(shape.numel(), dtype=torch.float64).reshape(shape) % 3
    return tensors, weight


def spec_is_elementwise(spec: LossSpec) -> bool:
    return not any("N" in operand.dims for either in spec.signature.operands for operand in either)


def share(spec: LossSpec, samples: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Return total, weight and the gradient of the total, of some samples of the batch."""
    subject, (tensors, weight) = subject_of(spec), batch(spec)
    index = torch.arange(subject.batch_size(tensors))[samples]
    piece = subject.select(tensors, index)
    x = piece[0].clone().requires_grad_()
    hyper = dict(spec.variants[0])
    call = lambda *given, **options: spec.function(*given, **hyper, **options)  # noqa: E731 - short
    call.signature = spec.signature  # type: ignore[attr-defined]  # parts looks for it
    found = parts(call, x, *piece[1:], weight=weight[index])
    gradient = torch.zeros_like(x)
    if found.total.requires_grad:
        (gradient,) = torch.autograd.grad(found.total, x)
    return found.total.detach(), found.weight.detach(), gradient


def worker(rank: int, port: int, folder: str) -> None:
    """Compute a ragged share of every loss, and add the parts up over the processes."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.set_num_threads(1)
    results = {}
    for spec in ADDITIVE:
        total, weight, gradient = share(spec, slice(0, 1) if rank == 0 else slice(1, None))
        sums = torch.stack([total, weight])
        dist.all_reduce(sums)
        results[spec.name] = (sums[0] / sums[1], gradient / sums[1])
    torch.save(results, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    worker(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
