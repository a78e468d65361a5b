"""What happens when a loss, a part of it or a gradient is nan or infinite: never a step.

The loop asks for the :func:`gradient_norms` and looks at the loss. When something is not finite it
has :meth:`Guard.report` make the report and lets :meth:`Guard.found` decide. Whatever the policy,
the optimizer does not step on that window of batches.
"""

from __future__ import annotations

import json
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..files import write_whole
from .run import NonFiniteLossError

_FILES = 10
"""Batches written per training and process: a run that is ill for hours must not fill the disk."""

_LISTED = 32
"""Samples and rows that a message names; the report and the file have all of the samples."""


class BatchFileError(ValueError):
    """A file is damaged, or holds no batch that was written for replay."""


@dataclass(frozen=True)
class Skip:
    """Leave out steps with something that is not finite, at most ``budget`` in a training.

    Args:
        budget: after this many the next one stops the training.
    """

    budget: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.budget, bool) or not isinstance(self.budget, int) or self.budget < 1:
            raise ValueError(
                f"the budget of Skip must be a whole number of steps, at least 1, got "
                f"{self.budget!r}; to stop at the first one, use on_nonfinite='raise'"
            )


Policy = Literal["raise", "skip", "report"] | Skip


@dataclass(frozen=True)
class Report:
    """What was not finite, where, and how to see it again.

    Attributes:
        what: "the loss", "part 'kl' of the loss", "the gradient of body.2.weight".
        value: nan, inf or -inf.
        epoch: the epoch, counted from 1.
        step: the optimizer step in the epoch, counted from 1, that was not taken.
        rank: the process that writes this.
        samples: the indices of the batch's samples, where they are known; of a gradient, those of
            all batches of the step.
        columns: dtype and shape of each column, and how many of its values are not finite.
        activation: which module's output is first not finite, or else is the largest.
        file: where the batch was written.
        unwritten: why it was not, if it was not.
        device: where the batch was.
    """

    what: str
    value: float
    epoch: int
    step: int
    rank: int
    samples: tuple[int, ...] | None = None
    columns: tuple[str, ...] = ()
    activation: str | None = None
    file: Path | None = None
    unwritten: str | None = None
    device: str = "cpu"

    def __str__(self) -> str:
        """Say all of it, and what to do."""
        return "\n  ".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.what} is {self.value} in epoch {self.epoch}, step {self.step}, process "
            f"{self.rank}; this step was not taken, the parameters are as they were before it"
        )
        if self.samples is not None:
            yield f"samples: {_listed(self.samples)}"
        for number, column in enumerate(self.columns, 1):
            yield f"column {number}: {column}"
        if self.activation is not None:
            yield f"activations: {self.activation}"
        if self.file is not None:
            place = f"{str(self.file)!r}" + ("" if self.device == "cpu" else f", {self.device!r}")
            yield "the batch is on disk; this computes its loss again:"
            yield f"    columns = lossary.train.load_batch({place})"
            yield "    model.wired(*columns).sums"
        elif self.unwritten is not None:
            yield f"the batch is not on disk: {self.unwritten}"
        yield f"what to do: {self._remedy()}"

    def _remedy(self) -> str:
        if not self.columns:
            return "read the message of the process whose batch it was"
        if any("not finite" in column for column in self.columns):
            return (
                "repair these samples, or take them out of the data set, unless a weight of the "
                "loss masks these values"
            )
        if "gradient" in self.what:
            return (
                "look for a square root, logarithm, power or division at 0, in network and loss: "
                "its value is finite and its derivative is not; or lower the learning rate, or "
                "give a clip_norm if the activations are large"
            )
        return (
            "lower the learning rate or give a clip_norm if the activations are large; otherwise "
            "look at the module or the part of the loss that is named above"
        )


class Buffers:
    """The buffers of a module as they were, such as the statistics of batch normalisation.

    A forward pass over a batch with nan writes nan into running statistics, and they never lose it.
    A loop that goes on after such a batch keeps them before each step and restores them.

    Args:
        module: whose buffers to keep; those of its parts too.
    """

    def __init__(self, module: nn.Module) -> None:
        self._owners = [m for m in module.modules() if vars(m).get("_buffers")]
        self._kept: list[tuple[nn.Module, str, Tensor | None]] = []
        self._tensors: list[Tensor] = []
        self._copies: list[Tensor] = []
        self.keep()

    def keep(self) -> None:
        """Take the buffers as they are now."""
        if not self._owners:
            return
        self._kept = [(m, n, b) for m in self._owners for n, b in m._buffers.items()]
        tensors = [buffer for _, _, buffer in self._kept if buffer is not None]
        with torch.no_grad():
            if tensors and list(map(_layout, tensors)) == list(map(_layout, self._copies)):
                torch._foreach_copy_(self._copies, tensors)
            else:
                self._copies = [tensor.detach().clone() for tensor in tensors]
        self._tensors = tensors

    def restore(self) -> None:
        """Make them what they were when they were last kept."""
        for module, name, buffer in self._kept:  # a module may have put another tensor there
            module._buffers[name] = buffer
        with torch.no_grad():
            for tensor, copy in zip(self._tensors, self._copies, strict=True):
                if not torch.equal(tensor, copy):  # an expanded tensor could not be written to
                    tensor.copy_(copy)


class Guard:
    """Decides what happens after something was not finite; it never lets the step be taken.

    - ``"raise"`` ends the training with :class:`NonFiniteLossError`, which carries the report.
    - ``"skip"``, or ``Skip(budget=...)``, warns, leaves the step out and goes on, until the budget
      is spent; then it raises.
    - ``"report"`` does the same without a budget. It is the policy for seeing all ill batches of a
      data set in one run; also if only a part is not finite and the total is, it does not step.

    All processes of a training call :meth:`found` at the same step, so that they leave out the same
    steps and count the same.

    Args:
        policy: one of the above.
        directory: where batches are written, at most 10; None to write none.
    """

    def __init__(self, policy: Policy = "raise", directory: Path | None = None) -> None:
        if not isinstance(policy, Skip) and policy not in ("raise", "skip", "report"):
            raise ValueError(
                "on_nonfinite must be 'raise', 'skip', 'report' or Skip(budget=...), got "
                f"{policy!r}"
            )
        self.policy = Skip() if policy == "skip" else policy
        self.directory = directory
        self._steps: list[tuple[int, int]] = []

    @property
    def skipped(self) -> int:
        """How many steps of the training were left out."""
        return len(self._steps)

    def skipped_in(self, epoch: int) -> int:
        """Return how many steps of an epoch were left out."""
        return sum(left_out == epoch for left_out, _ in self._steps)

    def state(self) -> dict[str, Any]:
        """Return the steps that were left out, as plain values for a checkpoint."""
        return {"skipped": [list(place) for place in self._steps]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state` returned."""
        self._steps = [(int(epoch), int(step)) for epoch, step in state["skipped"]]

    def found(self, make: Callable[[], Report]) -> None:
        """Return if the step shall be left out and the training go on.

        Args:
            make: makes the report, such as by :meth:`report`.

        Raises:
            NonFiniteLossError: if the training shall end, with the report as its ``report``.
        """
        report = make()
        if self.policy == "raise":
            _stop(
                report,
                f"{report}\n  training stops; on_nonfinite='skip' leaves out up to "
                f"{Skip().budget} such steps instead",
            )
        if isinstance(self.policy, Skip) and self.skipped >= self.policy.budget:
            listed = ", ".join(f"epoch {e} step {s}" for e, s in self._steps[-_LISTED:])
            _stop(
                report,
                f"{report}\n  training stops: the budget of {self.policy.budget} such steps is "
                f"spent, by {listed}; Skip(budget=...) sets it",
            )
        self._steps.append((report.epoch, report.step))
        left = f"{self.skipped} so far"
        if isinstance(self.policy, Skip):
            left += f", the budget is {self.policy.budget}"
        warnings.warn(f"{report}\n  steps left out: {left}", RuntimeWarning, stacklevel=2)

    def report(
        self,
        what: str,
        value: float,
        wired: nn.Module,
        columns: Sequence[Tensor],
        *,
        epoch: int,
        step: int,
        rank: int = 0,
        samples: Sequence[int] | None = None,
        forward: Callable[..., object] | None = None,
    ) -> Report:
        """Look at a batch that gave something not finite, write it to disk, and report.

        Nothing that goes wrong meanwhile, such as a full disk, hides the report: it says so.

        Args:
            what: what is not finite: "the loss", "part 'kl' of the loss", "the gradient of ...".
            value: nan, inf or -inf.
            wired: network and loss in one module.
            columns: the batch as ``wired`` takes it.
            epoch: the epoch, from 1.
            step: the optimizer step in the epoch, from 1.
            rank: this process.
            samples: the indices of the batch's samples, if known; of a gradient, those of all
                batches of the step.
            forward: see :func:`examine`.
        """
        seen = Report(
            what,
            value,
            epoch,
            step,
            rank,
            None if samples is None else tuple(map(int, samples)),  # numpy's are no JSON
            tuple(_describe(column, samples) for column in columns),
            examine(wired, columns, forward),
            device=str(columns[0].device) if columns else "cpu",
        )
        file, unwritten = self._write(seen, columns)
        return replace(seen, file=file, unwritten=unwritten)

    def _write(self, report: Report, columns: Sequence[Tensor]) -> tuple[Path | None, str | None]:
        """Return where the batch was written, or None and why it was not."""
        if not columns:
            return None, None
        if self.directory is None:
            return None, "train with a ModelCheckpoint(directory), and it is written there"
        if self.skipped >= _FILES:
            return None, f"{_FILES} batches of this training are in {str(self.directory)!r} already"
        name = f"nonfinite-epoch{report.epoch}-step{report.step}-rank{report.rank}.safetensors"
        path = (self.directory / name).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # copies, since the columns of a batch may share memory, as input and target do in an
            # autoencoder, and a file would not take that
            tensors = {
                str(i): torch.empty_like(
                    c, device="cpu", memory_format=torch.contiguous_format
                ).copy_(c.detach())
                for i, c in enumerate(columns)
            }
            about = {
                "what": report.what,
                "value": str(report.value),
                "epoch": report.epoch,
                "step": report.step,
                "rank": report.rank,
                "samples": report.samples,
                "activation": report.activation,
            }
            metadata = {"batch": json.dumps(about)}
            write_whole(path, lambda place: save_file(tensors, str(place), metadata))
        except Exception as error:  # a full disk or an odd tensor must not hide what was found
            return None, f"writing {str(path)!r} failed with {type(error).__name__}: {error}"
        return path, None


def _stop(report: Report, message: str) -> NoReturn:
    error = NonFiniteLossError(message)
    error.report = report
    raise error


def load_batch(path: str | Path, device: str = "cpu") -> tuple[Tensor, ...]:
    """Return the columns of a batch that was written because something in it was not finite.

    Args:
        path: the file that the report names.
        device: where to put them.

    Raises:
        FileNotFoundError: if there is no such file.
        BatchFileError: if it is damaged, or holds no batch.
    """
    try:
        with safe_open(path, "pt", device=device) as file:
            names = set(file.keys())
            wanted = [str(i) for i in range(len(names))]
            if "batch" not in (file.metadata() or {}) or names != set(wanted):
                raise BatchFileError(
                    f"{path} holds no batch but {_listed(sorted(names))}; give a file that the "
                    "report of a nan named, nonfinite-epoch...-step...-rank....safetensors"
                )
            return tuple(file.get_tensor(name) for name in wanted)
    except SafetensorError as error:
        raise BatchFileError(
            f"{path} is damaged, or no safetensors file: {error}; a batch is written whole, so "
            "copy the file again, or train again from the last checkpoint to find it"
        ) from error


def examine(
    wired: nn.Module,
    columns: Sequence[Tensor],
    forward: Callable[..., object] | None = None,
) -> str | None:
    """Say which module's output is first not finite, or else which one has the largest output.

    It runs one forward pass without gradients, in the present mode. Random states, buffers and
    attributes are afterwards what they were. Where the pass communicates, as with parameters in
    pieces or batch normalisation over processes, all processes have to call it.

    Args:
        wired: network and loss in one module; the modules of its ``network`` are looked at, or all
            if it has none.
        columns: the batch.
        forward: how training computes the batch, for instance with its precision; by default
            ``wired`` itself.

    Returns:
        A sentence, or None if no module gave a floating-point output.
    """
    network = getattr(wired, "network", None)
    seen = _Outputs()
    hooks = [
        module.register_forward_hook(seen.hook(name or "the network", module), with_kwargs=True)
        for name, module in (network if isinstance(network, nn.Module) else wired).named_modules()
    ]
    try:
        # compiled code would not call the hooks
        with torch.no_grad(), _unchanged(wired, columns), torch.compiler.set_stance("force_eager"):
            try:
                (forward or wired)(*columns)
            except Exception as error:  # the pass is only a look; the report matters more
                seen.failure = f"; the pass for this ended with {type(error).__name__}: {error}"
    finally:
        for hook in hooks:
            hook.remove()
    return seen.sentence()


class _Outputs:
    """What the outputs of the modules are like, in the order in which the modules finish."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.first_nan: str | None = None
        self.before: str | None = None
        self.largest: tuple[float, str] | None = None
        self.failure = ""

    def hook(self, name: str, module: nn.Module) -> Callable[..., None]:
        where = f"{name} ({type(module).__name__})"

        def look(_: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            for tensor in _floats(output):
                self._add(where, module, (args, kwargs), tensor.detach())

        return look

    def _add(self, where: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        ill = int((~output.isfinite()).sum())
        if ill == 0:
            size = float(output.abs().max())
            if self.largest is None or size > self.largest[0]:
                self.largest = size, where
            if self.first is None:
                self.before = where
            return
        nan = bool(output.isnan().any())
        if self.first is None:
            self.first = f"{where}: {'nan' if nan else 'inf'} in {ill} of {output.numel()} values"
            held = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
            broken = [name for name, tensor in held if not _finite(tensor)]
            if broken:
                self.first += f"; its {' and '.join(broken)} is not finite"
            elif not all(map(_finite, _floats(inputs))):
                self.first += "; its input is not finite already"
                if self.before is not None:
                    self.first += f", the output of {self.before} before it is"
        if nan and self.first_nan is None:
            self.first_nan = where

    def sentence(self) -> str | None:
        if self.first is not None:
            found = f"the first output that is not finite is that of {self.first}"
            # an infinite output may be meant, as that of a mask
            if self.first_nan is not None and not self.first.startswith(f"{self.first_nan}: "):
                found += f"; the first nan is in that of {self.first_nan}"
        elif self.largest is not None:
            found = f"all are finite; the largest is {self.largest[0]:.3g}, of {self.largest[1]}"
        elif self.failure:
            found = "none was seen"
        else:
            return None
        return found + self.failure


def gradient_norms(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of each gradient, on their device, without waiting for it.

    A norm is finite where all of its gradient is and the sum of the squares is: Adam and clipping
    compute that sum, and would not recover from its overflow. With parameters in pieces it is the
    norm of the piece of this process.

    Args:
        parameters: whose gradients to take; those without one do not matter.
    """
    return norms_of([p.grad for p in parameters if p.grad is not None])


def norms_of(gradients: list[Tensor]) -> Tensor:
    """Return the norm of each gradient, as :func:`gradient_norms` does."""
    if not gradients:
        return torch.zeros(1)
    if not all(map(_plain, gradients)):
        gradients = [_dense(gradient) for gradient in gradients]
    return torch.stack(torch._foreach_norm(gradients, 2))


def first_nonfinite_gradient(
    named_parameters: Iterable[tuple[str, nn.Parameter]],
) -> tuple[str, float] | None:
    """Return the name of the first parameter whose gradient is not finite, and nan, inf or -inf.

    It waits for each gradient. None means that each one is finite by itself, and what is not is at
    most the norm of all of them together.
    """
    for name, parameter in named_parameters:
        if parameter.grad is None:
            continue
        gradient = _dense(parameter.grad)
        norm = torch.linalg.vector_norm(gradient)
        if not bool(norm.isfinite()):
            ill = gradient[~gradient.isfinite()]
            if ill.numel() == 0 or ill.is_complex():
                return name, float(norm)
            return name, float(ill[0])
    return None


def _plain(gradient: Tensor) -> bool:
    """Whether :func:`_dense` would change nothing; this is asked of every gradient every step."""
    return (
        type(gradient) is Tensor
        and gradient.layout is torch.strided
        and not gradient.requires_grad
        and gradient.dtype is not torch.float16
    )


def _dense(gradient: Tensor) -> Tensor:
    """Return the values that this process has, in a block and a dtype in which their norm fits."""
    values = gradient.detach()
    if hasattr(values, "to_local"):  # a piece of a parameter that is spread over processes
        values = values.to_local()
    if values.is_sparse:
        values = values.coalesce().values()
    return values.float() if values.dtype is torch.float16 else values


def _describe(column: Tensor, samples: Sequence[int] | None) -> str:
    found = f"{str(column.dtype).removeprefix('torch.')} {tuple(column.shape)}"
    if column.layout is not torch.strided:
        return f"{found}, {str(column.layout).removeprefix('torch.')}"
    ill = ~column.isfinite()
    count = int(ill.sum())
    if count == 0:
        return found
    found += f", {count} of {column.numel()} values not finite"
    if column.dim() == 0:
        return found
    rows = ill.reshape(len(column), -1).any(1).nonzero().flatten().tolist()
    found += f", in row {_listed(rows)}"
    if samples is not None and len(samples) == len(column):
        found += f" (sample {_listed([samples[row] for row in rows])})"
    return found


def _listed(values: Sequence[object]) -> str:
    listed = ", ".join(map(str, values[:_LISTED]))
    return listed if len(values) <= _LISTED else f"{listed}, ... ({len(values)} in all)"


def _layout(tensor: Tensor) -> tuple[torch.Size, torch.dtype, torch.device]:
    return tensor.shape, tensor.dtype, tensor.device


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.detach().isfinite().all())


def _floats(value: Any) -> Iterator[Tensor]:
    """Yield the floating-point tensors in a module's arguments or output."""
    if isinstance(value, Tensor):
        if value.numel() and (value.is_floating_point() or value.is_complex()):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _floats(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _floats(item)


@contextmanager
def _unchanged(module: nn.Module, columns: Sequence[Tensor]) -> Iterator[None]:
    """Put random states, buffers and attributes back to what they were."""
    tensors = (*columns, *module.parameters())
    devices = sorted({t.get_device() for t in tensors if t.device.type != "cpu"})
    kind = next((t.device.type for t in tensors if t.device.type != "cpu"), "cuda")
    python, numpy = random.getstate(), sys.modules.get("numpy")
    drawn = None if numpy is None else numpy.random.get_state()
    buffers = Buffers(module)
    attributes = [(m, dict(vars(m))) for m in module.modules()]
    try:
        with torch.random.fork_rng(devices, device_type=kind):
            yield
    finally:
        for part, before in attributes:
            for name in vars(part).keys() - before.keys():
                del vars(part)[name]
            vars(part).update(before)
        buffers.restore()
        random.setstate(python)
        if numpy is not None:
            numpy.random.set_state(drawn)
