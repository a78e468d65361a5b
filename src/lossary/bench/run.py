"""The benchmark: which processes to start, and where their answers belong."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..catalog import catalog
from ..files import write_whole
from ..spec import LossSpec
from .linear import WAYS
from .peers import NAIVE, TORCH
from .worker import obstacle

SIZES = {"16M": (16384, 1024), "1M": (1024, 1024), "16384x1000": (16384, 1000), "32x10": (32, 10)}
SETTINGS: dict[str, dict[str, str]] = {
    # memory stays with the process, as jemalloc and tcmalloc keep it: nobody pays for page faults
    "caching allocator": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"},
    "glibc as it comes": {},
}
LINEAR = {
    "4096 x 512, 32000 classes": {"rows": 4096, "features": 512, "classes": 32000, "repeats": 3},
    "8192 x 1024, 128000 classes": {
        "rows": 8192,
        "features": 1024,
        "classes": 128000,
        "repeats": 1,
    },
}
TOGETHER = 6  # losses that a process measures one after the other, where it keeps its memory
LIMIT = 90.0  # seconds after which a process is given up
Result = dict[str, Any]
Place = tuple[str, ...]  # the keys that lead to an answer in the result


@dataclass(frozen=True)
class Job:
    """What one process is asked, and where each answer belongs."""

    title: str
    questions: dict[Place, dict[str, Any]]
    environment: dict[str, str]
    patience: float = 1.0  # of how many times the limit it may take

    @property
    def told(self) -> str:
        """Its title, and the losses that it asks for."""
        losses = dict.fromkeys(q["loss"] for q in self.questions.values() if "loss" in q)
        return f"{self.title}: {', '.join(losses)}" if losses else self.title


def bench(
    losses: Sequence[str] = (),
    sizes: Sequence[str] = tuple(SIZES),
    settings: Sequence[str] = tuple(SETTINGS),
    *,
    with_peer: bool = False,
    compiled: bool = False,
    memory: bool = True,
    linear: Sequence[str] = (),
    out: Path | None = None,
    again: bool = False,
    minutes: float | None = None,
    limit: float = LIMIT,
    progress: Callable[[str], None] = lambda line: None,
) -> Result:
    """Measure losses, forward plus backward, in processes of their own.

    What fails is part of the result, with the reason, and ends nothing else.

    Args:
        losses: their names; all by default, those with a peer first.
        sizes: of :data:`SIZES`.
        settings: of :data:`SETTINGS`: how memory is allocated. No figure mixes two.
        with_peer: whether only losses are measured that torch has, or that are usually written the
            same way.
        compiled: whether ``torch.compile`` of the peer is measured too, at the largest size.
        memory: whether peak memory is measured, at the largest size.
        linear: of :data:`LINEAR`: cases of linear cross-entropy.
        out: a file, written after every process. What it holds already is not measured again.
        again: whether it is; and a file of another machine or other versions is begun anew.
        minutes: no further process starts after so many.
        limit: seconds after which a process has failed; linear cross-entropy may take six times.
        progress: told what is measured next.

    Raises:
        ValueError: if a name is unknown, or ``out`` holds figures of another machine or other
            versions.
    """
    for given, known in ((sizes, SIZES), (settings, SETTINGS), (linear, LINEAR)):
        if unknown := set(given) - set(known):
            raise ValueError(f"unknown {sorted(unknown)}; there are {', '.join(known)}")
    specs = [s for s in catalog() if s.name in losses or not losses]
    if with_peer:
        specs = [s for s in specs if has_peer(s.name)]
    measured = {s.name for s in specs if _sizes_of(s, sizes)}
    if unknown := set(losses) - measured:
        raise ValueError(f"cannot measure {sorted(unknown)}; `lossary list` shows the losses")
    result = _begin(out, again)
    _note_left_out(result, specs, sizes)
    jobs = [
        *_jobs([s for s in specs if has_peer(s.name)], sizes, settings, compiled, memory),
        *_linear_jobs(linear),
        *_jobs([s for s in specs if not has_peer(s.name)], sizes, settings, compiled, memory),
    ]
    if again:
        for place in (place for job in jobs for place in job.questions):
            _enclosing(result, place).pop(place[-1], None)
    waiting = [job for job in (_unanswered(job, result) for job in jobs) if job.questions]
    start = time.monotonic()
    for done, job in enumerate(waiting):
        passed = (time.monotonic() - start) / 60
        if minutes is not None and done and passed >= minutes:
            break
        left = f", about {passed / done * (len(waiting) - done):.0f} min left" if done else ""
        progress(f"{done + 1} of {len(waiting)}{left}: {job.told}")
        answers = _ask(list(job.questions.values()), job.environment, job.patience * limit)
        for place, answer in zip(job.questions, answers, strict=True):
            _enclosing(result, place)[place[-1]] = answer
        if out is not None:
            write_whole(out, json.dumps(_in_order(result), indent=1))
    return _in_order(result)


def has_peer(loss: str) -> bool:
    """Whether torch has a loss, or it is usually written the same way."""
    return loss in TORCH or loss in NAIVE


def _sizes_of(spec: LossSpec, sizes: Sequence[str]) -> list[str]:
    """Return at which sizes a loss can be measured, the smallest first."""
    possible = [size for size in sizes if obstacle(spec, SIZES[size][0]) is None]
    return sorted(possible, key=lambda s: SIZES[s][0] * SIZES[s][1])


def _note_left_out(result: Result, specs: list[LossSpec], sizes: Sequence[str]) -> None:
    """Say which losses are not measured at which sizes, and why."""
    for spec in specs:
        for size in sizes:
            if (reason := obstacle(spec, SIZES[size][0])) is not None:
                result["left_out"].setdefault(spec.name, {})[size] = reason


def _jobs(
    specs: list[LossSpec],
    sizes: Sequence[str],
    settings: Sequence[str],
    compiled: bool,
    memory: bool,
) -> Iterator[Job]:
    """Yield the times, and then memory, each way to run a loss in a process of its own.

    Where memory stays with the process, it answers all sizes of several losses, the small ones
    first. Else what one size leaves in the heap would decide how many page faults the next pays
    for.
    """
    for setting in settings:
        cases = [(spec, size) for spec in specs for size in _sizes_of(spec, sizes)]
        stays = bool(SETTINGS[setting])
        most = TOGETHER * len(sizes) if stays else 1
        for start in range(0, len(cases), most):
            questions: dict[Place, dict[str, Any]] = {}
            for spec, size in cases[start : start + most]:
                asked = {"kind": "times", "loss": spec.name, "size": SIZES[size]}
                largest = size == _sizes_of(spec, sizes)[-1]
                also = compiled and has_peer(spec.name) and largest
                questions["settings", setting, size, spec.name] = {**asked, "compiled": also}
            told = dict.fromkeys(size for _, size in cases[start : start + most])
            yield Job(f"{setting}, {', '.join(told)}", questions, SETTINGS[setting])
    if memory and sys.platform == "linux":
        for spec in specs:
            ways = ("peer", "eager", "fused") if has_peer(spec.name) else ("eager", "fused")
            for size in _sizes_of(spec, sizes)[-1:]:
                for way in ways:
                    asked = {"kind": "peak", "loss": spec.name, "size": SIZES[size], "way": way}
                    place = ("memory", size, spec.name, way)
                    yield Job(f"memory of {way}, {size}", {place: asked}, {})


def _linear_jobs(cases: Sequence[str]) -> Iterator[Job]:
    for case in cases:
        for dtype in ("float32", "bfloat16"):
            for way in WAYS:
                asked = {"kind": "linear", "options": {"way": way, "dtype": dtype, **LINEAR[case]}}
                place = ("linear", f"{case}, {dtype}", way)
                title = f"linear cross-entropy, {case}, {dtype}: {way}"
                yield Job(title, {place: asked}, {}, patience=6)  # a large one takes minutes


def read(file: Path) -> Result:
    """Read what :func:`bench` wrote.

    Raises:
        ValueError: if it did not write this file.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not a file of `lossary bench`: {error}") from error
    if not isinstance(found, dict) or not found.keys() >= _empty().keys():
        raise ValueError(f"{file} is not a file of `lossary bench`")
    return found


def _begin(out: Path | None, again: bool) -> Result:
    """Return what the file holds of this machine and these versions."""
    if out is None or not out.exists():
        return _empty()
    held, now = read(out), machine()
    if held["machine"] == now:
        return held
    if again:
        return _empty()
    was = held["machine"]
    keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    differ = [f"{key} {was.get(key)}, now {now.get(key)}" for key in keys]
    raise ValueError(
        f"{out} was measured on another machine or with other versions ({'; '.join(differ)}): "
        "figures are not mixed. Give another file, or --again to replace them all"
    )


def _empty() -> Result:
    return {"machine": machine(), "settings": {}, "memory": {}, "linear": {}, "left_out": {}}


def _enclosing(result: Result, place: Place) -> dict[str, Any]:
    """Return the dictionary that an answer belongs into."""
    for key in place[:-1]:
        result = result.setdefault(key, {})
    return result


def _unanswered(job: Job, result: Result) -> Job:
    """Return the part of a job that has no answer; a failure is one."""
    rest = {
        place: question
        for place, question in job.questions.items()
        if not _answered(_enclosing(result, place).get(place[-1]), question)
    }
    return replace(job, questions=rest)


def _answered(answer: dict[str, Any] | None, question: dict[str, Any]) -> bool:
    if answer is None:
        return False
    wanted = question.get("compiled", False)
    return not wanted or "failed" in answer or "compiled" in answer["seconds"]


def _in_order(result: Result) -> Result:
    """Sort as the catalog and the sizes are, whatever was measured first."""
    names = [spec.name for spec in catalog()]

    def of(found: dict[str, Any]) -> dict[str, Any]:
        by_size = {size: found[size] for size in SIZES if found.get(size)}
        return {size: {n: held[n] for n in names if n in held} for size, held in by_size.items()}

    settings = {s: of(result["settings"].get(s, {})) for s in SETTINGS}
    return {
        **result,
        "settings": {s: found for s, found in settings.items() if found},
        "memory": of(result["memory"]),
        "linear": {case: found for case, found in result["linear"].items() if found},
    }


def _ask(
    questions: list[dict[str, Any]], environment: dict[str, str], limit: float
) -> list[dict[str, Any]]:
    """Have a fresh process answer, and another what the first did not come to.

    A question fails only where it was the first of its process: it had all of the time and the
    memory.
    """
    answers: list[dict[str, Any]] = []
    while len(answers) < len(questions):
        rest = questions[len(answers) :]
        command = [sys.executable, "-m", "lossary.bench", json.dumps(rest)]
        try:
            done = subprocess.run(  # noqa: S603 - ourselves
                command,
                env={**os.environ, **environment},
                capture_output=True,
                check=False,
                timeout=limit,
            )
            said, reason = done.stdout, _reason(done)
        except subprocess.TimeoutExpired as late:
            said, reason = late.stdout or b"", f"no answer within {limit:g} s"
        whole = said.decode().split("\n")[:-1]
        answers += [json.loads(line) for line in whole] or [{"failed": reason}]
    return answers


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Say why a process ended without an answer."""
    if done.returncode < 0:
        return f"ended by signal {-done.returncode}"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"ended with status {done.returncode}"


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": _system(),
    }


def _system() -> str:
    """Name the kernel and the C library by their versions, without what a vendor adds to them."""
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    return ", ".join(filter(None, (kernel, " ".join(platform.libc_ver()).strip())))


def _processor() -> str:
    """Return the model of the processor, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
