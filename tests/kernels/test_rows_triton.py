"""The kernel of the GPU: in Triton's interpreter here, and as it is where there is a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lossary


def test_the_kernel_agrees_with_the_definition_in_the_interpreter():
    pytest.importorskip("triton")
    program = Path(__file__).with_name("rows_in_interpreter.py")
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "agrees\n", done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.1, "z_loss": 0.01},
        {"softcap": 3.0, "temperature": 0.7},
        {"class_weight": torch.linspace(0, 2, 5000)},
        {"reduction": "none"},
    ],
    ids=str,
)
def test_the_gpu_gives_the_numbers_of_the_cpu(options, dtype):
    x = torch.randn(3000, 64).to(dtype)
    w = torch.randn(5000, 64).to(dtype)
    y = torch.randint(5000, (3000,))
    y[::5] = -100
    found = []
    for device in ("cpu", "cuda"):
        moved = {n: v.to(device) if isinstance(v, torch.Tensor) else v for n, v in options.items()}
        leaves = [t.to(device).requires_grad_() for t in (x, w)]
        value = lossary.linear_cross_entropy(*leaves, y.to(device), **moved)
        gradients = torch.autograd.grad(value, leaves, torch.ones_like(value))
        found.append([t.detach().cpu().float() for t in (value, *gradients)])
    for on_cpu, on_gpu in zip(*found, strict=True):
        tolerance = 1e-3 if dtype == torch.float32 else 3e-2
        assert (on_cpu - on_gpu).abs().max() <= tolerance * on_cpu.abs().max()
