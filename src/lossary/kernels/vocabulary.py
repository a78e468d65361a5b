"""Linear cross-entropy over processes that hold a slice of the vocabulary each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..reduction import Reduction, reduce, weigh
from ..signature import signature
from .linear import LinearLoss, LogitLoss


@signature(
    "real N D, real K D, label N -> N",
    widens=False,
    linear_bias="real K",
    class_weight="weight K",
    label_smoothing="[0, 1]",
    z_loss="[0, inf)",
    softcap="(0, inf)",
    temperature="(0, inf)",
)
def vocab_parallel_linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    group: dist.ProcessGroup | None = None,
    linear_bias: Tensor | None = None,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Softmax cross-entropy of a linear layer whose classes are spread over processes.

    The same numbers as :func:`~lossary.linear_cross_entropy` with all slices in one process. Every
    process calls it with the same ``input``, ``target`` and ``weight``, and with its own slice of
    everything that has a class dimension; the slices follow each other in the order of the ranks
    and may differ in size. Every process gets the same value, the gradient of the whole ``input``,
    and that of its own slices.

    Per chunk of rows four numbers a row go over the network, and once the gradient of ``input``.
    There is no second derivative, and nothing for ``torch.compile`` or ``torch.func``.

    Args:
        input: hidden states, of shape (N, D), the same on each process.
        linear_weight: this process's rows of the linear layer's weight, of shape (K, D).
        target: class indices in [0, sum of all K), of shape (N,).
        group: the processes that share the classes; all by default.
        linear_bias: this process's slice of the bias, of shape (K,).
        class_weight: this process's slice of the class weights, of shape (K,).
        ignore_index: a row with this class index weighs nothing.
        label_smoothing: see :func:`~lossary.linear_cross_entropy`.
        z_loss: see :func:`~lossary.linear_cross_entropy`.
        softcap: see :func:`~lossary.linear_cross_entropy`.
        temperature: see :func:`~lossary.linear_cross_entropy`.

    Raises:
        RuntimeError: if ``torch.distributed`` has not been initialised.
        ValueError: if a class index is outside the vocabulary of all processes.

    References:
        Shoeybi et al., *Megatron-LM*, arXiv:1909.08053, section 3 (the logits stay where they are).
    """
    if not dist.is_initialized():
        raise RuntimeError(
            "vocab_parallel_linear_cross_entropy runs in processes of torch.distributed: call "
            "torch.distributed.init_process_group first, or lossary.linear_cross_entropy instead"
        )
    part = _Slice.of(len(linear_weight), group, class_weight, input.device)
    if target.numel() and not 0 <= int(target.max()) < part.total:
        raise ValueError(
            f"vocab_parallel_linear_cross_entropy: target must hold class indices from 0 to "
            f"{part.total - 1}, got {int(target.max())}"
        )
    options = {
        "label_smoothing": label_smoothing,
        "z_loss": z_loss,
        "softcap": softcap,
        "temperature": temperature,
    }
    bias = None if linear_bias is None else linear_bias.to(input.dtype)
    of_logits = LogitLoss(_no_definition, lambda *_: part)
    job = _OverProcesses(of_logits, (target,), options, weight, group=group)
    result = job(input, linear_weight, bias, reduction)
    return result if reduction == "parts" else result.to(input.dtype)


@dataclass(frozen=True)
class _Slice:
    """The classes that this process holds.

    Attributes:
        group: the processes that share the classes.
        first: how many classes the processes before hold.
        total: how many all of them hold.
        class_weight: those of this process, or None.
        mean_weight: the mean weight of all classes.
    """

    group: dist.ProcessGroup | None
    first: int
    total: int
    class_weight: Tensor | None
    mean_weight: Tensor

    @staticmethod
    def of(
        held: int,
        group: dist.ProcessGroup | None,
        class_weight: Tensor | None,
        device: torch.device,
    ) -> _Slice:
        """Learn from the others which classes these are."""
        own_sum = float(held) if class_weight is None else class_weight.double().sum()
        told = torch.zeros(dist.get_world_size(group), 2, dtype=torch.float64, device=device)
        rank = dist.get_rank(group)
        told[rank, 0], told[rank, 1] = held, own_sum
        dist.all_reduce(told, group=group)
        total = int(told[:, 0].sum())
        mean = (told[:, 1].sum() / total).float()
        return _Slice(group, int(told[:rank, 0].sum()), total, class_weight, mean)

    def __call__(
        self,
        logits: Tensor,
        target: Tensor,
        *,
        weight: Tensor | None,
        reduction: Any,
        **options: Any,
    ) -> Tensor:
        """Return the loss of a chunk of rows."""
        known = self._look(logits, target, **options)
        return reduce(known.units, weigh(known.own, weight), reduction)

    def into_gradient(
        self, logits: Tensor, target: Tensor, *, weight: Tensor | None, **options: Any
    ) -> Tensor:
        """Overwrite the logits with the gradient of the sum, and return the parts."""
        known = self._look(logits, target, **options)
        smoothing, z_loss = options["label_smoothing"], options["z_loss"]
        sure = known.own * (1 + 2 * z_loss * known.log_sum)
        slope = known.scores.sub_(known.log_sum.unsqueeze(1)).exp_().mul_(sure.unsqueeze(1))
        if smoothing:
            even = smoothing / self.total
            slope -= even if self.class_weight is None else even * self.class_weight
        of_label = (1 - smoothing) * known.weight_of_label
        slope.scatter_add_(1, known.column, -torch.where(known.mine, of_label, 0.0).unsqueeze(1))
        if weight is not None:
            slope *= weight.unsqueeze(1)
        if known.bend is not None:
            slope *= known.bend
        if options["temperature"] != 1:
            slope /= options["temperature"]
        logits.copy_(slope)
        return reduce(known.units, weigh(known.own, weight), "parts")

    def _look(
        self,
        logits: Tensor,
        target: Tensor,
        label_smoothing: float,
        z_loss: float,
        softcap: float | None,
        temperature: float,
    ) -> _Known:
        scores, bend = logits.float(), None
        if softcap is not None:
            bounded = torch.tanh(scores / softcap)
            scores, bend = softcap * bounded, 1 - bounded.square()
        if temperature != 1:
            scores = scores / temperature
        largest = scores.amax(1)
        dist.all_reduce(largest, dist.ReduceOp.MAX, self.group)
        column = target - self.first
        mine = (column >= 0) & (column < scores.shape[1])
        column = torch.where(mine, column, 0).unsqueeze(1)
        weights = torch.ones_like(scores[:1]) if self.class_weight is None else self.class_weight
        weights = weights.expand_as(scores)
        sums = torch.stack(
            [
                (scores - largest.unsqueeze(1)).exp_().sum(1),
                torch.where(mine, scores.gather(1, column).squeeze(1), 0.0),
                torch.where(mine, weights.gather(1, column).squeeze(1), 0.0),
                torch.einsum("nk,nk->n", weights, scores) if label_smoothing else largest * 0,
            ]
        )
        dist.all_reduce(sums, group=self.group)
        log_sum = largest + sums[0].log()
        own = torch.lerp(sums[2], self.mean_weight, label_smoothing)
        cost = (1 - label_smoothing) * sums[2] * (log_sum - sums[1])
        if label_smoothing:
            cost = cost + label_smoothing * (self.mean_weight * log_sum - sums[3] / self.total)
        units = cost / torch.where(own == 0, 1.0, own) + z_loss * log_sum.square()
        return _Known(scores, bend, log_sum, mine, column, sums[2], own, units)


@dataclass(frozen=True)
class _Known:
    """What all processes found out about a chunk of rows.

    Attributes:
        scores: the logits of this process's classes, bounded and divided by the temperature.
        bend: the derivative of the bound, if there is one.
        log_sum: the log-partition of each row.
        mine: whether the row's label is held here.
        column: where among the classes held here, of shape (rows, 1).
        weight_of_label: the weight of the label's class.
        own: what a row counts in the mean by its classes.
        units: the loss of each row.
    """

    scores: Tensor
    bend: Tensor | None
    log_sum: Tensor
    mine: Tensor
    column: Tensor
    weight_of_label: Tensor
    own: Tensor
    units: Tensor


@dataclass(frozen=True)
class _OverProcesses(LinearLoss):
    """A linear loss whose input's gradient is the sum of all processes'."""

    group: dist.ProcessGroup | None = None

    def gradients(
        self,
        input: Tensor,
        matrix: Tensor,
        bias: Tensor | None,
        needs: Sequence[bool],
        factor: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor | None]]:
        sums, found = super().gradients(input, matrix, bias, needs, factor)
        if found[0] is not None:
            dist.all_reduce(found[0], group=self.group)
        return sums, found


def _no_definition(*_: object, **__: object) -> Tensor:
    raise RuntimeError(
        "vocab_parallel_linear_cross_entropy has no second derivative, and stands neither "
        "torch.compile nor torch.func: it talks to other processes. Use linear_cross_entropy"
    )
