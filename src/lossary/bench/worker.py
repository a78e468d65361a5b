"""One process of the benchmark: the times of one loss, or the peak memory of one way to run it."""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..catalog import catalog
from ..fuse import FusedFunction, fuse, gradient_buffers
from ..fuse.fused import MINIMUM
from ..signature import Operand
from ..spec import LossSpec, Trait
from ..validation import DOMAINS, validation
from .peers import NAIVE, TORCH

FEATURES = 64  # of losses that multiply by a matrix of prototypes
IMAGES, CLASSES = 16, 4  # of a batch of images
COMPARED = 1024  # rows of which each may be compared with each: more have no memory
SECONDS = 0.25  # spent on each way to run a loss, at least 9 and at most 200 times
PATIENCE = 3.0  # seconds after which a way is not run 9 times, but at least 3


def obstacle(spec: LossSpec, rows: int) -> str | None:
    """Return why a loss cannot be measured on so many rows, or None if it can."""
    if Trait.NOT_DIFFERENTIABLE in spec.traits:
        return "no gradient"
    if spec.example is not None:
        return "takes tensors of special shapes"
    if "parts_add" in spec.exempt and rows > COMPARED:
        return "compares the samples of a batch"
    return None


def tensors_for(spec: LossSpec, rows: int, columns: int) -> list[Tensor]:
    """Make tensors of float32: N is the rows, and all other dimensions together the columns.

    A loss of whole images gets a few, which together are as large.
    """
    torch.manual_seed(0)
    chosen = [operands[0] for operands in spec.signature.operands]
    dims = {d for o in chosen for d in o.dims}
    if "*" in dims and "N" in dims and "*" not in spec.signature.unit:
        classes = CLASSES if "C" in dims else 1
        count = max(1, min(IMAGES, rows * columns // (classes * columns)))
        shape = (max(1, rows * columns // (count * classes * columns)), columns)
        known = {"N": (count,), "C": (classes,), "*": shape}
        if "H" in dims:  # the first of the pixels' dimensions; D would be as many as there are
            known |= {"D": (len(shape),), "H": shape[:1], "*": shape[1:]}
        return [_make(o, dict.fromkeys(dims, (FEATURES,)) | known) for o in chosen]
    matrix = any(len(set(o.dims) & {"C", "D"}) == 2 for o in chosen)
    batched = any("N" in o.dims for o in chosen)
    sizes: dict[str, tuple[int, ...]] = {"N": (rows,), "*": () if batched else (rows, columns)}
    inner = [d for d in chosen[0].dims if d not in sizes]
    if "S" in inner:  # the sources of a mixture, which are as few
        sizes |= {"S": (CLASSES,), "T": (max(1, columns // CLASSES),)}
    each = columns if matrix else max(2, round(columns ** (1 / max(1, len(inner)))))
    for dim in (d for o in chosen for d in o.dims if d not in sizes):
        sizes[dim] = (FEATURES if matrix and dim == "D" else each,)
    for dim in sorted(dims - {"N", "*", *inner, "C" if matrix else ""}):
        if any(dim in o.dims and _count(o, sizes) > rows * columns for o in chosen):
            sizes[dim] = (CLASSES,)  # of several negatives or channels, which the first has not
    return [_make(operand, sizes) for operand in chosen]


def _count(operand: Operand, sizes: dict[str, tuple[int, ...]]) -> int:
    return math.prod(n for dim in operand.dims for n in sizes[dim])


def _make(operand: Operand, sizes: dict[str, tuple[int, ...]]) -> Tensor:
    shape = [n for dim in operand.dims for n in sizes[dim]]
    if operand.whole:
        return torch.randint(operand.end(sizes) or 10, shape)
    made = torch.randn(shape)
    match operand.domain:
        case "sign":
            return torch.where(made > 0, 1.0, -1.0)
        case "nonneg":
            return made.abs()
        case "prob":
            return made.softmax(1) if "C" in operand.dims else (made > 0).float()
        case "logprob":
            return made.log_softmax(1)
    return made


def options_for(spec: LossSpec, columns: int) -> dict[str, Any]:
    """Make the hyperparameters that a loss has to be given: of tensors, one number per class."""
    empty = inspect.Parameter.empty
    parameters = inspect.signature(spec.function).parameters.values()
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is empty]
    tensors = {n: torch.full((columns,), 0.5) for n in needed if n in spec.signature.extras}
    return {n: spec.variants[0][n] for n in needed if n not in tensors} | tensors


def ways(spec: LossSpec, columns: int, compiled: bool) -> dict[str, Callable[..., Tensor]]:
    """Return the ways to run a loss."""
    options = options_for(spec, columns)
    found: dict[str, Callable[..., Tensor]] = {}
    peer = TORCH.get(spec.name) or NAIVE.get(spec.name)
    if peer is not None:
        found["peer"] = peer
        if compiled:
            found["compiled"] = torch.compile(peer)
    for name, loss in (("eager", spec.function), ("fused", fuse(spec.function))):
        found[name] = functools.partial(loss, **options) if options else loss
    if any(DOMAINS[o[0].domain].outside is not None for o in spec.signature.operands):
        found["unchecked"] = _unchecked(found["eager"])
    return found


def _unchecked(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return ``loss`` without a look at the values, which tells what that look costs."""

    def call(*tensors: Tensor) -> Tensor:
        with validation("shapes"):
            return loss(*tensors)

    return call


def step(loss: Callable[..., Tensor], tensors: list[Tensor]) -> None:
    """Run forward and backward."""
    wanted = [t for t in tensors if t.requires_grad]
    # whose network learns nothing from some batch, such as one of co-teaching's two, is unused
    torch.autograd.grad(loss(*tensors), wanted, allow_unused=True)


def differentiable(spec: LossSpec, tensors: list[Tensor]) -> list[Tensor]:
    """Make those tensors need gradients that a network would have made."""
    wanted = ("real", "nonneg", "prob", "logprob")
    for i, (operands, t) in enumerate(zip(spec.signature.operands, tensors, strict=True)):
        domain = operands[0].domain
        if domain in wanted and (i == 0 or (domain == "real" and _learned(spec, i))):
            t.requires_grad_()
    return tensors


def _learned(spec: LossSpec, i: int) -> bool:
    """Whether an operand besides the first comes from a network: not a target, nor a margin."""
    return spec.signature.names[i] not in ("target", "distance")


def times(spec: LossSpec, rows: int, columns: int, compiled: bool) -> dict[str, Any]:
    """Measure all ways to run a loss, in turns."""
    tensors = differentiable(spec, tensors_for(spec, rows, columns))
    runs: dict[str, Callable[[], object]] = {}
    possible = ways(spec, columns, compiled)
    failed = _failure(possible, tensors)
    if rows * columns >= MINIMUM:
        possible["fused_fresh"] = _fresh(possible["fused"])
    for name, loss in possible.items():
        runs[name] = lambda loss=loss: step(loss, tensors)  # type: ignore[misc]  # binds the loop's value
    size = rows * columns
    a, b, out = torch.randn(size), torch.randn(size), torch.empty(size)
    runs["stream"] = lambda: torch.add(a, b, out=out)
    runs["stream_fresh"] = lambda: torch.add(a, b)
    found = in_turns(runs)
    moved = sum(t.nbytes * (2 if t.requires_grad else 1) for t in tensors)
    floors = {
        "floor": found.pop("stream") * moved / (12 * size),
        "floor_fresh": found.pop("stream_fresh") * moved / (12 * size),
    }
    return {
        "seconds": found | floors,
        "peer": "torch" if spec.name in TORCH else "as usually written",
        "reasons": _reasons(possible["fused"]),
        **failed,
    }


def _failure(possible: dict[str, Callable[..., Tensor]], tensors: list[Tensor]) -> dict[str, Any]:
    """Take out the compiled way if it does not run, which says nothing about the others."""
    if "compiled" not in possible:
        return {}
    try:
        step(possible["compiled"], tensors)
    except Exception as error:
        del possible["compiled"]
        return {
            "failed": f"torch.compile: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        }
    return {}


def _fresh(fused: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return ``fused`` with fresh memory for each gradient: what using it again saves."""

    def call(*tensors: Tensor) -> Tensor:
        kept, gradient_buffers.limit = gradient_buffers.limit, 0
        try:
            return fused(*tensors)
        finally:
            gradient_buffers.limit = kept

    return call


def _reasons(fused: Callable[..., Tensor]) -> tuple[str, ...]:
    """Return why a fused loss, its hyperparameters bound or not, did not run in one pass."""
    loss = fused.func if isinstance(fused, functools.partial) else fused
    assert isinstance(loss, FusedFunction)
    return loss.reasons


def in_turns(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median seconds of each, measured one after the other again and again."""
    counts: dict[str, int] = {}
    for name, run in runs.items():
        run()
        start = time.perf_counter()
        run()
        took = time.perf_counter() - start
        counts[name] = min(200, max(3, min(9, int(PATIENCE / took)), int(SECONDS / took)))
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(max(counts.values())):
        for name, run in runs.items():
            if turn < counts[name]:
                start = time.perf_counter()
                run()
                samples[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in samples.items()}


def peak(spec: LossSpec, rows: int, columns: int, way: str) -> float:
    """Return the bytes that a step takes beyond its inputs, at most."""
    small = differentiable(spec, tensors_for(spec, 64, columns))
    loss = ways(spec, columns, False)[way]
    if way == "fused":  # compile first: the compiler's memory is another matter
        step(loss, differentiable(spec, tensors_for(spec, 1 + MINIMUM // columns, columns)))
    step(loss, small)
    tensors = differentiable(spec, tensors_for(spec, rows, columns))
    gradient_buffers.release()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _memory("VmRSS")
    step(loss, tensors)
    return max(0.0, _memory("VmHWM") - before)


def _memory(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return float(line.split()[1]) * 1024
    raise OSError(f"the system does not tell {field}")


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Answer one question."""
    if question["kind"] == "linear":
        from .linear import answer as of_linear

        return of_linear(**question["options"])
    spec = next(s for s in catalog() if s.name == question["loss"])
    rows, columns = question["size"]
    if question["kind"] == "times":
        return times(spec, rows, columns, question["compiled"])
    return {"bytes": peak(spec, rows, columns, question["way"])}


def main() -> None:
    """Answer questions, a JSON list, one line of JSON each."""
    with contextlib.suppress(OSError):  # where memory runs out, end this process and not who asked
        Path("/proc/self/oom_score_adj").write_text("1000")
    for question in json.loads(sys.argv[1]):
        print(json.dumps(answer(question)), flush=True)
        gradient_buffers.release()
        gc.collect()
