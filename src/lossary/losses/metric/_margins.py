"""Margins that are added to the angle of the true class."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction
from ._angles import sine


def widened(near: Tensor, margin: float | Tensor) -> Tensor:
    r"""Return :math:`\cos(\theta + m)` from the cosine ``near``.

    Beyond :math:`\pi`, where it would rise again, :math:`\cos\theta - m \sin m`, as for ArcFace.
    """
    m = margin if isinstance(margin, Tensor) else near.new_tensor(margin)
    shifted = near * torch.cos(m) - sine(near) * torch.sin(m)
    beyond = near < torch.cos(math.pi - m)
    return torch.where(beyond, near - m * torch.sin(m), shifted)


class SubPrototypeLoss(FunctionLoss):
    """A loss of embeddings, several prototypes for each class, and classes, which owns the
    prototypes.

    They are drawn from a normal distribution of standard deviation 1.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        per_class: int,
        reduction: Reduction,
        **hyperparameters: object,
    ) -> None:
        super().__init__(reduction, **hyperparameters)
        self.prototypes = nn.Parameter(torch.randn(num_classes, per_class, in_features))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.prototypes, target
