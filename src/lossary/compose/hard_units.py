"""The units that cost most."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..base import FunctionLoss, LossBase
from ..reduction import Reduction, fit_weight


class HardUnits(LossBase):
    """The mean over the units that cost most: online hard example mining.

    The units that are kept are those of the largest weighted loss, a share of those that take
    part. Their mean is the weighted one, as everywhere; what the loss itself weighs by, such as
    classes, stays in the units. Over micro-batches it differs from the one big batch, whose hardest
    units may all be in one of them.

    Args:
        loss: a loss of this library, or a :class:`~lossary.LossBase`.
        share: which share of the units is kept, rounded up.

    Raises:
        ValueError: if ``share`` is not in (0, 1].

    References:
        Shrivastava et al., *Training Region-based Object Detectors with Online Hard Example
        Mining*, CVPR 2016.

    >>> import lossary
    >>> hard = HardUnits(lossary.L1Loss(), share=0.5)
    >>> hard(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.zeros(4))
    tensor(3.5000)
    """

    of_whole_batch: ClassVar[bool] = True
    share: float

    def __init__(
        self, loss: LossBase, *, share: float = 0.25, reduction: Reduction = "mean"
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share must be in (0, 1], got {share}")
        super().__init__(reduction, share=share)
        self.loss = loss

    def units(self, *tensors: Any) -> Tensor:
        return self.loss.reduced(*tensors, reduction="none")

    def weighted(
        self, tensors: tuple[Any, ...], weight: Tensor | None
    ) -> tuple[Tensor, Tensor | None, tuple[Any, ...], torch.dtype | None]:
        if isinstance(self.loss, FunctionLoss) and self.loss.signature is not None:
            operands = self.loss.operands(*tensors)
            ignore_index = getattr(self.loss, "ignore_index", None)
            weight = self.loss.signature.admit(operands, weight, ignore_index).weight
        if weight is None:
            units = self.loss.reduced(*tensors, reduction="none")
            there = own = torch.ones_like(units)
        else:  # to be weighed once only: here it says which units take part
            units = self.loss.reduced(*tensors, weight=weight != 0, reduction="none")
            own = fit_weight(weight, units.shape).to(units.dtype)
            there = own != 0
        count = (there.sum() * self.share).ceil()
        cost = torch.where(there != 0, own * units.detach(), -torch.inf)
        order = cost.flatten().argsort(descending=True, stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=order.device)
        kept = rank.reshape(units.shape) < count
        return units, kept * own, tensors, None
