"""Coefficients from how fast each loss falls."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .weighted_sum import BalancedSum


class DynamicWeightAverage(BalancedSum):
    r"""A sum that turns to the losses which fall slowest, :math:`\sum_i \lambda_i L_i` with
    :math:`\lambda_i = K \frac{e^{r_i / T}}{\sum_j e^{r_j / T}}`, where :math:`r_i` is the mean loss
    of the last epoch divided by that of the epoch before.

    Costs nothing but the means of each epoch, which you hand to :meth:`update`. Up to the second
    call all coefficients are 1. They are a matter of speed alone: a loss that is a hundred times
    another counts a hundred times as much, so bring the losses to one scale first. What was seen is
    saved with the module.

    A callback of the trainer is one line, as a record holds the mean of every part:
    ``def on_epoch_end(self, run): loss.update(run.history[-1])``.

    Args:
        losses: each loss by the name of its part; none may become negative.
        temperature: :math:`T`; the larger, the more equal the coefficients.

    Raises:
        ValueError: if ``temperature`` is not above 0.

    References:
        Liu et al., *End-to-End Multi-Task Learning with Attention*, CVPR 2019, eq. 7.

    >>> import lossary
    >>> loss = DynamicWeightAverage({"l1": lossary.L1Loss(), "mse": lossary.MSELoss()})
    >>> loss.update({"l1": 4.0, "mse": 9.0})
    >>> loss.update({"l1": 2.0, "mse": 9.0})  # the first was halved, the second stayed
    >>> loss.coefficient("l1"), loss.coefficient("mse")
    (0.8756..., 1.1243...)
    """

    means: Tensor
    factors: Tensor

    def __init__(self, losses: Mapping[str, nn.Module], *, temperature: float = 2.0) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature must lie in (0, inf), got {temperature}")
        super().__init__(losses)
        self.temperature = temperature
        # of the epoch before the last, and of the last; nan is one that was not yet
        self.register_buffer("means", torch.full((2, len(losses)), math.nan))
        self.register_buffer("factors", torch.ones(len(losses)))

    def update(self, means: Mapping[str, float | Tensor]) -> None:
        """Take the means of an epoch, and find the coefficients of the next.

        Args:
            means: the mean of each part over the epoch, by its name; other names are passed over.

        Raises:
            ValueError: if a part is missing, or its mean is negative or not finite.
        """
        found = []
        for name in self.losses:
            if name not in means:
                raise ValueError(f"the mean of {name!r} is missing; there are {list(means)}")
            mean = float(means[name])
            if not 0 <= mean < math.inf:
                raise ValueError(
                    f"the mean of {name!r} must be finite and not negative for the ratio of two "
                    f"to say how fast it falls, got {mean}"
                )
            found.append(mean)
        last, before = self.means.new_tensor(found), self.means[1]
        self.means = torch.stack([before, last])
        limits = torch.finfo(last.dtype)
        known = (last != before) & ~before.isnan()
        ratio = (last / before.clamp(min=limits.tiny)).clamp(max=limits.max)
        speed = torch.where(known, ratio, 1.0)
        shares = torch.softmax(speed / self.temperature, 0)
        self.factors = (len(found) * shares).to(self.factors.dtype)

    def coefficient(self, name: str) -> float:
        return self.factors[self.place(name)].item()

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        values = list(parts.values())
        stacked = torch.stack([value.to(values[0].dtype) for value in values])
        return (self.factors.to(stacked) * stacked).sum(0)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}"
