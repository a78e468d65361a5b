"""The regions of a batch as those of one sample."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..base import FunctionLoss, LossBase
from ..reduction import Reduction, fit_weight
from ..signature import Operand


class WholeBatch(LossBase):
    """A loss of regions over the pixels of the whole batch, as if it were one sample.

    Losses such as Dice sum over the pixels of each sample. Summed over the batch instead, a sample
    without a region matters less, and small regions are less noisy; but the loss of a batch then
    differs from those of its halves, so neither micro-batches nor processes add up to it. The
    trainer gathers the samples of all processes, and warns of accumulated batches.

    A weight is one number per sample, and counts for each of its pixels.

    Args:
        loss: a loss with one value per sample and a ``mask`` of pixels, such as
            :class:`~lossary.DiceLoss`.

    Raises:
        TypeError: if the loss is no such loss.

    >>> import lossary
    >>> loss = WholeBatch(lossary.ProbabilityDiceLoss(smooth=0.0))
    >>> p, target = torch.tensor([[1.0, 0.5], [0.0, 0.0]]), torch.tensor([[1, 0], [0, 1]])
    >>> loss(p, target)  # 1 - 2 * 1 / (1.5 + 2)
    tensor(0.4286)
    """

    of_whole_batch: ClassVar[bool] = True

    def __init__(self, loss: FunctionLoss, *, reduction: Reduction = "mean") -> None:
        declared = loss.signature if isinstance(loss, FunctionLoss) else None
        mask = None if declared is None else declared.extras.get("mask")
        if declared is None or declared.unit != ("N",) or mask is None:
            raise TypeError(
                "WholeBatch takes a loss with one value per sample and a mask of pixels, such as "
                f"lossary.DiceLoss, got {loss!r}"
            )
        super().__init__(reduction)
        self.loss = loss
        self.declared, self.mask = declared, mask

    def units(self, *tensors: Any) -> Tensor:
        return self.reduced(*tensors, reduction="none")

    def reduced(
        self, *tensors: Any, weight: Tensor | None = None, reduction: Reduction = "mean"
    ) -> Tensor:
        operands = self.loss.operands(*tensors)
        match = self.declared.match(operands, {})
        bound = {name: getattr(self.loss, name) for name in self.loss.hyperparameters}
        mask = bound.pop("mask", None)
        if weight is not None:
            (count,), pixels = match.sizes["N"], match.sizes["*"]
            each = fit_weight(weight, torch.Size([count])).to(match.wide)
            each = each.reshape(count, *(1 for _ in pixels)).expand(count, *pixels)
            mask = each if mask is None else each * mask
        folded = (_folded(t, o) for t, o in zip(operands, match.operands, strict=True))
        if mask is not None:
            bound["mask"] = _folded(mask, self.mask)
        return self.loss.function(*folded, **bound, reduction=reduction)


def _folded(tensor: Tensor, operand: Operand) -> Tensor:
    """Make the samples a dimension of the pixels of one sample."""
    return tensor.movedim(0, operand.dims.index("*") - 1).unsqueeze(0)
