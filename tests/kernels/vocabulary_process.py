"""One of two processes that hold a part of the vocabulary each: `python ... RANK PORT FOLDER`."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

import lossary

N, D, C = 700, 24, 37
SPLIT = (16, 21)
CLASS_WEIGHT = torch.linspace(0.0, 2.0, C)
CASES = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "parts": {"reduction": "parts"},
    "none": {"reduction": "none"},
    "smoothed": {"label_smoothing": 0.1, "z_loss": 0.01},
    "bounded": {"softcap": 2.0, "temperature": 0.5, "z_loss": 0.02},
    "weighted": {"weight": torch.arange(N) % 3 / 2.0},
    "class weights": {"class_weight": CLASS_WEIGHT, "label_smoothing": 0.2, "z_loss": 0.01},
    "bias": {"linear_bias": torch.linspace(-1, 1, C), "reduction": "none"},
    "bfloat16": {"dtype": torch.bfloat16},
}


def made(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the same input, weight and labels in each process; some labels are ignored."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=generator).to(dtype)
    w = torch.randn(C, D, generator=generator).to(dtype)
    y = torch.randint(C, (N,), generator=generator)
    y[::7] = -100
    return x, w, y


def main(rank: int, port: int, folder: Path) -> None:
    """Compute every case with this process's slice, and write what came out."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    held = slice(0, SPLIT[0]) if rank == 0 else slice(SPLIT[0], C)
    found = {}
    for name, options in CASES.items():
        options = dict(options)
        x, w, y = made(options.pop("dtype", torch.float32))
        for sliced in {"linear_bias", "class_weight"} & options.keys():
            options[sliced] = options[sliced][held]
        x.requires_grad_()
        w = w[held].clone().requires_grad_()
        value = lossary.vocab_parallel_linear_cross_entropy(x, w, y, **options)
        gradients = torch.autograd.grad(value, (x, w), torch.ones_like(value))
        found[name] = (value.detach(), *gradients)
    try:
        lossary.vocab_parallel_linear_cross_entropy(x, w, torch.full((N,), C))
    except ValueError as error:
        found["error"] = str(error)
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
