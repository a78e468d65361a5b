"""Save checkpoints in processes that are killed, and say what each of them left.

Usage: killed_while_saving.py DIRECTORY ROUNDS. First one process after the other is killed before
its first, second, third ... access to a file or directory, until one is through before that; then
there are ROUNDS that are killed at a random moment and go on where the one before was killed. Says
a line of JSON for each process, and at the end one with the names that another save leaves in the
directory.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lossary.train.checkpoint import newest_checkpoint, save_checkpoint

WATCHED = {"open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir"}


def tree(step: int) -> dict[str, Any]:
    return {"step": step, "values": torch.full((2000,), step), "also": [torch.ones(3) * step]}


def replace_and_die(directory: Path, report: int, at: int) -> None:
    """Replace a checkpoint and save another, and be killed before the access of number ``at``."""
    count, counting = 0, False

    def watch(event: str, *_: object) -> None:
        nonlocal count
        if counting and event in WATCHED:
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    # what a killed process wrote stays, on the disk or not; so only count it, which is faster
    os.fsync = lambda _: watch("open")
    sys.addaudithook(watch)
    for step in (1, 2):
        save_checkpoint(directory, step, tree(step))
    os.write(report, b"2\n")
    counting = True
    for step in (2, 3):
        save_checkpoint(directory, step, tree(step))
        os.write(report, f"{step}\n".encode())


def save_for_ever(directory: Path, report: int) -> None:
    """Save each step twice, as the end of an epoch does after its last step."""
    found = newest_checkpoint(directory)
    step = found[1]["step"] if found else 0
    while True:
        step += 1
        for _ in range(2):
            save_checkpoint(directory, step, tree(step))
            os.write(report, f"{step}\n".encode())


def killed(directory: Path, save: Callable[[int], None], seconds: float | None) -> bool:
    """Save in another process, print what is left of it, and return whether it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            save(write)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(write)
    reports: list[bytes] = []
    with os.fdopen(read, "rb") as file:
        if seconds is not None:
            reports.append(file.readline())
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        reports += file.readlines()
    _, status = os.waitpid(child, 0)
    found = newest_checkpoint(directory)
    assert found is not None
    path, state, skipped = found
    line = {
        "random": seconds is not None,
        "status": status,
        "reported": int(reports[-1]),
        "found": state["step"],
        "path": path.name,
        "whole": torch.equal(state["values"], tree(state["step"])["values"]),
        "skipped": skipped,
    }
    print(json.dumps(line), flush=True)
    return status == signal.SIGKILL


def main(directory: Path, rounds: int) -> None:
    at, alive = 0, True
    while alive:
        at += 1
        shutil.rmtree(directory, ignore_errors=True)
        alive = killed(
            directory, lambda report, at=at: replace_and_die(directory, report, at), None
        )
    chance = random.Random(0)
    for _ in range(rounds):
        killed(directory, lambda report: save_for_ever(directory, report), chance.uniform(0, 0.1))
    found = newest_checkpoint(directory)
    assert found is not None
    step = found[1]["step"] + 1
    save_checkpoint(directory, step, tree(step))
    print(json.dumps([step, *sorted(path.name for path in directory.iterdir())]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
