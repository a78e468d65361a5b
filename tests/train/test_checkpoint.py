"""A checkpoint is whole or not there at all, and one that is not whole is never taken for one."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from lossary.train import checkpoint
from lossary.train.callbacks.checkpoints import ModelCheckpoint
from lossary.train.checkpoint import (
    MANIFEST,
    MARGIN,
    STATE,
    TENSORS,
    CheckpointError,
    DamagedCheckpointError,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)
from lossary.train.state import flatten, tensor_file, to_json

EVERYTHING = "LOSSARY_ALL" in os.environ  # `make test-all`
FILES = [MANIFEST, STATE, TENSORS]


def tree(step: int, values: int = 100) -> dict[str, Any]:
    return {"step": step, "network": {"weight": torch.full((values,), float(step))}, "rate": 0.1}


def save(directory: Path, *steps: int, **options: Any) -> list[Path]:
    return [save_checkpoint(directory, step, tree(step), **options) for step in steps]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def is_of(found: dict[str, Any], step: int) -> bool:
    expected = tree(step)
    weight = expected["network"].pop("weight")
    same = torch.equal(found["network"].pop("weight"), weight)
    return same and found == expected


def gone(pid_of_nobody: int = 2**22 + 1) -> int:
    """Return a number that is greater than those of processes can be."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of_nobody, 0)
    return pid_of_nobody


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "directory"
    path = save_checkpoint(directory, 120, tree(120))
    assert path == directory / "step-00000120"
    assert names(directory) == ["step-00000120"]
    assert names(path) == FILES
    assert is_of(load_checkpoint(path), 120)
    manifest = json.loads((path / MANIFEST).read_text())
    assert (manifest["format"], manifest["step"]) == (1, 120)
    assert {"lossary", "torch", "written"} <= manifest.keys()
    sizes = {name: facts["bytes"] for name, facts in manifest["files"].items()}
    assert sizes == {name: (path / name).stat().st_size for name in (STATE, TENSORS)}


def test_one_that_was_moved_by_its_owner_loads(tmp_path: Path) -> None:
    [path] = save(tmp_path, 7)
    assert is_of(load_checkpoint(path.rename(tmp_path / "my favourite")), 7)


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        [path] = save(tmp_path, 1)
    finally:
        os.umask(before)
    assert {(path / name).stat().st_mode & 0o777 for name in FILES} == {0o640}


def damages() -> Iterator[tuple[str, str, Callable[[Path], object], str]]:
    def flipped(place: int) -> Callable[[Path], object]:
        def flip(path: Path) -> None:
            content = bytearray(path.read_bytes())
            content[place * (len(content) - 1) // 10] ^= 1
            path.write_bytes(content)

        return flip

    def linked(path: Path) -> None:
        other = path.rename(path.parent.parent / f"other {path.name}")
        path.symlink_to(other)

    def piped(path: Path) -> None:
        path.unlink()
        os.mkfifo(path)

    for name in FILES:
        written = "SHA-256 differs" if name == MANIFEST else r"bytes, not the \d+ that were written"
        yield name, "truncated", lambda p: p.write_bytes(p.read_bytes()[:-1]), written
        yield name, "longer", lambda p: p.write_bytes(p.read_bytes() + b"\0"), written
        yield name, "empty", lambda p: p.write_bytes(b""), written
        yield name, "gone", Path.unlink, "No such file or directory"
        yield name, "a link", linked, "it is a symbolic link"
        yield name, "a pipe", piped, "it is no regular file"
        yield name, "a directory", lambda p: (p.unlink(), p.mkdir()), "it is no regular file"
        for place in range(11):
            yield name, f"flipped at {place}0 %", flipped(place), "its (own )?SHA-256 differs"
    yield MANIFEST, "huge", lambda p: p.write_bytes(b" " * 2**20), "longer than 65536 bytes"
    yield MANIFEST, "of another step", other_step, "it is of step 4"


def other_step(manifest: Path) -> None:
    """Put the whole checkpoint of another step in the place of this one."""
    [other] = save(manifest.parent.parent / "other", 4)
    shutil.rmtree(manifest.parent)
    other.rename(manifest.parent)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [(name, damage, reason) for name, _, damage, reason in damages()],
    ids=[f"{name} {what}" for name, what, _, _ in damages()],
)
def test_damage_is_found_and_the_one_before_is_taken(
    name: str, damage: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    before, newest = save(tmp_path, 2, 3)
    damage(newest / name)
    with pytest.raises(
        DamagedCheckpointError, match=rf"step-00000003 is damaged: {name}: .*{reason}"
    ):
        load_checkpoint(newest)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    path, state, skipped = found
    assert path == before
    assert is_of(state, 2)
    assert len(skipped) == 1
    assert skipped[0].startswith(f"{newest} is damaged: {name}: ")


def resealed(path: Path, **changes: object) -> None:
    """Write a manifest that agrees with itself, as somebody would who knows how."""
    manifest = json.loads((path / MANIFEST).read_text()) | changes
    manifest.pop("sha256")
    (path / MANIFEST).write_bytes(checkpoint._sealed(manifest))


FACTS = {"bytes": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "it is of format 2, and this version of lossary reads format 1"),
        ({"format": None}, "it is of format None"),
        ({"step": "3"}, "it is of step '3'"),
        ({"step": None}, "it is of step None"),
        ({"files": None}, "it does not list"),
        ({"files": {}}, "it does not list"),
        ({"files": {TENSORS: FACTS}}, "it does not list"),
        ({"files": {TENSORS: FACTS, STATE: FACTS, "../evil": FACTS}}, "it does not list"),
        ({"files": {TENSORS: FACTS, "/etc/passwd": FACTS}}, "it does not list"),
        ({"files": {TENSORS: FACTS, STATE: {}}}, f"it says no size and SHA-256 of {STATE}"),
        ({"files": {TENSORS: FACTS, STATE: [1, ""]}}, f"it says no size and SHA-256 of {STATE}"),
        ({"files": {TENSORS: {"bytes": "1", "sha256": ""}, STATE: FACTS}}, "it says no size"),
    ],
    ids=str,
)
def test_a_manifest_that_was_made_up_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    [path] = save(tmp_path, 3)
    resealed(path, **changes)
    with pytest.raises(DamagedCheckpointError, match=f"is damaged: {MANIFEST}: {reason}"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (STATE, b'{"dict":[["a",{"eval":"1"}]]}', r"state\.json: a cannot be \{'eval': '1'\}"),
        (STATE, b'{"dict":[]}', r"state\.json: there are tensors that belong nowhere"),
        (STATE, b"\x80\x04\x95", r"state\.json: it is no JSON that can be read"),
        (TENSORS, b"\x80\x04\x95", r"tensors\.safetensors: it is no safetensors file"),
    ],
)
def test_files_that_were_made_up_are_refused(
    name: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    """With right sizes and hashes: the content is read as untrusted too."""
    [path] = save(tmp_path, 3)
    (path / name).unlink()
    size, sha = checkpoint._write(path / name, [content])
    files = json.loads((path / MANIFEST).read_text())["files"]
    resealed(path, files=files | {name: {"bytes": size, "sha256": sha}})
    with pytest.raises(DamagedCheckpointError, match=reason):
        load_checkpoint(path)


def test_a_manifest_that_is_no_dictionary_is_refused(tmp_path: Path) -> None:
    [path] = save(tmp_path, 3)
    (path / MANIFEST).write_bytes(b"[]")
    with pytest.raises(DamagedCheckpointError, match="is not as it was written"):
        load_checkpoint(path)


def test_files_that_do_not_belong_there_are_not_looked_at(tmp_path: Path) -> None:
    [path] = save(tmp_path, 3)
    (path / "notes.txt").write_text("mine")
    (path / "link").symlink_to("/etc/passwd")
    assert is_of(load_checkpoint(path), 3)


def test_a_checkpoint_that_is_a_link_is_refused(tmp_path: Path) -> None:
    [elsewhere] = save(tmp_path / "elsewhere", 9)
    directory = tmp_path / "here"
    [mine] = save(directory, 3)
    (directory / "step-00000009").symlink_to(elsewhere)
    (directory / "step-00000008").write_text("a file")
    found = newest_checkpoint(directory)
    assert found is not None
    assert found[0] == mine
    assert [s.split(" is damaged: ")[1] for s in found[2]] == ["it is no directory of its own"] * 2


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none") is None
    assert newest_checkpoint(tmp_path) is None
    for name in ("step-1", "step-000000ab", "other", ".step-00000001.1.tmp", "step-00000001.part"):
        (tmp_path / name).mkdir()
    assert newest_checkpoint(tmp_path) is None
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "step-00000001")


def test_all_are_listed_if_none_is_whole(tmp_path: Path) -> None:
    first, second = save(tmp_path, 1, 2)
    (first / STATE).unlink()
    (second / MANIFEST).unlink()
    with pytest.raises(DamagedCheckpointError) as error:
        newest_checkpoint(tmp_path)
    assert str(error.value).splitlines() == [
        f"no checkpoint in {tmp_path} can be used:",
        f"- {second} is damaged: {MANIFEST}: No such file or directory",
        f"- {first} is damaged: {STATE}: No such file or directory",
    ]


def test_the_newest_has_the_greatest_step_of_any_length(tmp_path: Path) -> None:
    save(tmp_path, 5, 99_999_999, 100_000_000)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0].name == "step-100000000"


def test_the_oldest_are_removed_and_the_protected_do_not_count(tmp_path: Path) -> None:
    best, *_ = save(tmp_path, 1, 2)
    save(tmp_path, 3, 4, 5, keep=3, protect=[best])
    assert names(tmp_path) == [f"step-0000000{n}" for n in (1, 3, 4, 5)]
    save(tmp_path, 6)
    assert names(tmp_path) == ["step-00000005", "step-00000006"]


def test_what_is_no_checkpoint_or_of_a_later_step_is_not_removed(tmp_path: Path) -> None:
    """A training that begins again in the same directory must not lose what it has just saved."""
    save(tmp_path, 100, 200)
    (tmp_path / "best.json").write_text("{}")
    (tmp_path / "step-00000001").symlink_to("/")
    save(tmp_path, 10, 20, 30)
    steps = [1, 20, 30, 100, 200]
    assert names(tmp_path) == ["best.json", *(f"step-{n:08d}" for n in steps)]


@pytest.mark.parametrize("keep", [1, 0, -1])
def test_keep_must_be_two_at_least(tmp_path: Path, keep: int) -> None:
    with pytest.raises(ValueError, match=f"keep must be at least 2, .* got {keep}"):
        save(tmp_path, 1, keep=keep)
    assert names(tmp_path) == []


def test_a_step_must_fit_into_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="step must be a number from 0 to 18 digits, got -1"):
        save(tmp_path, -1)


def test_the_same_step_is_replaced(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    path = save_checkpoint(tmp_path, 2, {"second": True})
    assert names(tmp_path) == ["step-00000001", "step-00000002"]
    assert load_checkpoint(path) == {"second": True}


def test_a_link_in_the_place_of_the_step_is_replaced_and_not_followed(tmp_path: Path) -> None:
    [other] = save(tmp_path / "other", 2)
    directory = tmp_path / "here"
    directory.mkdir()
    (directory / "step-00000002").symlink_to(other)
    [path] = save(directory, 2)
    assert not path.is_symlink()
    assert names(directory) == ["step-00000002"]
    assert is_of(load_checkpoint(other), 2)


def test_leftovers_of_dead_processes_are_removed_and_others_stay(tmp_path: Path) -> None:
    save(tmp_path, 1)
    dead, own, alive = gone(), os.getpid(), os.getppid()
    for pid in (dead, own, alive, 0, 9999999999):
        (tmp_path / f".step-00000002.{pid}.tmp" / "inner").mkdir(parents=True)
    (tmp_path / f".step-00000001.{dead}.old").mkdir()
    (tmp_path / f".step-00000002.{dead}.other").mkdir()
    save(tmp_path, 3)
    assert names(tmp_path) == sorted(
        [
            f".step-00000002.{alive}.tmp",
            f".step-00000002.{dead}.other",
            "step-00000001",
            "step-00000003",
        ]
    )


def test_one_that_stepped_aside_is_found_and_gets_its_name_back(tmp_path: Path) -> None:
    _, second = save(tmp_path, 1, 2)
    aside = second.rename(tmp_path / f".step-00000002.{gone()}.old")
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert (found[0], found[2]) == (aside, [])
    assert is_of(found[1], 2)
    save(tmp_path, 3)
    assert names(tmp_path) == ["step-00000002", "step-00000003"]
    assert is_of(load_checkpoint(second), 2)


def test_a_tree_that_cannot_be_saved_leaves_no_trace(tmp_path: Path) -> None:
    save(tmp_path, 1)
    with pytest.raises(TypeError, match=r"^callbacks\.0 is a object: "):
        save_checkpoint(tmp_path, 2, {"callbacks": [object()]})
    assert names(tmp_path) == ["step-00000001"]


def test_an_interrupt_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every write through to the disk, before and after the checkpoint has its name."""
    save(tmp_path, 1, 2)
    before = contents(tmp_path)
    sync, left = os.fsync, 0

    def interrupted(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", interrupted)
    for at in range(1, 6):
        left = at
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, 3)
        assert not [name for name in names(tmp_path) if name.endswith(".tmp")]
        assert before.items() <= contents(tmp_path).items()
        assert (tmp_path / "step-00000003").exists() == (at == 5)
    assert is_of(load_checkpoint(tmp_path / "step-00000003"), 3)


def test_an_interrupt_between_the_two_renames_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1, 2)
    before, rename = contents(tmp_path), Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, 2, {"second": True})
    assert contents(tmp_path) == before


def test_too_little_space_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 4_000_000))
    before = contents(tmp_path)
    with pytest.raises(CheckpointError) as error:
        save_checkpoint(tmp_path, 2, tree(2, 1_000_000))
    document, tensors = flatten(tree(2, 1_000_000))
    needed = 4_000_000 + len(to_json(document)) + MARGIN
    assert f"it needs {needed} bytes and its disk has 4000000 free" in str(error.value)
    written = sum(len(piece) for piece in tensor_file(tensors)) + len(to_json(document))
    assert written < needed < written + MARGIN
    assert contents(tmp_path) == before


def test_a_disk_that_is_full_is_said_before(small_disk: Path) -> None:
    save(small_disk, 1)
    before = contents(small_disk)
    with pytest.raises(
        CheckpointError, match=r"it needs 9\d{6} bytes and its disk has 8\d{6} free"
    ):
        save_checkpoint(small_disk, 2, tree(2, 2_000_000))
    assert contents(small_disk) == before


@pytest.mark.parametrize("step", [2, 3], ids=["replaced", "new"])
def test_a_disk_that_becomes_full_loses_nothing(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Somebody else may fill it after it was looked at."""
    save(small_disk, 1, 2)
    before = contents(small_disk)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 10**12))
    with pytest.raises(
        CheckpointError, match="No space left on device; the checkpoints before it"
    ) as error:
        save_checkpoint(small_disk, step, tree(step, 3_000_000))
    assert isinstance(error.value.__cause__, OSError)
    assert error.value.__cause__.errno == errno.ENOSPC
    assert contents(small_disk) == before
    save(small_disk, 3)
    assert names(small_disk) == ["step-00000002", "step-00000003"]


def test_a_limit_of_the_size_of_files_loses_nothing(tmp_path: Path) -> None:
    save(tmp_path, 1)
    before, limits = contents(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="step-00000002: File too large; the checkpoints"):
            save_checkpoint(tmp_path, 2, tree(2, 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="everybody but root obeys the mode of a directory")
def test_a_directory_that_is_read_only_is_said(tmp_path: Path) -> None:
    save(tmp_path, 1)
    before = contents(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match="Permission denied"):
            save(tmp_path, 2)
    finally:
        tmp_path.chmod(0o700)
    assert contents(tmp_path) == before


def test_a_file_in_the_place_of_the_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match="File exists"):
        save(tmp_path / "file", 1)
    assert (tmp_path / "file").read_text() == "mine"


def test_an_old_one_that_cannot_be_removed_ends_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(path: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    save(tmp_path, 1, 2)
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, ignore_errors=False: None if ignore_errors else stuck(path)
    )
    with pytest.warns(
        RuntimeWarning, match=r"could not remove .*step-00000001: Device or resource"
    ):
        save(tmp_path, 3)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0].name == "step-00000003"


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[Any]]:
    program = Path(__file__).with_name("killed_while_saving.py")
    directory = tmp_path_factory.mktemp("deaths") / "checkpoints"
    rounds = "50" if EVERYTHING else "10"
    done = subprocess.run(
        [sys.executable, program, directory, rounds], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    *lines, last = [json.loads(line) for line in done.stdout.splitlines()]
    return lines, last


def test_a_kill_before_any_access_to_a_file_leaves_a_whole_checkpoint(
    deaths, record_property
) -> None:
    """Not older than the last one that was reported as complete, and no damaged one beside it."""
    lines = [line for line in deaths[0] if not line["random"]]
    assert [line["status"] for line in lines] == [signal.SIGKILL] * (len(lines) - 1) + [0]
    assert len(lines) > 30
    assert all(line["whole"] and line["skipped"] == [] for line in lines)
    assert all(line["found"] >= line["reported"] for line in lines)
    record_property("kills", len(lines) - 1)
    # the moment in which the one that is replaced has stepped aside was among them
    assert any(line["path"].endswith(".old") for line in lines)


def test_a_kill_at_a_random_moment_leaves_a_whole_checkpoint(deaths, record_property) -> None:
    lines = [line for line in deaths[0] if line["random"]]
    record_property("kills", len(lines))
    assert [line["status"] for line in lines] == [signal.SIGKILL] * (50 if EVERYTHING else 10)
    assert all(line["whole"] and line["skipped"] == [] for line in lines)
    assert all(line["found"] >= line["reported"] for line in lines)


def test_the_save_after_a_kill_puts_everything_in_order(deaths) -> None:
    step, *left = deaths[1]
    assert left == [f"step-{step - 1:08d}", f"step-{step:08d}"]


@dataclass
class Run:
    """What a ModelCheckpoint asks of the run; the real one is tested where models are trained."""

    callback: ModelCheckpoint
    total_steps: int = 0
    epoch: int = 0
    step: int = 0
    rank: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    agreed: list[Exception | None] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        return {
            "steps": self.total_steps,
            "epochs": len(self.history),
            "callback": self.callback.state(),
        }

    def agree(self, error: Exception | None) -> None:
        self.agreed.append(error)
        if error is not None:
            raise error


def train(
    callback: ModelCheckpoint, losses: list[float], *, steps: int = 2, run: Run | None = None
) -> Run:
    """Run epochs of some steps, each with a loss at its end."""
    run = run or Run(callback)
    callback.on_train_begin(run)
    for loss in losses:
        run.epoch, run.step = run.epoch + 1, 0
        for _ in range(steps):
            run.step, run.total_steps = run.step + 1, run.total_steps + 1
            callback.on_step_end(run)
        run.history.append({"valid_loss": loss})
        callback.on_epoch_end(run)
    return run


def saved(directory: Path) -> dict[int, dict[str, Any]]:
    return {int(p.name[5:]): load_checkpoint(p) for p in directory.glob("step-*")}


def test_every_epoch_is_saved_by_default(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path)
    train(callback, [3.0, 2.0, 1.0])
    assert {step: state["epochs"] for step, state in saved(tmp_path).items()} == {4: 2, 6: 3}
    assert callback.directory == tmp_path
    assert callback.last == tmp_path / "step-00000006"
    assert callback.best is None


def test_steps_and_epochs_are_counted_as_asked(tmp_path: Path) -> None:
    train(ModelCheckpoint(tmp_path / "steps", every_steps=3, keep=9), [1.0] * 5)
    assert sorted(saved(tmp_path / "steps")) == [3, 6, 9]
    train(ModelCheckpoint(tmp_path / "epochs", every_epochs=2, keep=9), [1.0] * 5)
    assert sorted(saved(tmp_path / "epochs")) == [4, 8]
    train(ModelCheckpoint(tmp_path / "both", every_steps=3, every_epochs=2, keep=9), [1.0] * 5)
    assert sorted(saved(tmp_path / "both")) == [3, 4, 6, 8, 9]


def test_the_end_of_an_epoch_replaces_its_last_step_and_nothing_is_saved_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = ModelCheckpoint(tmp_path, every_steps=2, every_epochs=1)
    run = train(callback, [1.0])
    assert saved(tmp_path)[2]["epochs"] == 1
    assert len(run.agreed) == 3  # the beginning, the last step and the epoch
    callback.save(run)
    assert len(run.agreed) == 3
    run.step += 1  # a step that was left out is a place in the epoch too
    callback.save(run)
    assert len(run.agreed) == 4


def test_a_signal_saves_at_once(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path, every_epochs=100)
    run = train(callback, [1.0])
    assert not list(tmp_path.iterdir())
    callback.save(run)
    assert list(saved(tmp_path)) == [2]


@pytest.mark.parametrize(
    ("mode", "values", "best"),
    [
        ("min", [3.0, 1.0, 2.0, 2.0, 2.0], 4),
        ("max", [3.0, 9.0, 2.0, 2.0, 2.0], 4),
        ("min", [float("nan"), 5.0, float("nan"), 6.0, 7.0], 4),
        ("max", [float("nan"), 5.0, float("inf"), 4.0, 3.0], 4),
        ("min", [-1.0, -2.0, float("-inf"), -2.0, -1.0], 4),
    ],
)
def test_the_best_is_kept_beside_the_newest(
    mode: str, values: list[float], best: int, tmp_path: Path
) -> None:
    callback = ModelCheckpoint(tmp_path, monitor="valid_loss", mode=mode)
    train(callback, values)
    assert sorted(saved(tmp_path)) == [best, 8, 10]
    assert callback.best == tmp_path / f"step-{best:08d}"
    assert json.loads((tmp_path / "best.json").read_text()) == {
        "checkpoint": f"step-{best:08d}",
        "monitor": "valid_loss",
        "mode": mode,
        "value": values[best // 2 - 1],
    }
    state = saved(tmp_path)[best]["callback"]
    assert state == {"best": f"step-{best:08d}", "best_value": values[best // 2 - 1]}


def test_the_best_is_saved_even_if_its_turn_is_not_due(tmp_path: Path) -> None:
    train(
        ModelCheckpoint(tmp_path, every_epochs=4, monitor="valid_loss"), [3.0, 2.0, 4.0, 5.0, 1.0]
    )
    assert sorted(saved(tmp_path)) == [4, 8, 10]
    assert json.loads((tmp_path / "best.json").read_text())["checkpoint"] == "step-00000010"


def test_nothing_is_the_best_if_nothing_is_a_number(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path, monitor="valid_loss")
    train(callback, [float("nan")] * 2)
    assert callback.best is None
    assert sorted(saved(tmp_path)) == [2, 4]
    assert not (tmp_path / "best.json").exists()


def test_a_training_that_goes_on_knows_its_best(tmp_path: Path) -> None:
    train(ModelCheckpoint(tmp_path, monitor="valid_loss"), [3.0, 1.0, 2.0])
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    found = newest_checkpoint(moved)
    assert found is not None
    callback = ModelCheckpoint(moved, monitor="valid_loss")
    callback.load_state(found[1]["callback"])
    assert callback.best == moved / "step-00000004"
    run = Run(callback, total_steps=6, epoch=3, history=[{}] * 3)
    train(callback, [1.5, 1.2, 1.1], run=run)
    assert callback.best == moved / "step-00000004"
    assert sorted(saved(moved)) == [4, 10, 12]
    train(callback, [0.5], run=run)
    assert callback.best == moved / "step-00000014"
    assert sorted(saved(moved)) == [10, 12, 14]


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "step-00000099", "", "."])
def test_a_best_that_is_not_there_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    callback = ModelCheckpoint(tmp_path / "here", monitor="valid_loss")
    callback.load_state({"best": name, "best_value": 1.0})
    assert callback.best is None


def test_another_training_begins_without_the_best_of_the_one_before(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "one", monitor="valid_loss")
    train(callback, [1.0])
    callback.directory = tmp_path / "two"
    train(callback, [2.0])
    assert callback.best == tmp_path / "two" / "step-00000002"
    assert list(saved(tmp_path / "two")) == [2]


def test_a_directory_with_a_later_checkpoint_is_refused_at_the_beginning(tmp_path: Path) -> None:
    train(ModelCheckpoint(tmp_path), [1.0, 1.0])
    with pytest.raises(ValueError, match=r"has step-00000004, of a later step than .* \(0\)"):
        train(ModelCheckpoint(tmp_path), [1.0])
    callback = ModelCheckpoint(tmp_path)
    for path in tmp_path.iterdir():  # damaged ones are not in the way
        (path / STATE).write_text("")
    train(callback, [1.0, 1.0, 1.0])
    assert sorted(saved(tmp_path)) == [4, 6]


def test_an_error_of_the_writing_process_reaches_all(tmp_path: Path) -> None:
    """The others write nothing, yet take part in gathering the state and in agreeing."""
    (tmp_path / "file").write_text("")
    callback = ModelCheckpoint(tmp_path / "file", monitor="valid_loss")
    with pytest.raises(CheckpointError, match="File exists"):
        train(callback, [1.0])
    assert callback.last is None
    assert callback.best is None
    other = ModelCheckpoint(tmp_path / "file", monitor="valid_loss")
    run = train(other, [1.0], run=Run(other, rank=1))
    assert run.agreed == [None, None]
    assert other.best == other.last == tmp_path / "file" / "step-00000002"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_steps": 0}, "every_steps must be at least 1, got 0"),
        ({"every_epochs": -1}, "every_epochs must be at least 1, got -1"),
        ({"keep": 1}, "keep must be at least 2, got 1"),
        ({"mode": "best"}, "mode must be 'min' or 'max', got 'best'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(tmp_path, **options)


def test_a_name_that_no_record_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no 'valid_f1' to find the best by; there are valid_loss"):
        train(ModelCheckpoint(tmp_path, monitor="valid_f1"), [1.0])
