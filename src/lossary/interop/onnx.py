"""A network and its loss as an ONNX file; see docs/integrations/export.md."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from ..files import write_whole
from ..signature import signature_of
from .export import ExportError, Loss, NetworkWithLoss, batch_dims, exported, repeated

TOLERANCE = 1e-5  # of the value in onnxruntime, relative to the largest number, or to 1
LARGEST = (1 << 31) - 1  # bytes of one ONNX file


def to_onnx(
    network: nn.Module,
    loss: Loss,
    example: Sequence[Tensor],
    path: str | Path,
    *,
    dynamic: bool = True,
) -> float | None:
    """Write network and loss as one ONNX file, whose result is the loss.

    Both are written as in evaluation: without dropout, with the running statistics. Where
    onnxruntime is installed, the file is run before it is written, on the example and, if it is
    dynamic, on another number of samples; if the loss is not that of PyTorch nothing is written.
    Labels and other values are not checked in the file.

    The inputs are called ``input``, then as the loss calls them; the result is ``loss``.

    Args:
        network: the network.
        loss: a loss of this library, or any function or module that returns a tensor.
        example: a batch: what goes to the network, and then what else the loss takes.
        path: where the file goes; one that is there is replaced.
        dynamic: whether the file takes any number of samples; else that of the example.

    Returns:
        The largest difference between onnxruntime and PyTorch, relative to the largest number or
        to 1; None without onnxruntime.

    Raises:
        ExportError: if it cannot be exported, keeps a state, draws random numbers, or if its value
            in onnxruntime is another.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(
                f'this needs {package}: pip install "lossary[onnx]"', name=package
            )
    module = NetworkWithLoss(network, loss)
    with _evaluation(module):
        program = exported(network, loss, example, dynamic=dynamic)
        if state := _state(program):
            raise ExportError(f"an ONNX file keeps no state, but a call changes {', '.join(state)}")
        _check_random(module, example)
        names = _names(loss, len(example))
        content = _converted(program, names)
        difference = None
        if importlib.util.find_spec("onnxruntime") is not None:
            batches = [tuple(example)]
            if dynamic:
                batches.append(repeated(example, batch_dims(loss, example)))
            difference = _difference(module, content, names, batches)
    if difference is not None and not difference <= TOLERANCE:
        raise ExportError(
            f"the loss in onnxruntime differs by {difference:.1e} from that of PyTorch, more than "
            f"{TOLERANCE:.0e}: nothing was written"
        )
    write_whole(Path(path), lambda part: part.write_bytes(content))
    return difference


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    """Put every part of a module into evaluation, and back to what it was in."""
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in before.items():
            part.training = training


def _state(program: ExportedProgram) -> list[str]:
    """Return the names of the buffers that a call changes."""
    if not program.graph_signature.buffers:
        return []
    with _quiet():  # a program tells once nothing in it happens in place
        return list(program.run_decompositions({}).graph_signature.buffers_to_mutate.values())


def _check_random(module: nn.Module, example: Sequence[Tensor]) -> None:
    """Raise ExportError if two calls differ."""
    found = []
    for seed in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            found.append(module(*example).detach())
    if not torch.equal(*found) and not all(value.isnan().any() for value in found):
        raise ExportError(
            "two calls on the same batch differ, by random numbers or a state: an ONNX file would "
            "give yet another value"
        )


def _names(loss: Loss, columns: int) -> list[str]:
    """Return the names of the columns."""
    found = signature_of(loss)
    if found is not None and len(found.names) == columns and "input" not in found.names[1:]:
        return ["input", *found.names[1:]]
    return ["input", "target", *(f"column_{i + 1}" for i in range(2, columns))][:columns]


def _converted(program: ExportedProgram, names: list[str]) -> bytes:
    """Return a program as the content of an ONNX file."""
    with _quiet():
        try:
            found = torch.onnx.export(
                program, dynamo=True, input_names=names, output_names=["loss"], verbose=False
            )
        except Exception as error:  # the exporter raises many kinds
            raise ExportError(f"ONNX cannot say it: {_last(error)}") from error
        assert found is not None  # None is for a file that it writes itself
        size = sum(t.nbytes for t in program.state_dict.values())
        if size > LARGEST:
            raise ExportError(
                f"the parameters have {size / 1e9:.1f} GB, and one ONNX file holds 2; write the "
                "network apart from the loss, with torch.onnx.export and external data"
            )
        content: bytes = found.model_proto.SerializeToString()
    return content


def _last(error: BaseException) -> str:
    """Return the first line of the error that was behind all others."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else 'no reason is given'}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what torch says of packages that are not there, and of its own code."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def _difference(
    module: nn.Module, content: bytes, names: list[str], batches: Sequence[Sequence[Tensor]]
) -> float:
    """Return by how much the file's loss differs, in onnxruntime, relative to the largest or 1."""
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]  # it ships no types

    options: Any = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found = [
            session.run(
                None, {n: c.detach().numpy(force=True) for n, c in zip(names, columns, strict=True)}
            )
            for columns in batches
        ]
    except Exception as error:  # its own have no common class
        raise ExportError(f"onnxruntime does not run it: {_last(error)}") from error
    differences = [0.0]
    for (got,), columns in zip(found, batches, strict=True):
        want = module(*columns).detach().cpu()
        gap = (torch.as_tensor(got) - want).abs() / want.abs().max().clamp(min=1)
        differences.append(gap.max().item())
    return max(differences, key=lambda gap: (gap != gap, gap))  # nan is the largest
