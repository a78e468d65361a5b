"""The engine: every call to Lightning Fabric. The rest of the trainer knows nothing of it."""

from __future__ import annotations

from typing import cast

from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from .wiring import Outcome, WithLoss


class Engine:
    """One device, chosen by itself: a GPU if there is one, else the CPU."""

    def __init__(self) -> None:
        self._fabric = Fabric(accelerator="auto", devices=1)

    def set_up(self, wired: WithLoss, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Move network and loss to the device, and return what to call and to step."""
        module, stepper = self._fabric.setup(wired, optimizer)
        return cast(nn.Module, module), cast(Optimizer, stepper)

    def move(self, module: nn.Module) -> nn.Module:
        """Move a module to the device."""
        return self._fabric.to_device(module)

    def put(self, columns: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Move a batch to the device."""
        return cast(tuple[Tensor, ...], self._fabric.to_device(columns))

    def forward(self, module: nn.Module, columns: tuple[Tensor, ...]) -> Outcome:
        """Return the loss of a batch."""
        return cast(Outcome, module(*columns))

    def backward(self, total: Tensor) -> None:
        """Add the gradients of ``total`` to those of the parameters."""
        self._fabric.backward(total)
