"""Losses of a sample among all others, without the matrix of all pairs at once.

A formula gives the units of some rows of the batch, held against the whole batch. It runs for some
rows at a time, and again in the backward pass, which needs of each chunk only its gradients. So the
memory is that of the embeddings, their gradients and one chunk of pairs.

The same formula lets a process compute the units of its own samples only, among the samples of all
processes: see :func:`share_of_rows`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..reduction import Reduction, reduce
from ..signature import full_precision
from ..validation import is_plain
from .again import differentiate_again

AT_ONCE = 1 << 18  # numbers of a chunk: its dozens of intermediate results stay in the cache
FARTHER = 16  # times as many where starting an operation takes longer than such a chunk: on GPUs

Formula = Callable[..., Tensor]
"""``formula(rows, *given)`` returns the units of ``rows``, a slice of the first of ``given``."""


def reduce_rows(
    formula: Formula,
    given: tuple[Any, ...],
    weight: Tensor | None,
    reduction: Reduction,
    *,
    width: int | None = None,
) -> Tensor:
    """Weigh and reduce the units of a formula, computed for some rows at a time.

    Under ``torch.compile``, ``torch.func`` and for second derivatives the formula runs once, for
    all rows.

    Args:
        formula: see :data:`Formula`. It closes over no tensor that needs a gradient.
        given: what the formula takes: whole tensors, the first with a row for each sample, and
            numbers.
        weight: one number per sample, or None.
        reduction: see :data:`Reduction`.
        width: how many numbers the formula holds for each row, by default the number of samples.
    """
    rows, samples = rows_here(), given[0]
    if not len(samples):
        units = samples.flatten(1).sum(1)
    elif not _is_plain(given):
        units = formula(rows, *given)
    else:
        start, end, _ = rows.indices(len(samples))
        at_once = AT_ONCE if samples.is_cpu else FARTHER * AT_ONCE
        size = max(1, at_once // (width or len(samples)))
        if end - start <= size:
            units = formula(rows, *given)
        else:
            chunks = [slice(i, min(i + size, end)) for i in range(start, end, size)]
            units = cast(Tensor, _InChunks.apply(formula, rows, chunks, *given))  # type: ignore[no-untyped-call]  # torch's own
    return reduce(units, None if weight is None else weight[rows], reduction)


class _InChunks(torch.autograd.Function):
    """Computes every chunk again when its gradient is asked for."""

    @staticmethod
    def forward(
        ctx: Any, formula: Formula, rows: slice, chunks: list[slice], *given: Any
    ) -> Tensor:
        ctx.formula, ctx.rows, ctx.chunks = formula, rows, chunks
        ctx.numbers = [None if isinstance(g, Tensor) else g for g in given]
        ctx.save_for_backward(*(g if isinstance(g, Tensor) else None for g in given))
        return torch.cat([formula(chunk, *given) for chunk in chunks])

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        saved = zip(ctx.saved_tensors, ctx.numbers, strict=True)
        given = [number if tensor is None else tensor for tensor, number in saved]
        needs = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():  # to be differentiated again
            formula = functools.partial(ctx.formula, ctx.rows)
            return None, None, None, *differentiate_again(formula, given, needs, incoming)
        given = [g.detach() if isinstance(g, Tensor) else g for g in given]
        leaves = [g.requires_grad_() for g, needed in zip(given, needs, strict=True) if needed]
        with torch.enable_grad(), full_precision(given):
            first = ctx.chunks[0].start
            for chunk in ctx.chunks:
                units = ctx.formula(chunk, *given)
                share = incoming[chunk.start - first : chunk.stop - first]
                torch.autograd.backward(units, share, inputs=leaves)
        found = (leaf.grad for leaf in leaves)
        return None, None, None, *(next(found) if needed else None for needed in needs)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the distances (n, m) between the rows of ``x`` (n, D) and ``y`` (m, D).

    From differences of coordinates, so exact for points that nearly agree, and without holding
    them. The gradient of a distance of zero is zero.
    """
    if _is_plain([x, y]):
        return cast(Tensor, _Distances.apply(x, y))  # type: ignore[no-untyped-call]  # torch's own
    return _defined(x, y)


def _defined(x: Tensor, y: Tensor) -> Tensor:
    squares = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(2)
    nothing = squares == 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, squares).sqrt())


class _Distances(torch.autograd.Function):
    """The distances of torch, and their second derivative, which torch lacks."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        found = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        ctx.save_for_backward(x, y, found)
        return found

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y, found = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated again
            first, second = differentiate_again(_defined, (x, y), ctx.needs_input_grad, incoming)
            return first, second
        slope, step = incoming.contiguous(), torch.ops.aten._cdist_backward
        of_x = step(slope, x.contiguous(), y.contiguous(), 2.0, found)
        of_y = step(slope.T.contiguous(), y.contiguous(), x.contiguous(), 2.0, found.T.contiguous())
        return of_x, of_y


@dataclass
class Share:
    """Which rows of a batch are wanted, and whether the loss heeded it.

    Attributes:
        rows: the rows whose units are wanted; all others are only what these are held against.
        heeded: whether the loss asked for them. If not, it gave the units of all rows.
    """

    rows: slice
    heeded: bool = False


_share: ContextVar[Share | None] = ContextVar("share_of_rows", default=None)


@contextmanager
def share_of_rows(rows: slice) -> Iterator[Share]:
    """Let the losses inside reduce the units of these rows only, if they can."""
    share = Share(rows)
    before = _share.set(share)
    try:
        yield share
    finally:
        _share.reset(before)


def rows_here() -> slice:
    """Return the rows whose units are wanted: all, but in :func:`share_of_rows`."""
    share = None if torch.compiler.is_compiling() else _share.get()
    if share is None:
        return slice(None)
    share.heeded = True
    return share.rows


def _is_plain(tensors: Sequence[Any]) -> bool:
    """Whether the tensors have numbers, and no transform of torch looks at them."""
    numbers = not any(isinstance(t, Tensor) and t.is_meta for t in tensors)
    return numbers and is_plain(tensors) and forward_ad._current_level < 0
