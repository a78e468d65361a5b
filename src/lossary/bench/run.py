"""The benchmark: which processes to start, and what to make of their answers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ..catalog import catalog
from .linear import WAYS
from .peers import NAIVE, TORCH
from .worker import measurable

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
Result = dict[str, Any]


def bench(
    losses: Sequence[str] = (),
    sizes: Sequence[str] = tuple(SIZES),
    settings: Sequence[str] = tuple(SETTINGS),
    *,
    with_peer: bool = False,
    compiled: bool = False,
    memory: bool = True,
    linear: Sequence[str] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> Result:
    """Measure losses, forward plus backward, in processes of their own.

    Args:
        losses: their names; all by default.
        sizes: of :data:`SIZES`.
        settings: of :data:`SETTINGS`: how memory is allocated. No figure mixes two.
        with_peer: whether only losses are measured that torch has, or that are usually written the
            same way.
        compiled: whether ``torch.compile`` of the peer is measured too, at the largest size.
        memory: whether peak memory is measured, at the largest size.
        linear: of :data:`LINEAR`: cases of linear cross-entropy.
        progress: told what is measured next.

    Raises:
        ValueError: if a name is unknown.
    """
    chosen = set(losses) or ({*TORCH, *NAIVE} if with_peer else {s.name for s in catalog()})
    specs = [s for s in catalog() if measurable(s) and s.name in chosen]
    for given, known in ((sizes, SIZES), (settings, SETTINGS), (linear, LINEAR)):
        if unknown := set(given) - set(known):
            raise ValueError(f"unknown {sorted(unknown)}; there are {', '.join(known)}")
    if unknown := set(losses) - {s.name for s in specs}:
        raise ValueError(f"cannot measure {sorted(unknown)}; `lossary list` shows the losses")
    largest = max(sizes, key=lambda s: SIZES[s][0] * SIZES[s][1])
    result: Result = {"machine": machine(), "settings": {}, "memory": {}, "linear": {}}
    for setting in settings:
        rows = result["settings"][setting] = []
        for size in sizes:
            for spec in specs:
                progress(f"{setting}, {size}: {spec.name}")
                question = {"kind": "times", "loss": spec.name, "size": SIZES[size]}
                also = compiled and size == largest
                found = _ask({**question, "compiled": also}, SETTINGS[setting])
                rows.append({"loss": spec.name, "size": size, **found})
    if memory and sys.platform == "linux":
        for spec in specs:
            progress(f"memory, {largest}: {spec.name}")
            question = {"kind": "peak", "loss": spec.name, "size": SIZES[largest]}
            result["memory"][spec.name] = {
                way: _ask({**question, "way": way}, {}) for way in _ways(result, spec.name)
            }
    for case in linear:
        for dtype in ("float32", "bfloat16"):
            for way in WAYS:
                progress(f"linear cross-entropy, {case}, {dtype}: {way}")
                options = {"way": way, "dtype": dtype, **LINEAR[case]}
                found = _ask({"kind": "linear", "options": options}, {})
                result["linear"].setdefault(f"{case}, {dtype}", {})[way] = found
    return result


def _ways(result: Result, loss: str) -> list[str]:
    rows = next(iter(result["settings"].values()))
    seconds = next(row["seconds"] for row in rows if row["loss"] == loss)
    return [way for way in ("peer", "eager", "fused") if way in seconds]


def _ask(question: dict[str, Any], environment: dict[str, str]) -> Any:
    """Have a fresh process answer."""
    command = [sys.executable, "-m", "lossary.bench", json.dumps(question)]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{question} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _processor() -> str:
    """Return the model of the processor, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
