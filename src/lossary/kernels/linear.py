"""A loss of logits that are a matrix product, without the logits of all rows at once.

The rows are taken in chunks: the logits of a chunk are written into one buffer, the loss turns
them into their gradient in place, and two matrix products add what the chunk gives to the gradients
of the input and of the weight. So the forward pass leaves nothing to compute for the backward pass,
and the memory that it takes is that of the gradients and of one chunk.

Compiled code calls the same computation as two operators that ``torch.compile`` does not look into.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..reduction import Reduction, check_reduction
from .again import differentiate_again

FEWEST, MOST = 256, 2048  # rows of a chunk
# In half precision every chunk rounds the gradient of the matrix, so there are no more than these
# as long as the chunks are not too large. A sum in single precision would cost a third more time
# and more memory than all the rest.
FEW_CHUNKS = 8


class RowLoss(Protocol):
    """A loss of rows that can overwrite logits by their gradient, as a fused function can."""

    def __call__(self, *args: Any, **options: Any) -> Tensor: ...

    @property
    def into_gradient(self) -> Callable[..., Tensor]: ...


@dataclass(frozen=True)
class LogitLoss:
    """A loss of logits, and what computes it for some rows.

    Attributes:
        formula: the loss.
        rows: returns what computes it where an input is, from the input and the first of what the
            loss takes besides the logits.
        name: what compiled code knows it by; without a name compiled code runs the formula.
    """

    formula: Callable[..., Tensor]
    rows: Callable[..., RowLoss]
    name: str = ""

    def __post_init__(self) -> None:
        if self.name:
            _NAMED[self.name] = self


_NAMED: dict[str, LogitLoss] = {}


@dataclass(frozen=True)
class LinearLoss:
    """A loss of ``input @ weight.T + bias``.

    Attributes:
        of_logits: the loss of logits.
        others: what it takes besides the logits, a row for each row of the input.
        options: its hyperparameters: numbers, tensors or None.
        weight: one number per row, or None; a row without weight is not computed.
        beside: an input and a matrix whose product is a second tensor of logits, a constant.
    """

    of_logits: LogitLoss
    others: tuple[Tensor, ...]
    options: dict[str, Any]
    weight: Tensor | None
    beside: tuple[Tensor, ...] = ()

    def __call__(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None, reduction: Reduction
    ) -> Tensor:
        """Return the loss: in chunks if nothing but the loss and its gradient is asked for."""
        check_reduction(reduction)
        if input.dtype == torch.float16:  # its range holds neither all products nor their sums
            input, matrix = input.float(), matrix.float()
            bias = None if bias is None else bias.float()
            wide = replace(self, beside=tuple(t.float() for t in self.beside))
            return wide(input, matrix, bias, reduction)
        compiling = torch.compiler.is_compiling()
        constants = [t for _, t in self.slots() if isinstance(t, Tensor)]
        if (
            any(t.requires_grad for t in constants)
            or not _is_plain([input, matrix, *constants])
            or (compiling and (_exporting() or not self.of_logits.name))
        ):
            return self.formula(input, matrix, bias, reduction)
        learned = (input, matrix, bias)
        needs = [torch.is_grad_enabled() and t is not None and t.requires_grad for t in learned]
        if compiling:
            return _compiled(self, input, matrix, bias, reduction, needs)
        if any(needs) and reduction != "none":
            return cast(Tensor, _InChunks.apply(self, reduction, *learned))  # type: ignore[no-untyped-call]  # torch's own
        found = self.values(input, matrix, bias, reduction == "none")
        if any(needs):
            return cast(Tensor, _Recomputed.apply(self, found, *learned))  # type: ignore[no-untyped-call]  # torch's own
        return reduced(found, reduction, input.dtype)

    def formula(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None, reduction: Reduction
    ) -> Tensor:
        """Return the loss by its definition, which can be differentiated as often as one likes."""
        logits = [torch.nn.functional.linear(input, matrix, bias)]
        if self.beside:
            logits.append(torch.nn.functional.linear(*self.beside))
        return self.of_logits.formula(
            *logits, *self.others, **self.options, weight=self.weight, reduction=reduction
        )

    def values(self, input: Tensor, matrix: Tensor, bias: Tensor | None, each_row: bool) -> Tensor:
        """Return the loss of each row, or the two sums, without gradients."""
        wide = torch.promote_types(input.dtype, torch.float32)
        units = input.new_zeros(len(input) if each_row else 0, dtype=wide)
        sums = input.new_zeros(2, dtype=torch.float64)
        loss = self.rows(input)
        with torch.no_grad():
            for rows, logits, others, weight in self.chunks(input, matrix, bias, FEWEST):
                if each_row:  # the units have the dtype of the logits, the sums are wide
                    found = loss(
                        logits.to(wide), *others, **self.options, weight=weight, reduction="none"
                    )
                    units[rows] = found
                else:
                    sums += loss(logits, *others, **self.options, weight=weight, reduction="parts")
        return units if each_row else sums

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
        into_gradient = self.rows(input).into_gradient
        with torch.no_grad():
            for rows, logits, others, weight in self.chunks(input, matrix, bias):
                sums += into_gradient(logits, *others, weight=weight, **self.options)
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

    def rows(self, input: Tensor) -> RowLoss:
        """Return what computes the loss of a chunk."""
        return self.of_logits.rows(input, *self.others[:1])

    def chunks(
        self, input: Tensor, matrix: Tensor, bias: Tensor | None, most: int = MOST
    ) -> Iterator[tuple[Any, Tensor, tuple[Tensor, ...], Tensor | None]]:
        """Yield rows, their logits in a buffer that the next chunk overwrites, and the rest."""
        places = None if self.weight is None else self.weight.nonzero().squeeze(1)
        count = len(input) if places is None else len(places)
        # as many logits as the gradient of the matrix has numbers, within reason
        size = max(FEWEST, input.shape[1])
        if input.itemsize < 4:
            size = max(size, count // FEW_CHUNKS)
        size = min(size, most, count)
        buffer = input.new_empty(size, len(matrix))
        for start in range(0, count, size or 1):
            end = min(start + size, count)
            rows = slice(start, end) if places is None else places[start:end]
            logits = buffer[: end - start]
            if bias is None:
                torch.mm(input[rows], matrix.t(), out=logits)
            else:
                torch.addmm(bias, input[rows], matrix.t(), out=logits)
            others = tuple(t[rows] for t in self.others)
            if self.beside:
                others = (self.beside[0][rows] @ self.beside[1].t(), *others)
            yield rows, logits, others, None if self.weight is None else self.weight[rows]

    def slots(self) -> list[tuple[str, Any]]:
        """Return all that it holds, by name; for compiled code, which passes no objects."""
        others = [("others", t) for t in self.others]
        beside = [("beside", t) for t in self.beside]
        return [*others, *beside, ("weight", self.weight), *self.options.items()]

    @staticmethod
    def of_slots(name: str, slots: Sequence[tuple[str, Any]]) -> LinearLoss:
        """Return what has these slots."""
        own = ("others", "beside", "weight")
        others, beside, weight = (tuple(t for n, t in slots if n == slot) for slot in own)
        options = {n: value for n, value in slots if n not in own}
        return LinearLoss(_NAMED[name], others, options, weight[0], beside)


def reduced(found: Tensor, reduction: Reduction, dtype: torch.dtype) -> Tensor:
    """Turn units, or the two sums, into what ``reduction`` asks for, in single precision."""
    wide = torch.promote_types(dtype, torch.float32)
    if reduction in ("none", "parts"):
        return found.to(wide)
    total = found[0] if reduction == "sum" else found[0] / torch.where(found[1] == 0, 1.0, found[1])
    return total.to(wide)


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
        return reduced(sums, reduction, input.dtype)

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            return None, None, *_differentiate(ctx, ctx.reduction, incoming)
        gradients = ctx.saved_tensors[3:]
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
            return None, None, *_differentiate(ctx, "none", incoming)
        needs = ctx.needs_input_grad[2:]
        return None, None, *ctx.job.gradients(input, matrix, bias, needs, incoming)[1]


def _differentiate(ctx: Any, reduction: Reduction, incoming: Tensor) -> list[Tensor | None]:
    given = ctx.saved_tensors[:3]
    formula = functools.partial(ctx.job.formula, reduction=reduction)
    return differentiate_again(formula, given, ctx.needs_input_grad[2:], incoming)


def _compiled(
    job: LinearLoss,
    input: Tensor,
    matrix: Tensor,
    bias: Tensor | None,
    reduction: Reduction,
    needs: list[bool],
) -> Tensor:
    """Return the loss in chunks from within compiled code."""
    slots = job.slots()
    tensors = [value for _, value in slots if isinstance(value, Tensor)]
    numbers = [v for _, v in slots if v is not None and not isinstance(v, Tensor)]
    kinds = " ".join(f"{name}:{_kind(value)}" for name, value in slots)
    given = (job.of_logits.name, input, matrix, bias, tensors, numbers, kinds)
    if any(needs) and reduction != "none":
        found = torch.ops.lossary.linear_gradients(*given, None, needs)[0]
    else:
        found = torch.ops.lossary.linear_values(*given, reduction == "none")
    return reduced(found, reduction, input.dtype)


def _kind(value: object) -> str:
    if value is None:
        return "none"
    return "tensor" if isinstance(value, Tensor) else "number"


def _job(name: str, tensors: list[Tensor], numbers: list[float], kinds: str) -> LinearLoss:
    """Return the loss whose slots were taken apart for an operator."""
    rest = {"tensor": iter(tensors), "number": iter(numbers), "none": itertools.repeat(None)}
    slots = (slot.split(":") for slot in kinds.split())
    return LinearLoss.of_slots(name, [(slot, next(rest[kind])) for slot, kind in slots])


# Inside an operator torch has switched off all that is not plain computing. Formulas need it:
# their gradients come from autograd, and to be fused they are traced.
_SWITCHED_OFF = functools.reduce(
    operator.or_,
    (
        torch._C.DispatchKeySet(key)
        for name, key in torch._C.DispatchKey.__members__.items()
        if not name.startswith("Autocast")
    ),
)


def _as_outside() -> AbstractContextManager[None]:
    """Return a context in which an operator computes as code outside of operators does."""
    include = torch._C._dispatch_tls_local_include_set()
    exclude = torch._C._dispatch_tls_local_exclude_set() - _SWITCHED_OFF
    return cast("AbstractContextManager[None]", torch._C._ForceDispatchKeyGuard(include, exclude))


_GIVEN = (
    "str name, Tensor input, Tensor matrix, Tensor? bias, Tensor[] tensors, float[] numbers, "
    "str kinds"
)
_SUMS_AND_GRADIENTS = "(Tensor, Tensor, Tensor, Tensor)"
_UNRECORDED = getattr(torch.Tag, "cudagraph_unsafe", None)  # the rows to compute are counted
_TAGS: dict[str, Any] = {} if _UNRECORDED is None else {"tags": (_UNRECORDED,)}


@torch.library.custom_op(
    "lossary::linear_values",
    mutates_args=(),
    schema=f"({_GIVEN}, bool each_row) -> Tensor",
    **_TAGS,
)
def _values(
    name: str,
    input: Tensor,
    matrix: Tensor,
    bias: Tensor | None,
    tensors: list[Tensor],
    numbers: list[float],
    kinds: str,
    each_row: bool,
) -> Tensor:
    with _as_outside():
        return _job(name, tensors, numbers, kinds).values(input, matrix, bias, each_row)


@torch.library.custom_op(
    "lossary::linear_gradients",
    mutates_args=(),
    schema=f"({_GIVEN}, Tensor? factor, bool[] needs) -> {_SUMS_AND_GRADIENTS}",
    **_TAGS,
)
def _gradients(
    name: str,
    input: Tensor,
    matrix: Tensor,
    bias: Tensor | None,
    tensors: list[Tensor],
    numbers: list[float],
    kinds: str,
    factor: Tensor | None,
    needs: list[bool],
) -> tuple[Tensor, ...]:
    with _as_outside():
        job = _job(name, tensors, numbers, kinds)
        sums, gradients = job.gradients(input, matrix, bias, needs, factor)
    return sums, *(input.new_empty(0) if g is None else g for g in gradients)


@_values.register_fake
def _(name: str, input: Tensor, *rest: Any) -> Tensor:
    if not rest[-1]:
        return input.new_empty(2, dtype=torch.float64)
    return input.new_empty(input.shape[0], dtype=torch.promote_types(input.dtype, torch.float32))


@_gradients.register_fake
def _(name: str, input: Tensor, matrix: Tensor, bias: Tensor | None, *rest: Any) -> Any:
    found = zip((input, matrix, bias), rest[-1], strict=True)
    gradients = (
        input.new_empty(0) if t is None or not need else torch.empty_like(t) for t, need in found
    )
    return input.new_empty(2, dtype=torch.float64), *gradients


def _remember_what_was_given(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    name, input, matrix, bias, tensors, *ctx.rest, _ = inputs
    ctx.name, ctx.blank = name, _without_gradient(inputs[4:])
    ctx.save_for_backward(input, matrix, bias, *tensors)


def _recompute(ctx: Any, incoming: Tensor) -> tuple[Any, ...]:
    input, matrix, bias, *tensors = ctx.saved_tensors
    needs = list(ctx.needs_input_grad[1:4])
    given = (ctx.name, input, matrix, bias, tensors, *ctx.rest)
    _, *found = torch.ops.lossary.linear_gradients(*given, incoming, needs)
    return None, *(g if need else None for g, need in zip(found, needs, strict=True)), *ctx.blank


def _remember_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.needs, ctx.blank = inputs[-1], _without_gradient(inputs[4:])
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output[1:])


def _scale(ctx: Any, incoming: Tensor, *_: None) -> tuple[Any, ...]:
    found = zip(ctx.saved_tensors, ctx.needs, strict=True)
    factor = incoming[0]
    return None, *(g * factor.to(g.dtype) if need else None for g, need in found), *ctx.blank


def _without_gradient(inputs: tuple[Any, ...]) -> list[Any]:
    """Return no gradients, in the form that torch wants for these: a list for tensors."""
    lists = (isinstance(v, list) and all(isinstance(t, Tensor) for t in v) for v in inputs)
    return [[None] * len(v) if is_list else None for v, is_list in zip(inputs, lists, strict=True)]


_values.register_autograd(_recompute, setup_context=_remember_what_was_given)
_gradients.register_autograd(_scale, setup_context=_remember_gradients)


def _is_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether the tensors have numbers, and no transform of torch looks at them."""
    plain = all(type(t) in (Tensor, torch.nn.Parameter) and not t.is_meta for t in tensors)
    return plain and not _transformed() and forward_ad._current_level < 0


def _transformed() -> bool:
    return torch._C._functorch.peek_interpreter_stack() is not None


# Under torch.compile it is asked while the code is traced, when a transform is in force as well;
# this is torch.compiler.assume_constant_result without importing the compiler.
_transformed._dynamo_marked_constant = True  # type: ignore[attr-defined]

_exporting = getattr(torch.compiler, "is_exporting", lambda: False)  # since torch 2.7
