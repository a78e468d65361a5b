"""WithLoss: network and loss in one module, and which column of a batch goes where."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from ..base import FunctionLoss, LossBase
from ..compose import WeightedSum
from ..parts import Parts
from ..processes import AcrossProcesses, compares_samples
from ..signature import signature_of
from .across import Across
from .nonfinite import norms_of

LossFunction = Callable[..., "Tensor | Mapping[str, Tensor]"]


class ColumnsError(ValueError):
    """A batch has other columns than network and loss take."""


class Outcome(NamedTuple):
    """The loss of a batch.

    Attributes:
        root: what is differentiated.
        seed: what its gradient is multiplied by, so that the mean over the processes of the sums
            over the batches of an optimizer step is the gradient of the one big batch; None for 1.
        sums: of each part of the loss by name, ``"loss"`` where it has only one, a tensor of the
            two numbers of its :class:`~lossary.Parts`; they add up over batches and processes.
        reported: the same of parts that the loss gave names to, for the logs.
        output: what the network returned, apart from the graph; None if it computes its own loss.
        norms: the norm of the gradient of each part, named ones included, if they are wanted: what
            this batch says of the mean over the step, divided by the weights that were given.
    """

    root: Tensor
    seed: Tensor | None
    sums: dict[str, Tensor]
    reported: dict[str, Tensor]
    output: Any
    norms: dict[str, Tensor]

    @property
    def named(self) -> dict[str, Tensor]:
        """The sums of all parts, those that are only reported included."""
        return {**self.sums, **self.reported}


class _Found(NamedTuple):
    """What a loss gave: sums and reported parts as in :class:`Outcome`, in the graph or not.

    ``root`` times ``scale`` is the sum that the loss is the mean of; of a weighted sum it is None.
    """

    output: Any
    root: Tensor | None
    scale: float
    sums: dict[str, Tensor]
    reported: dict[str, Tensor]


class WithLoss(nn.Module):
    """Network and loss in one module: what is trained, moved and saved together.

    The first column of a batch goes to the network and all further columns to the loss:
    ``loss(network(column_1), column_2, column_3, ...)``. Without a loss the network computes its
    own from all columns.

    A loss of this library, and any :class:`~lossary.LossBase`, says what its mean divides by, so
    means over several batches and processes are exact. Of another loss the batch's value counts as
    the mean over the samples of the batch. A mapping is a loss with named parts: with a ``"loss"``
    that is the total and the rest is only reported; without one the total is the sum of the parts.
    The loss is computed in single precision at least, whatever the network computes in.

    Args:
        network: the network.
        loss_fn: a loss, or None if the network returns its own.
    """

    def __init__(self, network: nn.Module, loss_fn: LossFunction | None = None) -> None:
        super().__init__()
        if isinstance(loss_fn, type):
            raise TypeError(f"loss_fn is the class {loss_fn.__name__}: make one, with brackets")
        self.network = network
        self.loss = loss_fn
        self.across = Across()
        self.norms_wanted = False
        self._labels = None if loss_fn is None else _labels_of(loss_fn)
        self.is_sum = _is_sum(loss_fn)
        self._has_parts = loss_fn is not None and _has_parts(loss_fn)
        self.of_several = self._has_parts and isinstance(loss_fn, WeightedSum)
        self._whole = _whole(loss_fn)

    def forward(
        self,
        *columns: Tensor,
        counts: bool = True,
        batches: int = 1,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Outcome:
        """Return the loss of a batch.

        Args:
            columns: the batch.
            counts: whether it takes part; one that does not has a loss of zero.
            batches: how many batches of each process the optimizer step has.
            weights: what the sums over the step are divided by, of each part; if they are not known
                beforehand they are those of this batch of every process.
        """
        found = self._found(columns, counts, batches)
        if weights is None:
            weights = self.across.sum({n: s.detach()[1] for n, s in found.sums.items()})
        root, seed, processes = found.root, None, self.across.processes
        means: dict[str, Tensor] = {}
        if root is None or self.norms_wanted:
            means = {
                n: processes * Parts(batches * s[0], weights[n if n in weights else "loss"]).mean()
                for n, s in {**found.sums, **found.reported}.items()
            }
        norms = {n: self._norm(part) for n, part in means.items()} if self.norms_wanted else {}
        if root is None:
            root = cast(WeightedSum, self.loss).total(means) / batches
        else:
            seed = _seed(root, found.scale * processes, weights["loss"])
        # what is returned beside the loss must not count as used by it, in more than one process
        return Outcome(
            root,
            seed,
            {n: s.detach() for n, s in found.sums.items()},
            {n: s.detach() for n, s in found.reported.items()},
            of_each(Tensor.detach, found.output),
            norms,
        )

    def _norm(self, part: Tensor) -> Tensor:
        """Return the norm of the gradient of a part of the loss."""
        if not part.requires_grad:
            return torch.zeros_like(part)
        wanted = [p for p in self.parameters() if p.requires_grad]
        found = torch.autograd.grad(part, wanted, retain_graph=True, allow_unused=True)
        return norms_of([slope for slope in found if slope is not None]).square().sum().sqrt()

    @property
    def compares(self) -> bool:
        """Whether the loss compares the samples of a batch with each other."""
        return self._whole is not None

    def weights(self, *columns: Tensor, counts: bool = True) -> dict[str, Tensor]:
        """Return what the parts of a batch divide by."""
        return {n: s[1] for n, s in self._found(columns, counts, 1).sums.items()}

    def _found(self, columns: tuple[Tensor, ...], counts: bool, batches: int) -> _Found:
        samples = len(columns[0]) if counts else 0
        if self.loss is None:
            return _of_samples(None, self.network(*columns), samples)
        self._check(columns)
        output = of_each(wide, self.network(columns[0]))
        with _in_full(columns[0].device.type):
            if not self._has_parts:
                value = self.loss(output, *columns[1:])
                if not self.is_sum:
                    return _of_samples(output, value, samples)
                # of the step, whose batches all together weigh 1
                value = _scalar(value, "loss") * counts
                share = value.new_tensor(1 / batches / self.across.processes)
                pair = torch.stack([value, share])
                return _Found(output, value, 1.0, {"loss": pair}, {})
            if not counts:
                columns, output = tuple(map(_none, columns)), of_each(_none, output)
            # an evaluation is the same in any number of processes: each batch by itself
            whole = self._whole is not None and self.across.processes > 1 and self.training
            loss = self._whole[0] if self._whole is not None and whole else self.loss
            if isinstance(loss, WeightedSum):
                sums = {
                    n: _pair(each, *loss.inputs(n, output, *columns[1:]))
                    for n, each in loss.losses.items()
                }
            else:
                sums = {"loss": _pair(loss, output, *columns[1:])}
            if whole:  # every process has all of it, so each counts it in part
                sums = {n: s / self.across.processes for n, s in sums.items()}
            elif not counts:  # a loss of the whole batch has one unit, whatever the batch
                sums = {n: 0.0 * s for n, s in sums.items()}
            root = None if isinstance(loss, WeightedSum) else sums["loss"]
        return _Found(output, root, 1.0, sums, {})

    def _check(self, columns: tuple[Tensor, ...]) -> None:
        labels = len(columns) - 1
        if self._labels is None or self._labels[0] <= labels <= self._labels[1]:
            return
        takes = " to ".join(str(int(n)) for n in sorted(set(self._labels)))
        name = getattr(self.loss, "__name__", type(self.loss).__name__)
        listed = ", ".join(f"{i + 1}: {_describe(c)}" for i, c in enumerate(columns))
        raise ColumnsError(
            f"the batch has {len(columns)} columns ({listed}): the first goes to the network and "
            f"the other {labels} to the loss, but {name} takes {takes}. Either give a loss that "
            f"takes {labels}, as in loss(output, *labels), or give loss_fn=None and a network "
            f"that computes its own loss from all {len(columns)} columns"
        )


def _describe(column: Tensor) -> str:
    return f"{str(column.dtype).removeprefix('torch.')} {tuple(column.shape)}"


@contextmanager
def _in_full(device: str) -> Iterator[None]:
    """Compute in single precision at least, whatever the network computes in."""
    default, low = torch.get_default_dtype(), torch.is_autocast_enabled(device)
    if not low and default.itemsize >= 4:
        yield
        return
    torch.set_default_dtype(max(default, torch.float32, key=lambda dtype: dtype.itemsize))
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_default_dtype(default)


def _is_sum(loss: LossFunction | None) -> bool:
    """Whether a sum over the batch was asked for, of a loss of this library or of torch."""
    if isinstance(loss, functools.partial):
        return loss.keywords.get("reduction") == "sum"
    return getattr(loss, "reduction", "mean") == "sum"


def _has_parts(loss: LossFunction) -> bool:
    """Whether the loss says what its mean divides by; a sum that was asked for stays a sum."""
    if isinstance(loss, WeightedSum):
        losses = [cast(LossFunction, each) for each in loss.losses.values()]
        return not any(isinstance(e, WeightedSum) for e in losses) and all(map(_has_parts, losses))
    if isinstance(loss, LossBase):
        return type(loss).forward is LossBase.forward and loss.reduction != "sum"
    return signature_of(loss) is not None


def _whole(loss: LossFunction | None) -> tuple[nn.Module] | None:
    """Return a loss that compares samples as one of all processes' samples, else None.

    It is in a tuple so that it does not become a second place of the same parameters.
    """
    if isinstance(loss, WeightedSum):
        losses = {n: cast(LossBase, each) for n, each in loss.losses.items()}
        if any(_whole(each) for each in losses.values()):
            return (loss.of({n: AcrossProcesses(each) for n, each in losses.items()}),)
    elif isinstance(loss, LossBase) and _has_parts(loss) and compares_samples(loss):
        return (AcrossProcesses(loss),)
    return None


def _labels_of(loss: LossFunction) -> tuple[float, float] | None:
    """Return the least and the greatest number of columns that a loss takes after the output."""
    if isinstance(loss, FunctionLoss) and type(loss).operands is FunctionLoss.operands:
        found = signature_of(loss)
        return None if found is None else (len(found.names) - 1, len(found.names) - 1)
    call: Callable[..., Any] = loss
    if isinstance(loss, FunctionLoss):
        call = loss.operands
    elif isinstance(loss, LossBase) and type(loss).forward is LossBase.forward:
        call = loss.units
    elif isinstance(loss, nn.Module):
        call = loss.forward
    try:
        parameters = inspect.signature(call).parameters.values()
    except ValueError:  # built-in functions have none
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional) - 1
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return max(least, 0), float("inf") if many else len(positional) - 1


def _pair(loss: Any, *tensors: Any) -> Tensor:
    """Return the two sums of a loss as one tensor; see :func:`~lossary.parts`."""
    if isinstance(loss, LossBase):
        return loss.reduced(*tensors, reduction="parts")
    return cast(Tensor, loss(*tensors, reduction="parts"))


def _seed(root: Tensor, factor: float, weight: Tensor) -> Tensor:
    """Return what to multiply the gradient of a root by; of a pair only the first number counts."""
    if weight.device.type == "cpu":  # nobody has to wait for it, and it is mostly the same
        return _known_seed(factor / (weight.item() or 1.0), root.ndim, root.dtype)
    seed = root.new_tensor([factor, 0.0] if root.ndim else factor)
    return seed / torch.where(weight == 0, 1.0, weight).to(root.dtype)


@functools.lru_cache(maxsize=8)
def _known_seed(factor: float, dims: int, dtype: torch.dtype) -> Tensor:
    return torch.tensor([factor, 0.0] if dims else factor, dtype=dtype)


def _of_samples(output: Any, value: Tensor | Mapping[str, Tensor], samples: int) -> _Found:
    """Return the sums of a loss that does not say what its mean divides by: its samples."""
    named: dict[str, Tensor] = {}
    if isinstance(value, Mapping):
        if not value:
            raise ValueError("the loss returned an empty mapping: it has no part to train on")
        named = {str(name): _scalar(part, str(name)) for name, part in value.items()}
        total = named.pop("loss", None)
        if total is None:
            total = torch.stack(list(named.values())).sum()
    else:
        total = _scalar(value, "loss")
    weight = total.new_tensor(float(samples))
    sums = {
        # the mean of nothing is nan for most, and counts for nothing
        n: torch.stack([value * samples if samples else torch.zeros_like(value), weight])
        for n, value in {"loss": total, **named}.items()
    }
    return _Found(output, total, float(samples), {"loss": sums.pop("loss")}, sums)


def wide(tensor: Tensor) -> Tensor:
    """Return a tensor in single precision at least, if it has floating point."""
    return tensor.float() if tensor.is_floating_point() and tensor.itemsize < 4 else tensor


def _none(tensor: Tensor) -> Tensor:
    """Return a tensor without its samples."""
    return tensor[:0] if tensor.ndim else tensor


def of_each(change: Callable[[Tensor], Tensor], output: Any) -> Any:
    """Return what a network returned with every tensor changed."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, tuple | list):
        made = [of_each(change, each) for each in output]
        return type(output)(*made) if hasattr(output, "_fields") else type(output)(made)
    if isinstance(output, dict):
        changed = copy.copy(output)  # of its own class, which may have attributes
        for name, each in output.items():
            changed[name] = of_each(change, each)
        return changed
    return output


def _scalar(value: object, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
    if value.numel() != 1:
        raise ValueError(
            f"{name} must be one number, got shape {tuple(value.shape)}; reduce it, for instance "
            "by its mean"
        )
    return wide(value.reshape(()))
