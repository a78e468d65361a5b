"""The ways to compute a loss with its gradient that decision 5 chooses from, in one run."""

import os
import subprocess
import sys

import torch
import torch.nn.functional as F
from torch import Tensor

import lossary
from lossary.bench.run import SETTINGS, machine
from lossary.bench.worker import in_turns

ROWS, CLASSES, BLOCK = 16384, 1000, 64  # a block of rows fits in the second cache
ALPHA = 0.25


def mse(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Value and gradient of the sum, as torch operations."""
    d = x - y
    return (d * d).sum(), 2 * d


def cross_entropy(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Value and gradient of the sum, as torch operations."""
    log_p = x.log_softmax(1)
    at = y.unsqueeze(1)
    return -log_p.gather(1, at).sum(), log_p.exp().scatter_add(1, at, -torch.ones_like(at) * 1.0)


def focal(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Value and gradient of the sum of the sigmoid focal loss with gamma 2, for hard labels."""
    sign = 2 * y - 1
    z = x * sign
    q = torch.sigmoid(-z)
    share = ALPHA * y + (1 - ALPHA) * (1 - y)
    cost = F.softplus(-z)
    slope = -share * q * q * (2 * (1 - q) * cost + q) * sign
    return (share * q * q * cost).sum(), slope


def mse_into(x: Tensor, y: Tensor, g: Tensor) -> Tensor:
    """Write the gradient with ``out=``."""
    torch.sub(x, y, out=g)
    total = torch.dot(g.view(-1), g.view(-1))
    g.mul_(2)
    return total


def cross_entropy_into(x: Tensor, y: Tensor, g: Tensor) -> Tensor:
    """Write the gradient with ``out=``."""
    largest = x.amax(1, keepdim=True)
    torch.sub(x, largest, out=g)
    at = y.unsqueeze(1)
    right = g.gather(1, at)
    g.exp_()
    total = g.sum(1, keepdim=True)
    g.div_(total)
    g.scatter_add_(1, at, torch.full_like(right, -1.0))
    return (total.log() - right).sum()


def focal_into(x: Tensor, y: Tensor, g: Tensor) -> Tensor:
    """Write the gradient with ``out=``, with as few operations as it takes."""
    total, slope = focal(x, y)
    g.copy_(slope)
    return total


LOSSES = {
    "MSE": (lossary.mse_loss, F.mse_loss, mse, mse_into),
    "cross-entropy": (
        lossary.cross_entropy,
        F.cross_entropy,
        cross_entropy,
        cross_entropy_into,
    ),
    "sigmoid focal": (lossary.sigmoid_focal_loss, None, focal, focal_into),
}


def naive_focal(x: Tensor, y: Tensor) -> Tensor:
    """Return the loss as it is usually written."""
    p = torch.sigmoid(x)
    cost = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    p_t = p * y + (1 - p) * (1 - y)
    return ((ALPHA * y + (1 - ALPHA) * (1 - y)) * (1 - p_t) ** 2 * cost).mean()


def measure() -> None:
    """Print a row per loss: milliseconds of each way."""
    torch.manual_seed(0)
    names = [
        "eager",
        "torch.compile",
        "compiled pair",
        "compiled blocks",
        "eager blocks",
        "generated C++",
    ]
    print("| loss | " + " | ".join(names) + " | stream |\n|---|" + "---|" * (len(names) + 1))
    for loss, (ours, peer, pair, into) in LOSSES.items():
        x = torch.randn(ROWS, CLASSES, requires_grad=True)
        y = (
            torch.randint(CLASSES, (ROWS,))
            if loss == "cross-entropy"
            else torch.randn(ROWS, CLASSES)
        )
        if loss == "sigmoid focal":
            y = (y > 0).float()
        plain, gradient = x.detach(), torch.empty_like(x)
        peer = peer or naive_focal
        compiled, whole = torch.compile(peer), torch.compile(pair, dynamic=False)
        part = torch.compile(pair, dynamic=False)
        fused = lossary.fuse(ours)
        rows = [
            (plain[i : i + BLOCK], y[i : i + BLOCK], gradient[i : i + BLOCK])
            for i in range(0, ROWS, BLOCK)
        ]

        def compiled_blocks(rows=rows, part=part):
            for a, b, g in rows:
                g.copy_(part(a, b)[1])

        def eager_blocks(rows=rows, into=into):
            for a, b, g in rows:
                into(a, b, g)

        a, b = torch.randn(ROWS * CLASSES), torch.randn(ROWS * CLASSES)
        out = torch.empty_like(a)
        runs = {
            "eager": lambda: torch.autograd.grad(peer(x, y), x),  # noqa: B023 - run before the next
            "torch.compile": lambda: torch.autograd.grad(compiled(x, y), x),  # noqa: B023
            "compiled pair": lambda: whole(plain, y),  # noqa: B023
            "compiled blocks": compiled_blocks,
            "eager blocks": eager_blocks,
            "generated C++": lambda: torch.autograd.grad(fused(x, y), x),  # noqa: B023
            "stream": lambda: torch.add(a, b, out=out),  # noqa: B023
        }
        found = in_turns(runs)
        share = 2 / 3 if loss == "cross-entropy" else 1.0  # its labels are next to nothing
        cells = [f"{found[n] * 1e3:.1f}" for n in names]
        print(f"| {loss} | " + " | ".join(cells) + f" | {found['stream'] * share * 1e3:.1f} |")


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        measure()
    else:
        print(machine())
        for setting, environment in SETTINGS.items():
            print(f"\n{setting}, {ROWS} x {CLASSES} elements, ms:\n", flush=True)
            subprocess.run(  # noqa: S603 - ourselves
                [sys.executable, __file__, "measure"], env={**os.environ, **environment}, check=True
            )
