"""Modules that own one prototype per class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction


class PrototypeLoss(FunctionLoss):
    """A loss of embeddings, prototypes and classes, which owns the prototypes.

    They are drawn from a normal distribution of standard deviation 1.
    """

    def __init__(
        self, in_features: int, num_classes: int, reduction: Reduction, **hyperparameters: object
    ) -> None:
        super().__init__(reduction, **hyperparameters)
        self.prototypes = nn.Parameter(torch.randn(num_classes, in_features))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.prototypes, target
