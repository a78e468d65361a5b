"""Coefficients learned as variances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from .weighted_sum import BalancedSum


class UncertaintyWeightedSum(BalancedSum):
    r"""A sum whose coefficients are learned, :math:`\sum_i e^{-s_i} L_i + s_i`.

    A task whose loss stays large gets a small coefficient. The numbers :math:`s_i` are parameters
    of this Module, so the optimizer has to have them: the trainer sees to it. Losses that may
    become negative drive their coefficient to infinity.

    Args:
        losses: each loss by the name of its part.

    References:
        Kendall et al., *Multi-Task Learning Using Uncertainty to Weigh Losses*, CVPR 2018, eq. 10,
        with :math:`s = \log \sigma^2` and without the factor one half of regression.
    """

    def __init__(self, losses: Mapping[str, nn.Module]) -> None:
        super().__init__(losses)
        self.log_variance = nn.ParameterDict({name: torch.zeros(()) for name in losses})

    def coefficient(self, name: str) -> float:
        return cast(Tensor, self.log_variance[name]).neg().exp().item()

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        terms = []
        for name, part in parts.items():
            s = cast(Tensor, self.log_variance[name])
            terms.append(torch.exp(-s) * part + s)
        return torch.stack(terms).sum(0)
