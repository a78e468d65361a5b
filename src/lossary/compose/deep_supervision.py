"""One loss for several outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class DeepSupervision(nn.Module):
    """One loss for several outputs of a network, such as those of its scales.

    Called with a sequence of outputs and the target, it returns the sum of the losses of each,
    multiplied by the coefficients. Targets of a coarser output are yours to shrink: give a function
    that makes the target of an output.

    Args:
        loss: the loss.
        coefficients: what the loss of each output is multiplied by.
        resize: makes the target of an output from the output and the whole target; the target as
            it is by default.

    Raises:
        ValueError: if there are more outputs than coefficients, or fewer.

    References:
        Lee et al., *Deeply-Supervised Nets*, AISTATS 2015.

    >>> import lossary
    >>> loss = DeepSupervision(lossary.MSELoss(), [1.0, 0.5])
    >>> loss([torch.tensor([2.0]), torch.tensor([4.0])], torch.tensor([0.0]))
    tensor(12.)
    """

    def __init__(
        self,
        loss: nn.Module,
        coefficients: Sequence[float],
        *,
        resize: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.loss = loss
        self.coefficients = tuple(coefficients)
        self.resize = resize

    def forward(
        self, outputs: Sequence[Tensor], target: Tensor, *, weight: Tensor | None = None
    ) -> Tensor:
        if len(outputs) != len(self.coefficients):
            raise ValueError(
                f"{len(outputs)} outputs for {len(self.coefficients)} coefficients: give one each"
            )
        values = []
        for output, coefficient in zip(outputs, self.coefficients, strict=True):
            own = target if self.resize is None else self.resize(output, target)
            values.append(coefficient * self.loss(output, own, weight=weight))
        return torch.stack(values).sum(0)
