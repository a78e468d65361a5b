"""What the tests of torchmetrics measure; as a program one process of two.

Run by test_torchmetrics.py as ``share_of_metrics_means.py RANK PORT FILE``.
"""

from __future__ import annotations

import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor

import lossary

BALANCE = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)
LOSSES = {
    "ignored": lossary.CrossEntropyLoss,
    "class weights": lambda: lossary.FocalLoss(class_weight=BALANCE),
    "sum": lambda: 0.3 * lossary.CrossEntropyLoss() + 2.0 * lossary.BrierLoss(),
    "fused": lambda: lossary.fuse(lossary.CrossEntropyLoss(label_smoothing=0.1)),
}


def batches(*, ignored: bool = True) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return ragged batches with weights, of which some are 0."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(15, 3, generator=draw, dtype=torch.float64)
    y = torch.randint(0, 3, (15,), generator=draw)
    if ignored:
        y[torch.arange(15) % 4 == 1] = -100
    weight = torch.arange(15.0, dtype=torch.float64) % 5
    lengths = [4, 1, 3, 2, 5]
    split = zip(x.split(lengths), y.split(lengths), weight.split(lengths), strict=True)
    return list(split)


def whole(loss, data: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor | dict[str, Tensor]:
    """Return the loss of all batches as one."""
    x, y, weight = (torch.cat(column).detach() for column in zip(*data, strict=True))
    value = loss(x, y, weight=weight)
    if isinstance(loss, lossary.WeightedSum):
        return {"loss": value, **loss.named(x, y, weight=weight)}
    return value


def worker(rank: int, port: str, file: str) -> None:
    from lossary.interop.torchmetrics import LossMetric

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    found = {}
    for name, make in LOSSES.items():
        metric = LossMetric(make())
        for x, y, weight in batches()[:1] if rank == 0 else batches()[1:]:
            metric.update(x, y, weight=weight)
        found[name] = metric.compute()
    torch.save(found, file)
    dist.destroy_process_group()


if __name__ == "__main__":
    worker(int(sys.argv[1]), sys.argv[2], sys.argv[3])
