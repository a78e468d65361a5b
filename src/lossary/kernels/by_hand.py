"""Losses whose gradient takes less time written by hand than recorded by autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..reduction import Reduction, reduce
from ..validation import is_readable
from .again import differentiate_again

MANY = 1 << 14  # numbers; of fewer, autograd's records take less time than a call of Python's


class ByHand(NamedTuple):
    """A loss of an input and a target, and its reduced value and gradient by hand.

    All three take the hyperparameters by name.

    Attributes:
        formula: the definition: from the two tensors, one loss per unit.
        value: from them and ``"mean"`` or ``"sum"``, the reduced loss, and what else the gradient
            needs; None where only the formula serves.
        gradient: from the gradient of the value, ``"mean"`` or ``"sum"``, the two tensors and what
            else it needs, the gradient of the input.
        recordable: whether autograd can differentiate ``value``, and do so twice.
    """

    formula: Callable[..., Tensor]
    value: Callable[..., tuple[Tensor, tuple[Tensor, ...]] | None]
    gradient: Callable[..., Tensor]
    recordable: bool = True

    def reduce(
        self,
        input: Tensor,
        target: Tensor,
        weight: Tensor | None,
        reduction: Reduction,
        **options: Any,
    ) -> Tensor:
        """Weigh and reduce the loss; by hand where nothing weighs and only the input learns."""
        if (
            weight is None
            and reduction in ("mean", "sum")
            and input.requires_grad
            and not target.requires_grad
            and input.numel()
            and torch.is_grad_enabled()
            and forward_ad._current_level < 0
            and is_readable((input, target))
        ):
            recorded = self.recordable and input.numel() < MANY
            given = input if recorded else input.detach()
            found = self.value(given, target, reduction, **options)
            if found is not None and recorded:
                return found[0]
            if found is not None:
                call = (self, reduction, options)
                return cast(Tensor, _Reduced.apply(call, *found, input, target))  # type: ignore[no-untyped-call]  # torch's own
        return reduce(self.formula(input, target, **options), weight, reduction)


class _Reduced(torch.autograd.Function):
    """Gives a value that has been computed its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        call: tuple[ByHand, Reduction, dict[str, Any]],
        value: Tensor,
        more: tuple[Tensor, ...],
        input: Tensor,
        target: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(input, target, *more)
        ctx.call = call
        return value

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        loss, reduction, options = ctx.call
        input, target, *more = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: the formula has one
            (gradient,) = differentiate_again(
                lambda x: reduce(loss.formula(x, target, **options), None, reduction),
                [input],
                [True],
                incoming,
            )
        else:
            gradient = loss.gradient(incoming, reduction, input, target, *more, **options)
        return None, None, None, gradient, None
