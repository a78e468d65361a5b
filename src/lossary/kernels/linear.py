"""A loss of logits that are a matrix product, without the logits of all rows at once.

The rows are taken in chunks: the logits of a chunk are written into one buffer, the loss turns
them into their gradient in place, and two matrix products add what the chunk gives to the gradients
of the input and of the weight. So the forward pass leaves nothing to compute for the backward pass,
and the memory that it takes is that of the gradients and of one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..reduction import Reduction, check_reduction

FEWEST, MOST = 256, 2048  # rows of a chunk


class RowLoss(Protocol):
    """A loss of rows that can overwrite logits by their gradient, as a fused function can."""

    def __call__(self, *args: Any, **options: Any) -> Tensor: ...

    @property
    def into_gradient(self) -> Callable[..., Tensor]: ...


@dataclass(frozen=True)
class LinearLoss:
    """A loss of ``input @ weight.T + bias``.

    Attributes:
        definition: the loss of logits.
        rows: the same, of a chunk of rows.
        others: what it takes besides the logits, a row for each row of the input.
        options: its hyperparameters.
        weight: one number per row, or None.
        keep: the rows that take part, or None for all.
        beside: an input and a matrix whose product is a second tensor of logits, a constant.
    """

    definition: Callable[..., Tensor]
    rows: RowLoss
    others: tuple[Tensor, ...]
    options: dict[str, Any]
    weight: Tensor | None
    keep: Tensor | None = None
    beside: tuple[Tensor, Tensor] | None = None

    def __call__(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None, reduction: Reduction
    ) -> Tensor:
        """Return the loss: in chunks if nothing but the loss and its gradient is asked for."""
        check_reduction(reduction)
        if input.dtype == torch.float16:  # its range holds neither all products nor their sums
            input, matrix = input.float(), matrix.float()
            bias = None if bias is None else bias.float()
            beside = None if self.beside is None else tuple(t.float() for t in self.beside)
            wide = replace(self, beside=cast("tuple[Tensor, Tensor] | None", beside))
            return wide(input, matrix, bias, reduction)
        rest = [t for t in (*self.others, self.weight, *(self.beside or ())) if t is not None]
        if any(t.requires_grad for t in rest) or not _is_plain([input, matrix, *rest]):
            return self.formula(input, matrix, bias, reduction)
        needs = torch.is_grad_enabled() and any(
            t.requires_grad for t in (input, matrix, bias) if t is not None
        )
        if not needs or reduction == "none":
            units_or_sums = self.values(input, matrix, bias, reduction)
            if not needs:
                return units_or_sums
            return cast(Tensor, _Recomputed.apply(self, units_or_sums, input, matrix, bias))  # type: ignore[no-untyped-call]  # torch's own
        return cast(Tensor, _InChunks.apply(self, reduction, input, matrix, bias))  # type: ignore[no-untyped-call]  # torch's own

    def formula(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None, reduction: Reduction
    ) -> Tensor:
        """Return the loss by its definition, which can be differentiated as often as one likes."""
        logits = [torch.nn.functional.linear(input, matrix, bias)]
        if self.beside is not None:
            logits.append(torch.nn.functional.linear(*self.beside))
        return self.definition(
            *logits, *self.others, **self.options, weight=self.weight, reduction=reduction
        )

    def values(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None, reduction: Reduction
    ) -> Tensor:
        """Return the loss without gradients."""
        wide = torch.promote_types(input.dtype, torch.float32)
        units = input.new_zeros(len(input), dtype=wide) if reduction == "none" else None
        sums = input.new_zeros(2, dtype=torch.float64)
        with torch.no_grad():
            for rows, logits, others, weight in self.chunks(input, matrix, bias):
                found = self.rows(
                    logits,
                    *others,
                    **self.options,
                    weight=weight,
                    reduction="parts" if units is None else "none",
                )
                if units is None:
                    sums += found
                else:
                    units[rows] = found.to(units.dtype)
        return reduced(sums, reduction, wide) if units is None else units

    def gradients(
        self,
        input: Tensor,
        matrix: Tensor,
        bias: Tensor | None,
        needs: Sequence[bool],
        factor: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Return the two sums, and the gradients of the first; ``factor`` multiplies units'."""
        of_input = torch.zeros_like(input) if needs[0] else None
        of_matrix = torch.zeros_like(matrix) if needs[1] else None
        of_bias = torch.zeros_like(bias) if needs[2] and bias is not None else None
        sums = input.new_zeros(2, dtype=torch.float64)
        with torch.no_grad():
            for rows, logits, others, weight in self.chunks(input, matrix, bias):
                sums += self.rows.into_gradient(logits, *others, weight=weight, **self.options)
                if factor is not None:
                    logits.mul_(factor[rows].unsqueeze(1))
                if of_input is not None and isinstance(rows, slice):
                    torch.mm(logits, matrix, out=of_input[rows])
                elif of_input is not None:
                    of_input[rows] = logits @ matrix
                if of_matrix is not None:
                    of_matrix.addmm_(logits.t(), input[rows])
                if of_bias is not None:
                    of_bias += logits.sum(0)
        return sums, [of_input, of_matrix, of_bias]

    def chunks(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None
    ) -> Iterator[tuple[Any, Tensor, tuple[Tensor, ...], Tensor | None]]:
        """Yield rows, their logits in a buffer that the next chunk overwrites, and the rest."""
        if self.keep is None:
            count = len(input)
        else:
            places = self.keep.nonzero().squeeze(1)
            count = len(places)
        # as many logits as the gradient of the matrix has numbers, within reason
        size = min(max(FEWEST, input.shape[1]), MOST, count)
        buffer = input.new_empty(size, len(matrix))
        for start in range(0, count, size or 1):
            end = min(start + size, count)
            rows = slice(start, end) if self.keep is None else places[start:end]
            logits = buffer[: end - start]
            if bias is None:
                torch.mm(input[rows], matrix.t(), out=logits)
            else:
                torch.addmm(bias, input[rows], matrix.t(), out=logits)
            others = tuple(t[rows] for t in self.others)
            if self.beside is not None:
                others = (self.beside[0][rows] @ self.beside[1].t(), *others)
            yield rows, logits, others, None if self.weight is None else self.weight[rows]


def reduced(sums: Tensor, reduction: Reduction, dtype: torch.dtype) -> Tensor:
    """Turn the two sums into what ``reduction`` asks for."""
    if reduction == "parts":
        return sums.to(dtype)
    total = sums[0] if reduction == "sum" else sums[0] / torch.where(sums[1] == 0, 1.0, sums[1])
    return total.to(dtype)


class _InChunks(torch.autograd.Function):
    """Computes the gradients with the value."""

    @staticmethod
    def forward(
        ctx: Any,
        job: LinearLoss,
        reduction: Reduction,
        input: Tensor,
        matrix: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        sums, gradients = job.gradients(input, matrix, bias, ctx.needs_input_grad[2:])
        if reduction == "mean":
            share = (1 / torch.where(sums[1] == 0, 1.0, sums[1])).item()
            for gradient in gradients:
                if gradient is not None:
                    gradient.mul_(share)
        ctx.job, ctx.reduction = job, reduction
        ctx.save_for_backward(input, matrix, bias, *gradients)
        return reduced(sums, reduction, torch.promote_types(input.dtype, torch.float32))

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        input, matrix, bias, *gradients = ctx.saved_tensors
        if torch.is_grad_enabled():
            value = ctx.job.formula(input, matrix, bias, ctx.reduction).to(incoming.dtype)
            return None, None, *_differentiate(value, (input, matrix, bias), incoming)
        factor = incoming[0] if ctx.reduction == "parts" else incoming
        if factor.is_cpu and factor.item() == 1:
            return None, None, *gradients
        return None, None, *(None if g is None else g * factor.to(g.dtype) for g in gradients)


class _Recomputed(torch.autograd.Function):
    """Computes the gradients when it is known how much each row counts."""

    @staticmethod
    def forward(
        ctx: Any,
        job: LinearLoss,
        units: Tensor,
        input: Tensor,
        matrix: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        ctx.job = job
        ctx.save_for_backward(input, matrix, bias)
        return units

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        input, matrix, bias = ctx.saved_tensors
        if torch.is_grad_enabled():
            units = ctx.job.formula(input, matrix, bias, "none").to(incoming.dtype)
            return None, None, *_differentiate(units, (input, matrix, bias), incoming)
        needs = ctx.needs_input_grad[2:]
        return None, None, *ctx.job.gradients(input, matrix, bias, needs, incoming)[1]


def _differentiate(
    value: Tensor, inputs: tuple[Tensor | None, ...], incoming: Tensor
) -> Iterator[Tensor | None]:
    wanted = [t for t in inputs if t is not None and t.requires_grad]
    found = iter(torch.autograd.grad(value, wanted, incoming, create_graph=True))
    return (next(found) if t is not None and t.requires_grad else None for t in inputs)


def _is_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether the tensors have numbers, and no transform of torch looks at them."""
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    plain = all(type(t) in (Tensor, torch.nn.Parameter) and not t.is_meta for t in tensors)
    return plain and forward_ad._current_level < 0
