"""Trainings that are killed: what a process trains, and who starts and kills it.

``killed_training.py OPTIONS`` trains as a JSON object says. Without options it reads commands,
lines of JSON, starts what each says, sends the signals that each plans, and answers with a line
when all has ended. It forks for a command, because importing torch takes longer than a training;
what it forks goes on as a program that was started by itself, to its natural end.
"""

import functools
import importlib
import json
import math
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import lossary
from lossary.train import (
    Callback,
    CSVLog,
    EarlyStopping,
    ExponentialMovingAverage,
    Model,
    ModelCheckpoint,
    Run,
)

# torch imports it at exit where it is installed; at that time an import that makes named tuples
# lets Python 3.11 forget that Ctrl-C ended the program, and its status is 1
with suppress(ModuleNotFoundError):
    importlib.import_module("tabulate")

SAMPLES, BATCH = 43, 4  # 11 batches, the last one of 3 samples


class Augmented(Dataset[tuple[Tensor, Tensor]]):
    """Samples that are changed by every kind of random numbers whenever they are read."""

    def __init__(self, x: Tensor, y: Tensor, hang: int | None = None) -> None:
        self.x, self.y, self.hang = x, y, hang

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index == self.hang:
            time.sleep(1000)
        noise = torch.randn(4, dtype=self.x.dtype) + np.random.randn() + random.gauss(0, 1)
        return self.x[index] + 0.1 * noise, self.y[index]


class Spread(lossary.LossBase):
    """A loss that counts other units than the one beside it."""

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return input.square().mean(1)


class Announce(Callback):
    """Say what the training is at, and do at a step what was asked for."""

    def __init__(self, at: dict[str, int], options: dict[str, Any]) -> None:
        self.at, self.options = at, options

    def on_train_begin(self, run: Run) -> None:
        self.rank = run.rank
        self.say("begin")

    def say(self, phase: str) -> None:
        with Path(self.options["phases"]).open("a") as pipe:
            pipe.write(f"{phase} {self.rank} {os.getpid()}\n")

    def on_step_end(self, run: Run) -> None:
        self.say("step")
        if run.total_steps == self.at.get("limit"):
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
        if run.total_steps == self.at.get("fill"):
            fill(Path(self.options["directory"]) / "filler")
        # between the step, in which all processes agree on going on, and its end
        if run.total_steps == self.at.get("terminate") and run.rank == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        if run.total_steps == self.at.get("sleep") and run.rank == 0:
            time.sleep(1000)

    def on_validation_begin(self, run: Run) -> None:
        self.say("evaluation")
        if run.epoch == self.at.get("terminate in evaluation"):
            os.kill(os.getpid(), signal.SIGTERM)

    def on_validation_end(self, run: Run) -> None:
        self.say("evaluated")


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(2**16)):
                pass
        except OSError:
            return


def network(*, elastic: bool) -> nn.Module:
    """Return a network; an elastic one computes the same in any number of processes."""
    torch.manual_seed(0)
    between = [] if elastic else [nn.BatchNorm1d(8), nn.Dropout(0.3)]
    return nn.Sequential(nn.Linear(4, 8), *between, nn.Tanh(), nn.Linear(8, 4))


def train(options: dict[str, Any]) -> None:
    """Train, with all that has a state."""
    directory, epochs = Path(options["directory"]), options.get("epochs", 3)
    elastic, processes = options.get("elastic", False), options.get("script", 1)
    of = torch.float64 if elastic else torch.float32
    x = torch.randn(SAMPLES, 4, generator=torch.Generator().manual_seed(1), dtype=of)
    y = torch.arange(SAMPLES) % 3
    if "ill" in options:
        x[options["ill"]] = math.nan
    data: Any = (x, y)
    valid: Any = (x[1::2], y[1::2])
    if options["data"] == "workers":
        made = Augmented(x, y, options.get("hang"))
        data = DataLoader(made, BATCH, shuffle=True, num_workers=2)
    elif options["data"] == "augmented":
        data = Augmented(x, y)
    random.seed(1)  # they are states too, and a fork would begin with another one
    np.random.seed(1)
    torch.manual_seed(1)
    loss = lossary.UncertaintyWeightedSum(
        {"class": lossary.ArcFaceLoss(4, 3, scale=4.0), "spread": Spread()}
    ).to(of)
    model = Model(
        network(elastic=elastic).to(of),
        loss,
        functools.partial(torch.optim.Adam, lr=0.01),
        metrics={"size": lambda output, label: output.norm()},
    )
    announce = Announce(options.get("at", {}), options)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "os.mkdir" and str(args[0]).endswith(".tmp"):
            announce.say("save")
        if event == "os.rename" and str(args[0]).endswith(".tmp"):
            announce.say("saved")

    sys.addaudithook(watch)
    if "measure" in options:
        model.load(options["measure"])
        (directory / "measured.json").write_text(json.dumps(model.evaluate(valid)))
        return
    steps = epochs * -(-SAMPLES // BATCH)
    history = model.train(
        epochs,
        data,
        [
            announce,
            CSVLog(directory / "log.csv"),
            EarlyStopping(patience=50),
            ExponentialMovingAverage(0.9),
            ModelCheckpoint(
                directory / options.get("place", "checkpoints"),
                every_steps=3,
                every_epochs=1,
                monitor="valid_loss",
            ),
        ],
        valid=valid,
        batch_size=BATCH,
        seed=options.get("seed", 0),
        accumulate=options.get("accumulate", 1),
        clip_norm=1.0,
        scheduler=lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.02, total_steps=options.get("scheduled", steps)
        ),
        scheduler_interval="step",
        processes=processes,
        on_nonfinite=options.get("on_nonfinite", "raise"),
        resume=options.get("resume", "auto"),
        progress=False,
    )
    rank = model.wired.across.rank
    measured = model.evaluate(valid)
    model.save(directory / "model.safetensors")
    for record in history:
        record.pop("seconds")
    (directory / f"{rank}.json").write_text(json.dumps([history, measured]))


def commands() -> dict[str, Any]:
    """Do what the lines of the standard input say; return options in the process of a training."""
    for line in sys.stdin:
        command = json.loads(line)
        options = {**command["options"], "phases": command["phases"]}
        os.mkfifo(options["phases"])
        # kept open for writing too, so that it has no end while nobody writes
        pipe = os.open(options["phases"], os.O_RDWR | os.O_NONBLOCK)
        pids: list[int] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for rank in range(command["processes"]):
            errors = f"{options['phases']}-errors-{rank}"
            if command["launch"]:
                pids.append(launched(options, errors))
                continue
            pid = os.fork()
            if pid == 0:
                os.close(pipe)
                begin(errors, rank, command["processes"], port)
                return options
            pids.append(pid)
        print(json.dumps(followed(command, pids, pipe)), flush=True)
        os.close(pipe)
        Path(options["phases"]).unlink()
    sys.exit()


def begin(errors: str, rank: int, processes: int, port: int) -> None:
    """Make a forked process one that was started by itself, or by torchrun."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    out = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, to in ((0, nothing), (1, out), (2, out)):
        os.dup2(to, number)
    if processes > 1:
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes}
        told |= {"LOCAL_WORLD_SIZE": processes, "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": 1}
        os.environ |= {name: str(value) for name, value in told.items()}
        os.environ["MASTER_ADDR"] = "127.0.0.1"


def launched(options: dict[str, Any], errors: str) -> int:
    """Start a program as a user does; it starts its other processes itself."""
    with Path(errors).open("w") as file:
        process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    process.returncode = 0  # it is waited for below
    return process.pid


def followed(command: dict[str, Any], pids: list[int], pipe: int) -> dict[str, Any]:
    """Send the signals that are planned, wait for all, and say how each ended."""
    ended: dict[int, tuple[int, float]] = {}
    plan = command["plan"]
    phase, count, text, first, late = "", 0, b"", 0.0, False
    until = time.monotonic() + command["limit"]
    while len(ended) < len(pids):
        for pid in pids:
            found, status = (0, 0) if pid in ended else os.waitpid(pid, os.WNOHANG)
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status), time.monotonic()
        if time.monotonic() > until:
            late = True
            for pid in pids:
                send(pid, signal.SIGKILL, group=True)
        select.select([pipe], [], [], 0.005)
        with suppress(BlockingIOError):
            text += os.read(pipe, 2**16)
        *lines, text = text.split(b"\n")
        for line in lines:
            phase, rank, who = line.decode().split()
            if plan is None or (phase, int(rank)) != (plan["phase"], plan["rank"]):
                continue
            count += 1
            if count == plan["count"]:
                first = time.monotonic()
                for delay, number in plan["signals"]:
                    time.sleep(delay)
                    send(int(who), number, group=plan["group"])
    left = command["left"] and any(map(is_left, pids))
    return {
        "statuses": [ended[pid][0] for pid in pids],
        "seconds": max(at for _, at in ended.values()) - first if first else None,
        "errors": [
            Path(f"{command['phases']}-errors-{rank}").read_text() for rank in range(len(pids))
        ],
        "phase": phase,
        "late": late,
        "left": left,
    }


def send(pid: int, number: int, *, group: bool) -> None:
    """Send a signal to a process, or to all of its group as a terminal does."""
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(pid, number)


def is_left(group: int) -> bool:
    """Whether a process of a group is there, after those that were told to end had the time."""
    until = time.monotonic() + 20
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)
        return True
    return False


if __name__ == "__main__":
    train(json.loads(sys.argv[1]) if len(sys.argv) > 1 else commands())
