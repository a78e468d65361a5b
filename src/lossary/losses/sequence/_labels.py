"""Padded labels of sequences: what is checked of them, and what stands in the padding."""

from __future__ import annotations

import torch
from torch import Tensor

from ...validation import is_assertable, is_readable, level

IMPOSSIBLE = -1e30  # the logarithm of the probability 0, with which one can still calculate


def inside(lengths: Tensor, size: int) -> Tensor:
    """Return which of ``size`` places lie within each length, as a mask of shape (N, size)."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)


def require(fine: Tensor, message: str, tensors: tuple[Tensor, ...]) -> Tensor | None:
    """Return the first place where values are not ``fine``, or None.

    On CUDA, where looking would mean waiting, the device asserts it, and fails with ``message``.

    Args:
        fine: where a demand on values is met.
        message: the demand, in words.
        tensors: what it was computed from.
    """
    if level() != "values" or not fine.numel():
        return None
    if is_readable(tensors):
        return None if fine.all() else (~fine).nonzero()[0]
    if is_assertable(tensors):
        torch._assert_async(fine.all(), message)
    return None


def clean_labels(
    loss: str, target: Tensor, lengths: Tensor, classes: int, blank: int | None = None
) -> Tensor:
    """Return labels that are class indices everywhere: the padding may have held anything.

    Raises:
        ValueError: if ``blank`` is no class, or a label within its length is none, or the blank.
    """
    within = inside(lengths, target.shape[1])
    wrong = (target < 0) | (target >= classes)
    if blank is not None:
        if blank >= classes:
            raise ValueError(f"{loss}: blank must be one of the {classes} classes, got {blank}")
        wrong = wrong | (target == blank)
    wanted = f"{loss}: target must hold class indices"
    at = require(~(within & wrong), wanted, (target, lengths))
    if at is not None:
        n, s = at.tolist()
        other = "" if blank is None else f" other than blank={blank}"
        raise ValueError(
            f"{wanted} from 0 to {classes - 1}{other}, got {target[n, s].item()} at ({n}, {s}); "
            f"what lies beyond the length of a sample, here {lengths[n].item()}, may be anything"
        )
    # where values cannot be looked at, a wrong label must still not reach other memory
    return target.masked_fill(~within, 0).clamp(0, max(classes - 1, 0))


def infinite(units: Tensor) -> Tensor:
    """Return losses of which those of impossible events are infinite, and have no gradient."""
    return torch.where(units >= -1e-10 * IMPOSSIBLE, torch.inf, units)
