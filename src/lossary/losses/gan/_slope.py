"""Gradients of a critic in its samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn


def slopes(critic: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """Return the gradient of each sample's score in that sample, of shape (N, D).

    It can be differentiated in turn, also where gradients are off, and has at least single
    precision.
    """
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        # what transforms and traces understand; it does not bear networks that change their state
        slope: Tensor = torch.func.grad(lambda x: critic(x).sum())(point)
    else:
        with torch.enable_grad():
            if not point.requires_grad:
                point = point.detach().requires_grad_()
            (slope,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    wide = torch.promote_types(slope.dtype, torch.float32)
    return slope.unsqueeze(-1).flatten(1).to(wide)


def example(generator: Generator) -> tuple[object, ...]:
    """Make a critic and samples, real and generated."""
    weight = torch.randn(6, generator=generator)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(6, 1), nn.Softplus())
    with torch.no_grad():
        critic[1].weight.copy_(weight)  # type: ignore[operator]  # Sequential does not know its types
    real, fake = torch.randn(2, 4, 2, 3, generator=generator)
    return critic, real, fake
