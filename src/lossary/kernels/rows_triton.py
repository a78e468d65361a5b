"""Softmax cross-entropy of rows of logits on a GPU, its gradient over the logits, in Triton.

One program has one row. It reads the row once for the log-partition, keeping the largest logit seen
so far, and once more for the gradient, which it leaves in the logits' memory.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..reduction import Reduction, reduce, weigh

LONGEST = 8192  # classes that a program holds at a time


@triton.jit  # type: ignore[untyped-decorator]  # triton ships no type information
def _bounded(logits: Any, softcap: Any, CAPPED: tl.constexpr) -> Any:  # noqa: N803 - triton's custom
    """Return the bounded logits, and the bound's derivative."""
    bend = logits * 0 + 1
    if CAPPED:
        tanh = 2 * tl.sigmoid(2 * logits / softcap) - 1
        logits = softcap * tanh
        bend = 1 - tanh * tanh
    return logits, bend


@triton.jit  # type: ignore[untyped-decorator]  # triton ships no type information
def _rows(
    logits: Any,
    stride: Any,
    target: Any,
    class_weight: Any,
    weight: Any,
    units: Any,
    own: Any,
    classes: Any,
    mean_weight: Any,
    smoothing: Any,
    z_loss: Any,
    softcap: Any,
    temperature: Any,
    CAPPED: tl.constexpr,  # noqa: N803 - triton's custom, as below
    WEIGHTS: tl.constexpr,  # noqa: N803
    CLASS_WEIGHTS: tl.constexpr,  # noqa: N803
    GRADIENT: tl.constexpr,  # noqa: N803
    BLOCK: tl.constexpr,  # noqa: N803
) -> None:
    row = tl.program_id(0).to(tl.int64)
    here = logits + row * stride
    label = tl.load(target + row)
    columns = tl.arange(0, BLOCK)
    largest = -float("inf")
    total = 0.0
    spread = 0.0  # of the scores, weighted: what label smoothing needs
    for start in range(0, classes, BLOCK):
        inside = start + columns < classes
        z = tl.load(here + start + columns, mask=inside, other=0.0).to(tl.float32)
        z, _ = _bounded(z, softcap, CAPPED)
        z = z / temperature
        top = tl.maximum(largest, tl.max(tl.where(inside, z, -float("inf")), 0))
        total = total * tl.exp(largest - top) + tl.sum(tl.where(inside, tl.exp(z - top), 0.0), 0)
        largest = top
        if CLASS_WEIGHTS:
            z = z * tl.load(class_weight + start + columns, mask=inside, other=0.0)
        spread += tl.sum(tl.where(inside, z, 0.0), 0)
    log_sum = largest + tl.log(total)
    z, _ = _bounded(tl.load(here + label).to(tl.float32), softcap, CAPPED)
    weight_of_label = 1.0
    if CLASS_WEIGHTS:
        weight_of_label = tl.load(class_weight + label).to(tl.float32)
    share = (1 - smoothing) * weight_of_label + smoothing * mean_weight
    cost = (1 - smoothing) * weight_of_label * (log_sum - z / temperature)
    cost += smoothing * (mean_weight * log_sum - spread / classes)
    tl.store(units + row, cost / tl.where(share == 0, 1.0, share) + z_loss * log_sum * log_sum)
    tl.store(own + row, share)
    if GRADIENT:
        factor = 1.0
        if WEIGHTS:
            factor = tl.load(weight + row).to(tl.float32)
        sure = share * (1 + 2 * z_loss * log_sum)
        for start in range(0, classes, BLOCK):
            inside = start + columns < classes
            z = tl.load(here + start + columns, mask=inside, other=0.0).to(tl.float32)
            z, bend = _bounded(z, softcap, CAPPED)
            even = smoothing / classes
            if CLASS_WEIGHTS:
                even = even * tl.load(class_weight + start + columns, mask=inside, other=0.0)
            slope = sure * tl.exp(z / temperature - log_sum) - even
            slope -= tl.where(start + columns == label, (1 - smoothing) * weight_of_label, 0.0)
            slope = slope * bend * factor / temperature
            tl.store(here + start + columns, slope.to(logits.dtype.element_ty), mask=inside)


class RowsOnGpu:
    """Cross-entropy of rows of logits with class indices; a RowLoss of the linear losses."""

    def __call__(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        weight: Tensor | None,
        reduction: Reduction,
        **options: Any,
    ) -> Tensor:
        units, own = self._run(logits, target, None, False, **options)
        return reduce(units, weigh(own, weight), reduction)

    def into_gradient(
        self, logits: Tensor, target: Tensor, *, weight: Tensor | None, **options: Any
    ) -> Tensor:
        """Overwrite the logits with the gradient of the sum, and return the parts."""
        units, own = self._run(logits, target, weight, True, **options)
        return reduce(units, weigh(own, weight), "parts")

    def _run(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        gradient: bool,
        *,
        class_weight: Tensor | None,
        label_smoothing: float,
        z_loss: float,
        softcap: float | None,
        temperature: float,
    ) -> tuple[Tensor, Tensor]:
        rows, classes = logits.shape
        units = torch.empty(rows, device=logits.device)
        own = torch.empty_like(units)
        _rows[(rows,)](
            logits,
            logits.stride(0),
            target,
            logits if class_weight is None else class_weight,
            logits if weight is None else weight,
            units,
            own,
            classes,
            1.0 if class_weight is None else class_weight.mean().item(),
            label_smoothing,
            z_loss,
            1.0 if softcap is None else softcap,
            temperature,
            CAPPED=softcap is not None,
            WEIGHTS=weight is not None,
            CLASS_WEIGHTS=class_weight is not None,
            GRADIENT=gradient,
            BLOCK=min(LONGEST, triton.next_power_of_2(classes)),
        )
        return units, own
