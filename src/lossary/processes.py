"""A loss over processes: value and gradient of the one batch that they hold together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from .base import FunctionLoss, LossBase
from .catalog import catalog
from .fuse.fused import FusedLoss
from .kernels.linear import reduced
from .kernels.pairs import share_of_rows
from .reduction import Reduction, check_reduction


class AcrossProcesses(LossBase):
    r"""A loss of the batch that all processes of ``torch.distributed`` hold together.

    Every process calls it with its own samples; batches may differ in size, and weights are those
    of the own samples. Every process gets the value of the whole batch: the mean is that over all
    samples, not the mean of means. Where samples are compared with each other, as in contrastive
    losses, those of all processes are: the tensors are gathered, every process computes the losses
    of its own samples among all, and the gradient goes back to the process that the samples came
    from. Losses that cannot be computed for some of the samples are computed by every process.

    Gradients are those of the whole batch times the number of processes. So their mean over the
    processes, which ``DistributedDataParallel`` takes, is the gradient of the one process that has
    the whole batch; that holds for the parameters of the network and of the loss. Where processes
    add gradients up instead, divide by their number.

    All processes must call it, and ``backward``, in the same order, and with a weight either all
    or none. There is no second derivative, and nothing for ``torch.compile`` or ``torch.func``.
    Without an initialised ``torch.distributed`` it is the loss itself.

    Args:
        loss: a loss of this library, or a :class:`~lossary.LossBase`. Of a sum, wrap each part.
        group: the processes; all by default.
        gather: whether a sample's loss depends on other samples. By default the catalog knows, and
            it is taken for granted of a loss of your own: that is always right, but if it is not
            so, samples travel in vain.

    >>> import lossary
    >>> loss = AcrossProcesses(lossary.InfoNCELoss(temperature=1.0))
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> loss(x, x)
    tensor(0.3133)
    """

    def __init__(
        self,
        loss: LossBase,
        *,
        group: dist.ProcessGroup | None = None,
        gather: bool | None = None,
    ) -> None:
        if not isinstance(loss, LossBase):
            raise TypeError(
                f"AcrossProcesses takes a loss of this library or a LossBase, got {loss!r}: of "
                "another nobody knows what its mean divides by; of a sum of losses wrap each part"
            )
        super().__init__(loss.reduction)
        self.loss = loss
        self.group = group
        self.gather = compares_samples(loss) is not False if gather is None else gather

    def units(self, *tensors: Any) -> Tensor:
        raise TypeError("AcrossProcesses has no units of its own: other processes have some")

    def reduced(
        self, *tensors: Any, weight: Tensor | None = None, reduction: Reduction = "mean"
    ) -> Tensor:
        check_reduction(reduction)
        if reduction == "none":
            raise ValueError(
                'AcrossProcesses gives "mean", "sum" and "parts" of the whole batch; of "none" '
                "some would be the units of other processes"
            )
        if not (dist.is_available() and dist.is_initialized()):
            return self.loss.reduced(*tensors, weight=weight, reduction=reduction)
        parts = self._share(tensors, weight)
        parts = cast(Tensor, _Sum.apply(self.group, parts))  # type: ignore[no-untyped-call]  # torch's own
        result = reduced(parts, reduction, parts.dtype)
        floating = [t.dtype for t in tensors if isinstance(t, Tensor) and t.is_floating_point()]
        return result if reduction == "parts" or not floating else result.to(floating[0])

    def _share(self, tensors: tuple[Any, ...], weight: Tensor | None) -> Tensor:
        """Return this process's parts; those of all processes add up to those of the batch."""
        if not self.gather:
            return self.loss.reduced(*tensors, weight=weight, reduction="parts")
        tensors, weight, own = self._gathered(tensors, weight)
        if isinstance(self.loss, FunctionLoss):
            with share_of_rows(own) as share:
                parts = self.loss.reduced(*tensors, weight=weight, reduction="parts")
            if share.heeded:
                return parts
        else:  # what it is made of must not be asked for some rows behind its back
            parts = self.loss.reduced(*tensors, weight=weight, reduction="parts")
        return parts / dist.get_world_size(self.group)

    def _gathered(
        self, tensors: tuple[Any, ...], weight: Tensor | None
    ) -> tuple[tuple[Any, ...], Tensor | None, slice]:
        """Return the tensors and weights of all processes, and where the own ones are."""
        declared = self.loss.signature
        operands = None if declared is None else declared.operands
        if operands is None or len(operands) != len(tensors):
            batched = [isinstance(t, Tensor) for t in tensors]
        else:
            batched = [
                isinstance(t, Tensor) and o[0].dims[:1] in (("N",), ("*",))
                for o, t in zip(operands, tensors, strict=True)
            ]
        given = [t for t, one in zip(tensors, batched, strict=True) if one]
        weighed = weight is not None and (declared is None or declared.unit[:1] in (("N",), ("*",)))
        if weight is not None and weighed:
            given.append(weight.expand(len(given[0]), *weight.shape[1:]))
        own, sizes = _place(given, self.group)
        found = iter(_Gather.apply(self.group, sizes, own, *given))  # type: ignore[no-untyped-call]  # torch's own
        everything = [next(found) if one else t for t, one in zip(tensors, batched, strict=True)]
        return tuple(everything), next(found) if weighed else weight, own


def compares_samples(loss: LossBase) -> bool | None:
    """Return whether a sample's loss depends on the other samples, or None if nobody knows."""
    if isinstance(loss, FusedLoss):
        loss = loss.loss
    if loss.of_whole_batch:
        return True
    function = loss.function if isinstance(loss, FunctionLoss) else None
    for spec in catalog():
        if spec.function is function:
            return "parts_add" in spec.exempt or not {"N", "*"} & set(spec.signature.unit)
    return None


def _place(tensors: Sequence[Tensor], group: dist.ProcessGroup | None) -> tuple[slice, list[int]]:
    """Return which samples of the whole batch are here, and how many each process has."""
    told = torch.zeros(dist.get_world_size(group), 2, dtype=torch.int64, device=tensors[0].device)
    rank = dist.get_rank(group)
    told[rank, 0] = len(tensors[0])
    told[rank, 1] = sum(math.prod(t.shape[1:]) * t.itemsize for t in tensors)
    dist.all_reduce(told, group=group)
    sizes, lengths = told[:, 0].tolist(), told[:, 1].tolist()
    if len(set(lengths)) > 1:
        raise ValueError(
            f"AcrossProcesses: samples must have the same shapes and dtypes in all processes, and "
            f"a weight all or none; got {lengths} bytes for each"
        )
    first = sum(sizes[:rank])
    return slice(first, first + sizes[rank]), sizes


class _Gather(torch.autograd.Function):
    """The rows of all processes; their gradients, which every process has a share of, add up."""

    @staticmethod
    def forward(
        ctx: Any, group: dist.ProcessGroup | None, sizes: list[int], own: slice, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.group, ctx.own = group, own
        # all tensors as one of bytes, padded to the longest: that suits every dtype and backend
        flat = [t.reshape(len(t), math.prod(t.shape[1:])) for t in tensors]
        raw = [t.contiguous().view(torch.uint8) for t in flat]
        packed = raw[0].new_zeros(max(1, *sizes), sum(t.shape[1] for t in raw))
        packed[: len(tensors[0])] = torch.cat(raw, 1)
        found = [torch.empty_like(packed) for _ in sizes]
        dist.all_gather(found, packed, group=group)
        rows = torch.cat([f[:size] for f, size in zip(found, sizes, strict=True)])
        pieces = rows.split([t.shape[1] for t in raw], 1)
        # a copy, as a view of another dtype wants its bytes to begin and to repeat where it may
        whole = tuple(
            piece.clone(memory_format=torch.contiguous_format)
            .view(t.dtype)
            .reshape(sum(sizes), *t.shape[1:])
            for piece, t in zip(pieces, tensors, strict=True)
        )
        ctx.mark_non_differentiable(*(t for t in whole if not t.is_floating_point()))
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor | None, ...]:
        gradients: list[Tensor | None] = []
        for needed, gradient in zip(ctx.needs_input_grad[3:], incoming, strict=True):
            if needed:
                total = gradient.to(torch.promote_types(gradient.dtype, torch.float32), copy=True)
                dist.all_reduce(total, group=ctx.group)
                gradients.append(total[ctx.own].to(gradient.dtype))
            else:
                gradients.append(None)
        return None, None, None, *gradients


class _Sum(torch.autograd.Function):
    """The sum over processes; backwards as if their gradients were going to be averaged."""

    @staticmethod
    def forward(ctx: Any, group: dist.ProcessGroup | None, parts: Tensor) -> Tensor:
        ctx.processes = dist.get_world_size(group)
        parts = parts.clone()
        dist.all_reduce(parts, group=group)
        return parts

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, incoming: Tensor) -> tuple[None, Tensor]:
        return None, ctx.processes * incoming
