"""The layer of mindspore.nn whose arguments are not torch's and that every script has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .base import Cell
from .initializer import NAMES, Initializer

Start = Tensor | str | Initializer | float | None


class Dense(Cell):
    """A linear layer: ``x @ weight.T + bias``. Without initializers it starts as torch's does.

    >>> Dense(2, 1, weight_init="ones", bias_init=0.5)(torch.tensor([[1.0, 2.0]]))
    tensor([[3.5000]], grad_fn=<AddmmBackward0>)

    Args:
        in_channels: the size of the input.
        out_channels: the size of the output.
        weight_init: a tensor, a number, an initializer, or the name of one.
        bias_init: likewise.
        has_bias: whether something is added.
        activation: a function or module that the output goes through; no names.

    Raises:
        ValueError: if an initializer is unknown or has another shape, or the activation is a name.
    """

    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        weight_init: Start = None,
        bias_init: Start = None,
        has_bias: bool = True,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        if isinstance(activation, str):
            raise ValueError(f"activation must be a function or a module, got {activation!r}")
        # which draws both as MindSpore does where nothing is said
        linear = nn.Linear(in_channels, out_channels, has_bias)
        self.weight = linear.weight
        self.register_parameter("bias", linear.bias)
        self.activation = activation
        _begin("weight_init", linear.weight, weight_init)
        if has_bias:
            _begin("bias_init", linear.bias, bias_init)

    def construct(self, x: Tensor) -> Tensor:
        x = nn.functional.linear(x, self.weight, self.bias)
        return x if self.activation is None else self.activation(x)


def _begin(argument: str, parameter: Tensor, start: Start) -> None:
    if isinstance(start, str):
        if start.lower() not in NAMES:
            raise ValueError(f"{argument} must be one of {', '.join(NAMES)}, got {start!r}")
        start = NAMES[start.lower()]()
    with torch.no_grad():
        if isinstance(start, Tensor):
            if start.shape != parameter.shape:
                raise ValueError(
                    f"{argument} must have shape {tuple(parameter.shape)}, got {tuple(start.shape)}"
                )
            parameter.copy_(start)
        elif isinstance(start, Initializer):
            start(parameter)
        elif start is not None:
            parameter.fill_(start)
