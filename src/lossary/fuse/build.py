"""Compiles the generated C++ and loads it; what was compiled once is kept on disk."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import torch

HEADER = Path(__file__).with_name("vector.h")
FLAGS = (
    "-std=c++17",
    "-O2",
    "-march=native",
    "-fno-math-errno",
    "-ffp-contract=off",
    "-fPIC",
    "-Wno-psabi",
)


class CannotCompile(Exception):  # noqa: N818 - an answer, not an error
    """No machine code can be had here; the message says why."""


def cache_directory() -> Path:
    """Return the folder of compiled kernels: ``$LOSSARY_CACHE``, or one in the user's cache."""
    if chosen := os.environ.get("LOSSARY_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lossary"


@functools.cache
def load(source: str) -> ctypes.CDLL:
    """Return the compiled form of ``source``, from the disk if it is there.

    Raises:
        CannotCompile: if there is no compiler, or it fails.
    """
    program, machine = compiler()
    recipe = "\0".join([source, HEADER.read_text(), machine, *FLAGS, *_openmp()])
    path = cache_directory() / f"{hashlib.sha256(recipe.encode()).hexdigest()[:32]}.so"
    try:
        if not path.exists():
            _compile(program, source, path)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CannotCompile(
            f"compiled code cannot be kept in {path.parent}, or not be loaded ({error}); set "
            "LOSSARY_CACHE to a folder that can be written"
        ) from error


def _compile(program: str, source: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    common = [program, *FLAGS, "-fopenmp"]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, "kernel.so")
        text = Path(folder, "kernel.cpp")
        text.write_text(source)
        header = _header(program, common, path.parent)
        _run([*common, "-I", str(header), "-c", str(text), "-o", f"{text}.o"])
        _run([program, "-shared", f"{text}.o", *_openmp(), "-o", str(made)])
        made.replace(path)  # whole or not at all, also when two processes compile the same


def _header(program: str, common: list[str], folder: Path) -> Path:
    """Return where the header is, precompiled where that is simple: most of the time is its."""
    if not program.endswith("g++"):
        return HEADER.parent
    recipe = "\0".join([HEADER.read_text(), compiler()[1], *common])
    ready = folder / f"header-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    if not ready.exists():
        with tempfile.TemporaryDirectory(dir=folder) as made:
            inside = Path(made, "header")
            inside.mkdir()
            (inside / HEADER.name).write_text(HEADER.read_text())
            target = inside / f"{HEADER.name}.gch"
            _run([*common, "-x", "c++-header", str(HEADER), "-o", str(target)])
            with contextlib.suppress(OSError):  # another process was faster
                inside.rename(ready)
    return ready


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the compiler
    if done.returncode:
        raise CannotCompile(f"{Path(command[0]).name} failed: {done.stderr.strip()[:2000]}")


@functools.cache
def compiler() -> tuple[str, str]:
    """Return the C++ compiler, and what it says of itself and of this machine.

    Raises:
        CannotCompile: if there is none.
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "c++"]
    for name in names:
        if found := shutil.which(name):
            asked = [found, "-march=native", "-dM", "-E", "-x", "c++", os.devnull]
            told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - the compiler
            if told.returncode == 0:
                return found, told.stdout
    raise CannotCompile(
        "there is no C++ compiler; install g++ (Debian: apt install g++, Fedora: dnf install "
        "gcc-c++, macOS: xcode-select --install), or set CXX"
    )


def _openmp() -> list[str]:
    """Return how to link OpenMP: the library that torch brings, so that both share its threads."""
    folder = Path(torch.__file__).parent / "lib"
    own = sorted(folder.glob("libgomp*.so*"))
    return [str(own[0])] if own else ["-fopenmp"]


@functools.cache
def warn_once(reason: str) -> None:
    """Say once why nothing is compiled."""
    warnings.warn(f"lossary.fuse runs the formulas as they are: {reason}", stacklevel=4)
