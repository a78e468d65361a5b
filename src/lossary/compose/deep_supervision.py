"""One loss for several outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from .weighted_sum import WeightedSum


class DeepSupervision(WeightedSum):
    """One loss for several outputs of a network, such as those of its scales.

    Called with a sequence of outputs and the target, it returns the sum of the losses of each,
    multiplied by the coefficients. Targets of a coarser output are yours to shrink: give a function
    that makes the target of an output. The parts are named after the place of the output, ``"0"``
    for the first; each is divided by its own weights.

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
    >>> outputs = [torch.tensor([2.0]), torch.tensor([4.0])]
    >>> loss(outputs, torch.tensor([0.0]))
    tensor(12.)
    >>> loss.named(outputs, torch.tensor([0.0]))
    {'0': tensor(4.), '1': tensor(16.)}
    """

    def __init__(
        self,
        loss: nn.Module,
        coefficients: Sequence[float],
        *,
        resize: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        places = [str(place) for place in range(len(coefficients))]
        super().__init__(dict.fromkeys(places, loss), dict(zip(places, coefficients, strict=True)))
        self.resize = resize

    def inputs(self, name: str, *tensors: Any) -> tuple[Any, ...]:
        outputs, target = tensors
        if len(outputs) != len(self.losses):
            raise ValueError(
                f"{len(outputs)} outputs for {len(self.losses)} coefficients: give one each"
            )
        output = outputs[int(name)]
        return output, target if self.resize is None else self.resize(output, target)

    def __add__(self, other: object) -> WeightedSum:
        raise TypeError("the losses of several outputs take other tensors than those of one")

    def __mul__(self, factor: object) -> WeightedSum:
        raise TypeError("multiply the coefficients of each output instead")

    __rmul__ = __mul__
