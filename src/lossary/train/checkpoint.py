"""Checkpoints: directories that are there whole or not at all, and that are verified when read."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from io import BufferedReader
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .state import (
    MalformedStateError,
    flatten,
    from_json,
    read_tensors,
    tensor_file,
    to_json,
    unflatten,
)

FORMAT = 1
"""The version of the format; a reader of another one refuses it by name."""

MANIFEST, STATE, TENSORS = "manifest.json", "state.json", "tensors.safetensors"
MARGIN = 2**20
"""Bytes that must be free beyond those of the files: for the manifest and the file system."""

_LONGEST_MANIFEST = 2**16
_NAME = re.compile(r"step-([0-9]{8,18})")
_LEFTOVER = re.compile(r"\.(step-[0-9]{8,18})\.([0-9]{1,10})\.(tmp|old)")
_SEALED = re.compile(rb'(\{.*),"sha256":"([0-9a-f]{64})"\}\n', re.DOTALL)


class CheckpointError(OSError):
    """A checkpoint could not be written; those before it are as they were."""


class DamagedCheckpointError(ValueError):
    """A checkpoint is not as it was written."""


def save_checkpoint(
    directory: Path,
    step: int,
    tree: Mapping[str, Any],
    *,
    keep: int = 2,
    protect: Collection[Path] = (),
) -> Path:
    """Write a checkpoint, and then remove the oldest ones; return its path.

    A kill at any moment leaves each checkpoint whole. One of the same step is replaced.

    Args:
        directory: where the checkpoints are; made if it is not there.
        step: the number of the checkpoint.
        tree: what to save, see :func:`~lossary.train.state.flatten`.
        keep: how many to keep, those up to this step.
        protect: checkpoints that are kept besides.

    Raises:
        CheckpointError: if it cannot be written, because the disk is full for instance.
        TypeError: if the tree has something that no checkpoint holds.
    """
    if keep < 2:
        raise ValueError(f"keep must be at least 2, so that one is whole if one breaks, got {keep}")
    if not 0 <= step < 10**18:
        raise ValueError(f"step must be a number from 0 to 18 digits, got {step}")
    document, tensors = flatten(tree)
    state = to_json(document)
    final = directory / checkpoint_name(step)
    temporary = _hidden(final, "tmp")
    with _explained(final):
        directory.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(directory)
        _check_space(final, state, tensors)
        try:
            temporary.mkdir()
            _fill(temporary, step, state, tensors)
            _move(temporary, final)
        finally:  # also after an interrupt from the keyboard; once moved there is nothing
            shutil.rmtree(temporary, ignore_errors=True)
    prune(directory, step, keep=keep, protect=protect)
    return final


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return what was saved, after a comparison of all sizes and hashes.

    Nothing in a checkpoint is executed, and no name or link in it is followed.

    Raises:
        DamagedCheckpointError: if something is missing or is not as it was written.
        FileNotFoundError: if there is nothing.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(errno.ENOENT, "there is no checkpoint", str(path))
    if path.is_symlink() or not path.is_dir():
        raise DamagedCheckpointError(f"{path} is damaged: it is no directory of its own")
    name = MANIFEST
    try:
        files = _read_manifest(path)
        name = TENSORS
        _verify(path / TENSORS, *files[TENSORS])
        tensors = read_tensors(path / TENSORS)
        name = STATE
        state = _verify(path / STATE, *files[STATE], read=True)
        return unflatten(from_json(state), tensors)
    except (_DamageError, MalformedStateError) as error:
        raise DamagedCheckpointError(f"{path} is damaged: {name}: {error}") from error
    except OSError as error:
        reason = error.strerror or error
        raise DamagedCheckpointError(f"{path} is damaged: {name}: {reason}") from error


def newest_checkpoint(directory: Path) -> tuple[Path, dict[str, Any], list[str]] | None:
    """Return the newest checkpoint that verifies, or None if there is none at all.

    Returns:
        Its path, what it holds, and a sentence for each newer one, which says what is wrong
        with it.

    Raises:
        DamagedCheckpointError: if there are checkpoints, but none verifies.
    """
    skipped: list[str] = []
    for path in _candidates(directory):
        try:
            return path, load_checkpoint(path), skipped
        except (DamagedCheckpointError, FileNotFoundError) as error:  # or gone meanwhile
            skipped.append(str(error))
    if skipped:
        listed = "".join(f"\n- {reason}" for reason in skipped)
        raise DamagedCheckpointError(f"no checkpoint in {directory} can be used:{listed}")
    return None


def prune(directory: Path, step: int, *, keep: int, protect: Collection[Path] = ()) -> None:
    """Remove the oldest checkpoints but ``keep``.

    Those of later steps are of a training that went further: they are neither counted nor removed.
    """
    protected = {path.name for path in protect}
    found = [
        path
        for at, path in _checkpoints(directory)
        if at <= step and path.name not in protected and path.is_dir() and not path.is_symlink()
    ]
    for path in found[keep:]:
        _remove(path)


def checkpoint_name(step: int) -> str:
    """Return the name of the directory of a step."""
    return f"step-{step:08d}"


def is_checkpoint_name(name: str) -> bool:
    """Whether a name is one of those that :func:`checkpoint_name` gives."""
    return _NAME.fullmatch(name) is not None


def step_of(path: Path) -> int:
    """Return the step of a checkpoint that :func:`newest_checkpoint` found."""
    match = _NAME.search(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no name of a checkpoint")
    return int(match[1])


def latest_step(directory: Path) -> int | None:
    """Return the greatest step that a name in the directory has; its files may be damaged."""
    return next((step for step, _ in _checkpoints(directory)), None)


class _DamageError(Exception):
    """What is wrong with a file; becomes a DamagedCheckpointError that names it."""


def _hidden(final: Path, kind: str) -> Path:
    return final.with_name(f".{final.name}.{os.getpid()}.{kind}")


@contextmanager
def _explained(final: Path) -> Iterator[None]:
    try:
        yield
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(
            f"could not save the checkpoint {final}: {error.strerror or error}; the checkpoints "
            "before it are as they were"
        ) from error


def _check_space(final: Path, state: bytes, tensors: Mapping[str, Tensor]) -> None:
    """Refuse before the first byte, for what fills a disk may be in the way of others."""
    values = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    needed = values + len(state) + MARGIN
    free = shutil.disk_usage(final.parent).free
    if free < needed:
        raise CheckpointError(
            f"could not save the checkpoint {final}: it needs {needed} bytes and its disk has "
            f"{free} free; make room, or keep fewer. The checkpoints before it are as they were"
        )


def _fill(temporary: Path, step: int, state: bytes, tensors: Mapping[str, Tensor]) -> None:
    files = {
        TENSORS: _write(temporary / TENSORS, tensor_file(tensors)),
        STATE: _write(temporary / STATE, [state]),
    }
    manifest = {
        "format": FORMAT,
        "step": step,
        "files": {name: {"bytes": size, "sha256": sha} for name, (size, sha) in files.items()},
        "lossary": version("lossary"),
        "torch": torch.__version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    # last, so that a directory with a manifest has everything else
    _write(temporary / MANIFEST, [_sealed(manifest)])
    _sync_directory(temporary)


def _write(path: Path, pieces: Iterable[bytes | memoryview]) -> tuple[int, str]:
    """Write a file through to the disk, and return its size and hash."""
    sha = hashlib.sha256()
    with path.open("xb") as file:
        for piece in pieces:
            sha.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        return file.tell(), sha.hexdigest()


def _move(temporary: Path, final: Path) -> None:
    """Give a whole checkpoint its name; what has this name steps aside until that is done.

    There is no portable way to exchange two directories at once, so between the two renames the
    earlier one is only to be found under its other name, where :func:`newest_checkpoint` looks.
    """
    aside = _hidden(final, "old")
    replaces = os.path.lexists(final)
    if replaces:
        final.rename(aside)
    try:
        temporary.rename(final)
    except BaseException:
        if replaces:
            aside.rename(final)
        raise
    _sync_directory(final.parent)
    if replaces:
        _remove(aside)


def _sync_directory(path: Path) -> None:
    """See the names in a directory through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear_leftovers(directory: Path) -> None:
    """Remove what processes that are no more did not finish."""
    for path in sorted(directory.iterdir(), reverse=True):  # tmp before old of the same name
        match = _LEFTOVER.fullmatch(path.name)
        if match is None or _lives(int(match[2])):
            continue
        final = directory / match[1]
        if match[3] == "old" and not os.path.lexists(final):
            path.rename(final)
        else:
            _remove(path)


def _lives(pid: int) -> bool:
    """Whether another process has this number."""
    if pid in (0, os.getpid()):
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _remove(path: Path) -> None:
    """Remove a checkpoint, so that a kill in between does not leave half of one by its name."""
    match = _LEFTOVER.fullmatch(path.name)
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif match is not None and match[3] == "tmp":
            shutil.rmtree(path)
        else:
            name = path.name if match is None else match[1]
            doomed = _hidden(path.with_name(name), "tmp")
            path.rename(doomed)
            shutil.rmtree(doomed)
    except OSError as error:
        # the new checkpoint is complete: no reason to end a training
        warnings.warn(
            f"could not remove {path}: {error.strerror or error}; remove it by hand, it takes "
            "space and is no longer needed",
            RuntimeWarning,
            stacklevel=2,
        )


def _checkpoints(directory: Path) -> list[tuple[int, Path]]:
    """Return the steps and paths of what has a checkpoint's name, the newest first."""
    if not directory.is_dir():
        return []
    matches = ((_NAME.fullmatch(path.name), path) for path in directory.iterdir())
    return sorted(((int(match[1]), path) for match, path in matches if match), reverse=True)


def _candidates(directory: Path) -> list[Path]:
    """Return what may be a whole checkpoint, the newest first."""
    found = [(step, 1, path) for step, path in _checkpoints(directory)]
    for path in directory.iterdir() if directory.is_dir() else ():
        match = _LEFTOVER.fullmatch(path.name)
        if match is not None and match[3] == "old":  # see _move
            found.append((step_of(path), 0, path))
    return [path for _, _, path in sorted(found, reverse=True)]


def _sealed(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as text, with the hash of all that is before in its end."""
    text = to_json(manifest)
    sha = hashlib.sha256(text).hexdigest()
    return text.removesuffix(b"}") + f',"sha256":"{sha}"}}\n'.encode("ascii")


def _read_manifest(path: Path) -> dict[str, tuple[int, str]]:
    """Return size and hash of each file."""
    text = _read(path / MANIFEST)
    match = _SEALED.fullmatch(text)
    if match is None or hashlib.sha256(match[1] + b"}").hexdigest() != match[2].decode():
        raise _DamageError("it is not as it was written: its own SHA-256 differs")
    manifest = from_json(text)
    if manifest.get("format") != FORMAT:
        raise _DamageError(
            f"it is of format {manifest.get('format')!r:.20}, and this version of lossary reads "
            f"format {FORMAT}"
        )
    step, files = manifest.get("step"), manifest.get("files")
    if is_checkpoint_name(path.name) and (
        type(step) is not int or path.name != checkpoint_name(step)
    ):
        raise _DamageError(f"it is of step {step!r:.30}")
    if not isinstance(files, dict) or set(files) != {TENSORS, STATE}:
        raise _DamageError(f"it does not list {TENSORS} and {STATE} alone")
    return {name: _facts(name, files[name]) for name in files}


def _facts(name: str, facts: Any) -> tuple[int, str]:
    match facts:
        case {"bytes": int() as size, "sha256": str() as sha}:
            return size, sha
    raise _DamageError(f"it says no size and SHA-256 of {name}")


def _read(path: Path) -> bytes:
    """Return a manifest."""
    with _opened(path) as file:
        text = file.read(_LONGEST_MANIFEST + 1)
    if len(text) > _LONGEST_MANIFEST:
        raise _DamageError(f"it is longer than {_LONGEST_MANIFEST} bytes")
    return text


def _verify(path: Path, size: int, sha: str, *, read: bool = False) -> bytes:
    """Compare a file with its size and hash, and return its content on request."""
    with _opened(path) as file:
        found = os.fstat(file.fileno()).st_size
        if found != size:
            raise _DamageError(f"it has {found} bytes, not the {size} that were written")
        content = file.read(size) if read else b""
        digest = hashlib.sha256(content) if read else hashlib.file_digest(file, "sha256")
    if digest.hexdigest() != sha:
        raise _DamageError("it is not as it was written: its SHA-256 differs")
    return content


def _opened(path: Path) -> BufferedReader:
    """Open a regular file, and nothing that leads elsewhere or waits."""
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise _DamageError(
            "it is a symbolic link" if stat.S_ISLNK(mode) else "it is no regular file"
        )
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
