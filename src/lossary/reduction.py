"""The one place where losses are weighted and reduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.autograd import forward_ad

Reduction = Literal["none", "mean", "sum", "parts"]
"""How the losses of the units become the result.

``"none"``: one weighted loss per unit. ``"sum"``: their sum. ``"mean"``: the weighted mean.
``"parts"``: a tensor of two numbers, the weighted sum and the sum of the weights, in at least
single precision; :func:`~lossary.parts` gives it names.
"""


def check_reduction(reduction: object) -> None:
    """Raise ValueError unless ``reduction`` is one of :data:`Reduction`."""
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction must be one of {get_args(Reduction)}, got {reduction!r}")


def reduce(units: Tensor, weight: Tensor | None = None, reduction: Reduction = "mean") -> Tensor:
    """Weigh and reduce a tensor that holds one loss per unit.

    The mean is the weighted mean, ``sum(weight * units) / sum(weight)``. A unit of zero weight
    contributes nothing, even if its loss is nan, so a boolean weight is a mask. The mean of
    nothing is zero, with zero gradients. Sums are accumulated in at least single precision.

    Args:
        units: the loss of each unit, of any shape.
        weight: numbers or booleans, in the shape of ``units``; dimensions of size 1 are repeated.
        reduction: see :data:`Reduction`.

    Raises:
        ValueError: if ``weight`` does not fit ``units``, or ``reduction`` is unknown.
    """
    check_reduction(reduction)
    if weight is not None:
        weight = fit_weight(weight, units.shape).to(units.dtype)
        units = torch.where(weight == 0, 0.0, weight * units)
    if reduction == "none":
        return units
    wide = torch.promote_types(units.dtype, torch.float32)
    if reduction == "mean" and weight is None and units.numel():
        return units.mean(dtype=wide).to(units.dtype)
    total = units.sum(dtype=wide)
    if reduction == "sum":
        return total.to(units.dtype)
    count = total.new_tensor(units.numel()) if weight is None else weight.sum(dtype=wide)
    if reduction == "parts":
        return torch.stack([total, count])
    return (total / torch.where(count == 0, 1.0, count)).to(units.dtype)


def reduce_kernel(
    kernel: Callable[..., Tensor],
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    *,
    formula: Callable[..., Tensor] | None = None,
    **options: object,
) -> Tensor:
    """Weigh and reduce the units of a kernel of torch; where nothing weighs, it does so itself.

    Args:
        kernel: a function of torch whose ``reduction`` means the same as ours.
        input: its first argument.
        target: its second argument.
        weight: see :func:`reduce`.
        reduction: see :data:`Reduction`.
        formula: gives the units in forward-mode differentiation, if the kernel does not stand it.
        options: its other arguments.
    """
    if formula is not None and forward_ad._current_level >= 0:
        return reduce(formula(input, target, **options), weight, reduction)
    if weight is None and reduction in ("mean", "sum") and input.numel() and not _spread(input):
        return kernel(input, target, **options, reduction=reduction)
    if weight is None and reduction == "parts" and target.numel():
        total = kernel(input, target, **options, reduction="sum")
        return torch.stack([total, total.new_tensor(target.numel())])
    return reduce(kernel(input, target, **options, reduction="none"), weight, reduction)


def _spread(tensor: Tensor) -> bool:
    """Whether it lies in several processes; there torch's kernels take the mean of means."""
    return type(tensor).__name__ == "DTensor"  # without loading torch.distributed


def fit_weight(weight: Tensor, shape: torch.Size) -> Tensor:
    """Return ``weight`` expanded to the shape of the units, or raise ValueError."""
    if weight.shape == shape:
        return weight
    if weight.ndim != len(shape) or any(
        w not in (1, n) for w, n in zip(weight.shape, shape, strict=True)
    ):
        raise ValueError(
            f"weight must have the shape of this loss's units, {tuple(shape)}, or have size 1 "
            f"where it repeats, got {tuple(weight.shape)}; there is one weight per unit: see the "
            "right-hand side of the loss's signature"
        )
    return weight.expand(shape)


def weigh(*weights: Tensor | None) -> Tensor | None:
    """Multiply those of ``weights`` that are given."""
    product: Tensor | None = None
    for weight in weights:
        if weight is not None:
            product = weight if product is None else product * weight
    return product
