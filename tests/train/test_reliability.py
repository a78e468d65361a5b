"""A training that is killed, interrupted, damaged or fed with nan ends as if nothing had been.

``make soak`` runs all of it, many times, and docs/reliability.md has the figures.
"""

import csv
import functools
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lossary.train import (
    Batches,
    Callback,
    EarlyStopping,
    Model,
    ModelCheckpoint,
    NonFiniteLossError,
    Run,
    Skip,
    load_batch,
)
from lossary.train.checkpoint import newest_checkpoint
from lossary.train.state import flatten

SOAK = "LOSSARY_SOAK" in os.environ  # `make soak`
EVERYTHING = SOAK or "LOSSARY_ALL" in os.environ
PROGRAM = Path(__file__).with_name("killed_training.py")
KILLED = -signal.SIGKILL


class Trainings:
    """Starts trainings in processes of their own, and kills them as planned."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.number = directory, 0
        self.wanted: dict[str, tuple[Path, Any]] = {}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore:This DataLoader will create", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def new(self) -> Path:
        """Return a new directory."""
        self.number += 1
        place = self.directory / str(self.number)
        place.mkdir()
        return place

    def run(
        self,
        directory: Path,
        *,
        kill: dict[str, Any] | None = None,
        processes: int = 1,
        launch: bool = False,
        left: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """Train, and return how it ended."""
        self.number += 1
        plan = {"rank": 0, "count": 1, "group": False, "signals": [[0, signal.SIGKILL]]}
        command = {
            "options": {"data": "memory", **options, "directory": str(directory)},
            "phases": str(self.directory / f"phases-{self.number}"),
            "processes": processes,
            "launch": launch,
            "plan": kill and {**plan, **kill},
            "left": left,
            "limit": 120,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert not found["late"], f"it did not end: {found}"
        return found

    def whole(self, directory: Path, **options: Any) -> str:
        """Train to the end, and return what was said on the way."""
        found = self.run(directory, **options)
        assert set(found["statuses"]) == {0}, "\n".join(found["errors"])
        return str(found["errors"][0])

    def uninterrupted(self, **options: Any) -> Any:
        """Return what a training ends with if nothing happens to it."""
        return self.undisturbed(**options)[1]

    def undisturbed(self, **options: Any) -> tuple[Path, Any]:
        """Return where it is, too."""
        name = json.dumps({"data": "memory", **options}, sort_keys=True)
        if name not in self.wanted:
            directory = self.new()
            assert self.whole(directory, **options) == ""
            self.wanted[name] = directory, outcome(directory)
        return self.wanted[name]


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    made = Trainings(tmp_path_factory.mktemp("trainings"))
    yield made
    assert made.process.stdin is not None
    assert made.process.stdout is not None
    made.process.stdin.close()
    assert made.process.wait(60) == 0
    made.process.stdout.close()


def outcome(directory: Path) -> dict[str, Any]:
    """Return all that a training leaves, but the time that it took."""
    found = newest_checkpoint(directory / "checkpoints")
    assert found is not None
    path, state, skipped = found
    assert skipped == []
    del state["seconds"]
    for record in state["history"]:
        del record["seconds"]
    document, tensors = flatten(state)
    with (directory / "log-epochs.csv").open(newline="") as file:
        records = [{n: v for n, v in r.items() if n != "seconds"} for r in csv.DictReader(file)]
    return {
        "checkpoint": path.name,
        "state": document,
        "tensors": {name: (t.dtype, t.numpy().tobytes()) for name, t in tensors.items()},
        "steps": (directory / "log.csv").read_text(),
        "epochs": records,
        "model": (directory / "model.safetensors").read_bytes(),
        "best": (directory / "checkpoints" / "best.json").read_text(),
        "told": [path.read_text() for path in sorted(directory.glob("?.json"))],
    }


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Assert that two trainings ended alike, to the last bit."""
    for name, value in wanted.items():
        assert found[name] == value, name


def points(number: int) -> Iterator[dict[str, Any]]:
    """Yield moments at which to kill, in turn in a step, a save and an evaluation."""
    chance = random.Random(number)
    turns = (("step", 8, 0.015), ("save", 3, 0.005), ("evaluation", 1, 0.004))
    for place in range(number):
        phase, most, seconds = turns[place % 3]
        yield {
            "phase": phase,
            "count": chance.randint(1, most),
            "signals": [[chance.uniform(0, seconds), signal.SIGKILL]],
        }


PHASES = {"save": "while saving", "evaluation": "while evaluating"}


@pytest.mark.parametrize("data", ["memory", "augmented", "workers"])
def test_killed_again_and_again(data: str, trainings: Trainings, record_property: Any) -> None:
    """In steps, saves and evaluations, and resumed until it ends."""
    if data != "workers" and not EVERYTHING:
        pytest.skip("LOSSARY_ALL kills these too")
    wanted = trainings.uninterrupted(data=data)
    todo, kills = list(points(18 if SOAK else 3)), 0
    while todo:
        directory = trainings.new()
        for point in todo[:5]:
            found = trainings.run(directory, data=data, kill=point)
            if found["statuses"] == [KILLED]:
                todo.remove(point)
                kills += 1
                record_property(PHASES.get(found["phase"], "in a step"), 1)
            else:  # it came to its end before
                break
        trainings.whole(directory, data=data)
        same(outcome(directory), wanted)
    assert kills == (18 if SOAK else 3)


@pytest.mark.parametrize(
    ("number", "data", "status"),
    [
        (signal.SIGTERM, "memory", 128 + signal.SIGTERM),
        (signal.SIGINT, "workers", -signal.SIGINT),
    ],
    ids=["SIGTERM", "Ctrl-C"],
)
def test_a_signal_saves_after_the_step(
    number: int, data: str, status: int, trainings: Trainings
) -> None:
    """Ctrl-C in a terminal reaches the worker processes too."""
    directory = trainings.new()
    at = {"phase": "step", "count": 4, "signals": [[0.0, number]], "group": True}
    found = trainings.run(directory, data=data, kill=at, left=True)
    assert found["statuses"] == [status], found["errors"]
    assert not found["left"]
    assert ("KeyboardInterrupt" in found["errors"][0]) == (number == signal.SIGINT)
    assert ("Traceback" in found["errors"][0]) == (number == signal.SIGINT)
    saved = newest_checkpoint(directory / "checkpoints")
    assert saved is not None
    steps = (directory / "log.csv").read_text().splitlines()
    assert len(steps) - 1 == saved[1]["total_steps"] >= 4, "saved, with the last step of all"
    said = trainings.whole(directory, data=data)
    assert f"resumed after epoch 1, step {saved[1]['step']}, from {saved[0]}" in said
    same(outcome(directory), trainings.uninterrupted(data=data))


def test_the_second_ctrl_c_does_not_wait(trainings: Trainings) -> None:
    """Not even for a worker that hangs."""
    directory = trainings.new()
    at = {"phase": "step", "signals": [[0.0, signal.SIGINT], [1.0, signal.SIGINT]], "group": True}
    found = trainings.run(directory, data="workers", hang=30, kill=at, left=True)
    assert found["statuses"] == [-signal.SIGINT], found["errors"]
    assert not found["left"]
    assert found["errors"][0].rstrip().endswith("KeyboardInterrupt")


class Signals(Dataset[Tensor]):
    """Samples that say whether their reader leaves the signals of the terminal to others."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Tensor:
        numbers = (signal.SIGINT, signal.SIGTERM)
        return torch.tensor([signal.getsignal(number) is signal.SIG_IGN for number in numbers])


def test_workers_leave_signals_to_the_training() -> None:
    """Ctrl-C reaches all processes of a terminal, but the last step needs its batch."""
    loader = DataLoader(Signals(), 2, num_workers=1)
    [[batch]] = Batches(loader, batch_size=2, shuffle=False, seed=0).windows(1)
    assert batch.columns[0].all()


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As Ctrl-C is for a program in the background."""

    class Interrupt(Callback):
        def on_step_end(self, run: Run) -> None:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        history = train(model(), (X, Y), callbacks=[Interrupt(), ModelCheckpoint(tmp_path)])
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(history) == 1


@pytest.mark.parametrize("epoch", [1, 3] if EVERYTHING else [3])
def test_a_signal_in_an_evaluation_ends_after_the_epoch(epoch: int, trainings: Trainings) -> None:
    """In the last one, too: the program that trained was told to end."""
    directory, at = trainings.new(), {"terminate in evaluation": epoch}
    found = trainings.run(directory, at=at)
    assert found["statuses"] == [128 + signal.SIGTERM], found["errors"]
    saved = newest_checkpoint(directory / "checkpoints")
    assert saved is not None
    assert (saved[1]["epoch"], len(saved[1]["history"])) == (epoch, epoch)
    trainings.whole(directory)
    same(outcome(directory), trainings.uninterrupted())


@pytest.fixture(scope="module")
def broken_off(trainings: Trainings) -> Path:
    """Return the directory of a training that was killed in the middle, with two checkpoints."""
    directory = trainings.new()
    found = trainings.run(directory, kill={"phase": "step", "count": 17})
    assert found["statuses"] == [KILLED]
    return directory


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "truncated": (
        lambda p: os.truncate(p / "tensors.safetensors", 5000),
        "it has 5000 bytes, not the",
    ),
    "a bit flipped": (lambda p: flipped(p / "tensors.safetensors"), "its SHA-256 differs"),
    "deleted": (shutil.rmtree, None),
    "a bit of the state flipped": (lambda p: flipped(p / "state.json"), "its SHA-256 differs"),
    "manifest gone": (lambda p: (p / "manifest.json").unlink(), "manifest.json: No such file"),
}


@pytest.mark.parametrize("how", list(DAMAGES) if EVERYTHING else list(DAMAGES)[:3])
def test_the_newest_checkpoint_is_damaged(how: str, broken_off: Path, trainings: Trainings) -> None:
    damage, said = DAMAGES[how]
    directory = trainings.new()
    shutil.copytree(broken_off, directory, dirs_exist_ok=True)
    *_, before, newest = sorted((directory / "checkpoints").glob("step-*"))
    damage(newest)
    told = trainings.whole(directory)
    assert ("is damaged" in told) == (said is not None)
    assert said is None or (f"{newest} is damaged" in told and said in told)
    assert f", from {before}\n" in told
    same(outcome(directory), trainings.uninterrupted())


def test_no_checkpoint_is_whole(broken_off: Path, trainings: Trainings) -> None:
    """Then nothing is begun anew by itself: that is for its owner to say."""
    directory = trainings.new()
    shutil.copytree(broken_off, directory, dirs_exist_ok=True)
    for path in (directory / "checkpoints").glob("step-*/state.json"):
        flipped(path)
    found = trainings.run(directory)
    assert found["statuses"] == [1]
    assert "DamagedCheckpointError: no checkpoint in" in found["errors"][0]
    trainings.whole(directory, resume=None)
    same(outcome(directory), trainings.uninterrupted())


def test_a_limit_of_the_size_of_files_while_training(trainings: Trainings) -> None:
    directory = trainings.new()
    found = trainings.run(directory, at={"limit": 14})
    assert found["statuses"] == [1]
    assert "CheckpointError: could not save the checkpoint" in found["errors"][0]
    assert "step-00000015: File too large; the checkpoints before it" in found["errors"][0]
    names = sorted(path.name for path in (directory / "checkpoints").iterdir())
    assert names == ["best.json", "step-00000009", "step-00000011", "step-00000012"]
    assert "resumed after epoch 2, step 1" in trainings.whole(directory)
    same(outcome(directory), trainings.uninterrupted())


def test_a_full_disk_while_training(small_disk: Path, trainings: Trainings) -> None:
    found = trainings.run(small_disk, at={"fill": 14})
    assert found["statuses"] == [1]
    message = found["errors"][0]
    # the rows of the log need the disk as well, and may come to its end first
    assert "No space left on device" in message or "its disk has 0 free" in message, message
    saved = newest_checkpoint(small_disk / "checkpoints")
    assert saved is not None
    assert (saved[0].name, saved[2]) == ("step-00000012", [])
    (small_disk / "filler").unlink()
    trainings.whole(small_disk)
    same(outcome(small_disk), trainings.uninterrupted())


TWO: dict[str, Any] = {"processes": 2, "epochs": 2}
KILLS = [
    (rank, phase, count)
    for rank in (0, 1)
    for phase, count in (("step", 7), ("step", 11), ("evaluation", 1), ("save", 3))
    if rank == 0 or phase != "save"  # only the first process writes
]
SLICE = [(1, "step", 7)]


@pytest.mark.parametrize(("rank", "phase", "count"), KILLS if EVERYTHING else SLICE)
def test_one_of_two_processes_is_killed(
    rank: int, phase: str, count: int, trainings: Trainings, record_property: Any
) -> None:
    directory = trainings.new()
    at = {"phase": phase, "count": count, "rank": rank}
    found = trainings.run(directory, **TWO, kill=at, left=True)
    wanted = [KILLED, 1] if rank == 0 else [1, KILLED]
    assert found["statuses"] == wanted, found["errors"]
    assert "ProcessError: another process of this training is gone" in found["errors"][1 - rank]
    assert found["seconds"] < 30
    assert not found["left"]
    record_property("seconds", found["seconds"])
    trainings.whole(directory, **TWO)
    same(outcome(directory), trainings.uninterrupted(**TWO))


@pytest.mark.skipif(not EVERYTHING, reason="LOSSARY_ALL waits for the imports of new processes")
@pytest.mark.parametrize("rank", [0, 1])
def test_one_of_two_processes_that_the_program_started_is_killed(
    rank: int, trainings: Trainings, record_property: Any
) -> None:
    directory = trainings.new()
    at = {"phase": "step", "count": 3, "rank": rank}
    found = trainings.run(directory, launch=True, script=2, epochs=2, kill=at, left=True)
    assert found["statuses"] == ([KILLED] if rank == 0 else [1]), found["errors"]
    assert "ProcessError: another process of this training is gone" in found["errors"][0]
    assert found["seconds"] < 30
    assert not found["left"]
    record_property("seconds", found["seconds"])


@pytest.mark.skipif(not EVERYTHING, reason="LOSSARY_ALL waits for the imports of new processes")
def test_a_process_that_does_not_find_out_is_ended(
    trainings: Trainings, record_property: Any
) -> None:
    """It sleeps, as one that waits for others in a place where no error reaches it."""
    at = {"phase": "step", "count": 3, "rank": 1}
    options = {"script": 2, "epochs": 2, "at": {"sleep": 3}}
    found = trainings.run(trainings.new(), launch=True, kill=at, left=True, **options)
    assert found["statuses"] == [KILLED], found["errors"]
    assert "of this training ended with -9, and this one waited for it 15" in found["errors"][0]
    assert found["seconds"] < 30
    assert not found["left"]
    record_property("seconds", found["seconds"])


def test_another_number_of_processes_goes_on(trainings: Trainings) -> None:
    directory = trainings.new()
    found = trainings.run(directory, elastic=True, **TWO, kill={"phase": "step", "count": 9})
    assert KILLED in found["statuses"]
    trainings.whole(directory, elastic=True, accumulate=2, epochs=2)
    close(outcome(directory), trainings.uninterrupted(elastic=True, **TWO))


def close(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Assert that two trainings ended alike, but for the rounding of double precision."""
    numbers = [
        {
            name: torch.frombuffer(bytearray(content), dtype=dtype)
            for name, (dtype, content) in each["tensors"].items()
            if not name.startswith("random.")  # those of each process
        }
        for each in (found, wanted)
    ]
    assert any(values.dtype == torch.float64 for values in numbers[1].values())
    torch.testing.assert_close(numbers[0], numbers[1], rtol=1e-10, atol=1e-10)
    for one, other in zip(found["epochs"], wanted["epochs"], strict=True):
        rows = [{n: float(v) for n, v in row.items()} for row in (one, other)]
        assert rows[0] == pytest.approx(rows[1], rel=1e-9)


@pytest.mark.skipif(not EVERYTHING, reason="LOSSARY_ALL trains these processes too")
def test_nan_in_one_of_two_processes_is_left_out_by_both(trainings: Trainings) -> None:
    """As one process does that accumulates the same batches."""
    options = {"elastic": True, "ill": 20, "on_nonfinite": "skip"}
    found = []
    for how in ({"processes": 2}, {"accumulate": 2}):
        directory = trainings.new()
        said = trainings.whole(directory, **options, **how)
        assert "this step was not taken" in said or how == {"processes": 2}
        found.append(outcome(directory))
    close(*found)
    assert {row["skipped"] for row in found[0]["epochs"]} == {"1"}


def test_a_signal_to_one_of_two_processes_ends_both(trainings: Trainings) -> None:
    """After they told each other whether to go on, so that only the next step tells the other."""
    directory = trainings.new()
    found = trainings.run(directory, **TWO, at={"terminate": 7}, left=True)
    assert found["statuses"] == [128 + signal.SIGTERM] * 2, found["errors"]
    assert not found["left"]
    saved = newest_checkpoint(directory / "checkpoints")
    assert saved is not None
    assert saved[1]["total_steps"] == 8
    trainings.whole(directory, **TWO)
    same(outcome(directory), trainings.uninterrupted(**TWO))


def test_all_processes_evaluate_the_same_network(trainings: Trainings) -> None:
    """The statistics of batch normalisation are those of the first process, which are saved."""
    directory, measured_in = trainings.undisturbed(**TWO)[0], trainings.new()
    trainings.whole(measured_in, measure=str(directory / "model.safetensors"))
    wanted = json.loads((measured_in / "measured.json").read_text())
    for rank in (0, 1):
        history, measured = json.loads((directory / f"{rank}.json").read_text())
        assert measured == pytest.approx(wanted, rel=1e-6)
        assert history[-1]["valid_loss"] == pytest.approx(wanted["loss"], rel=1e-6)


X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, :1] - X[:, 1:2]).contiguous()
ILL = 9  # the sample that is not finite, in the third of five batches


class Root(nn.Module):
    """The square root of a distance, whose slope at 0 is infinite."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # a target of 7 stands for what the output is already, and one of 8 for 0 / 0
        goal = torch.where(target == 7, output.detach(), target)
        value = (output - goal).square().sum(1).add(1e-3 * (target != 7).float()[:, 0]).sqrt()
        return (value + torch.where(target == 8, math.nan, 0.0)[:, 0]).mean()


def ill(place: str) -> tuple[Tensor, Tensor]:
    """Return data of which one sample makes something nan or infinite."""
    x, y = X.clone(), Y.clone()
    if place == "data":
        x[ILL, 1] = math.nan
    y[ILL] = {"data": y[ILL].item(), "loss": 8.0, "gradient": 7.0}[place]
    return x, y


def model() -> Model:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1))
    return Model(network, Root(), functools.partial(torch.optim.Adam, lr=0.1))


def train(
    made: Model, data: tuple[Tensor, Tensor], epochs: int = 1, **options: Any
) -> list[dict[str, float]]:
    options = {"batch_size": 4, "shuffle": False, "progress": False, **options}
    scheduler = functools.partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.7)
    return made.train(epochs, data, scheduler=scheduler, scheduler_interval="step", **options)


def weights(made: Model) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in made.wired.state_dict().items()}


def alike(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name


PLACES = ["data", "loss", "gradient"]


@pytest.mark.parametrize("place", PLACES)
def test_nan_stops_before_the_step(place: str, tmp_path: Path) -> None:
    before, made = model(), model()
    train(before, (X[:8], Y[:8]))
    with pytest.raises(NonFiniteLossError) as error:
        train(made, ill(place), callbacks=[ModelCheckpoint(tmp_path, every_steps=1)])
    alike(weights(made), weights(before))
    report = error.value.report
    assert report is not None
    assert (report.epoch, report.step, report.samples) == (1, 3, (8, 9, 10, 11))
    assert report.what.startswith("the gradient of " if place == "gradient" else "the loss")
    assert report.file is not None
    columns = load_batch(report.file)
    for column, whole in zip(columns, ill(place), strict=True):
        torch.testing.assert_close(column, whole[8:12], rtol=0, atol=0, equal_nan=True)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["total_steps"] == 2
    # with repaired data the same call goes on where it stopped
    whole, resumed = model(), model()
    train(whole, (X, Y))
    train(resumed, (X, Y), callbacks=[ModelCheckpoint(tmp_path, every_steps=1)])
    alike(weights(resumed), weights(whole))


@pytest.mark.parametrize("policy", ["skip", "report"])
@pytest.mark.parametrize("place", PLACES)
def test_a_window_with_nan_is_as_if_it_were_not_there(place: str, policy: Any) -> None:
    """Statistics of batch normalisation and the learning rate included."""
    without, made = model(), model()
    there = torch.cat([torch.arange(8), torch.arange(12, 20)])
    wanted = train(without, (X[there], Y[there]), 2)
    with pytest.warns(RuntimeWarning, match="this step was not taken") as warned:
        found = train(made, ill(place), 2, on_nonfinite=policy)
    assert len(warned) == 2, "one for each epoch"
    alike(weights(made), weights(without))
    assert [r["loss"] for r in found] == [r["loss"] for r in wanted]
    assert [r["skipped"] for r in found] == [1, 1]


def test_the_budget_holds_over_a_resume(tmp_path: Path) -> None:
    """Two are left out, one before the training stops and one after; the third ends it."""
    data, policy = ill("loss"), Skip(budget=2)
    with pytest.warns(RuntimeWarning, match="1 so far, the budget is 2"):
        train(model(), data, 1, callbacks=[ModelCheckpoint(tmp_path)], on_nonfinite=policy)
    with (
        pytest.warns(RuntimeWarning, match="2 so far, the budget is 2"),
        pytest.raises(NonFiniteLossError, match="the budget of 2 such steps is spent, by epoch 1"),
    ):
        train(model(), data, 3, callbacks=[ModelCheckpoint(tmp_path)], on_nonfinite=policy)


def test_a_metric_that_is_nan_is_never_the_best(tmp_path: Path) -> None:
    """Neither the first value nor a later one, whether less or more is better."""
    values = iter([math.nan, 2.0, math.nan, 1.0, math.nan, math.nan])
    made = model()
    made.metrics["odd"] = lambda output, target: next(values)
    saver = ModelCheckpoint(tmp_path, monitor="valid_odd", mode="max")
    stopping = EarlyStopping("valid_odd", patience=3, mode="max")
    history = train(made, (X, Y), 6, callbacks=[saver, stopping], valid=(X, Y))
    assert (stopping.best, stopping.best_epoch) == (2.0, 2)
    assert len(history) == 6
    assert saver.best == tmp_path / "step-00000010"
    assert json.loads((tmp_path / "best.json").read_text())["value"] == 2.0
    found = newest_checkpoint(tmp_path)
    assert found is not None
    resumed = [dict(record, seconds=0) for record in found[1]["history"]]
    assert str(resumed) == str([dict(record, seconds=0) for record in history])


def test_a_metric_that_is_always_nan_stops_and_saves_all_the_same(tmp_path: Path) -> None:
    made = model()
    made.metrics["odd"] = lambda output, target: math.nan
    saver = ModelCheckpoint(tmp_path, monitor="valid_odd")
    stopping = EarlyStopping("valid_odd", patience=2)
    history = train(made, (X, Y), 9, callbacks=[saver, stopping], valid=(X, Y))
    assert (stopping.best, saver.best, len(history)) == (None, None, 3)
    assert not (tmp_path / "best.json").exists()
    assert newest_checkpoint(tmp_path) is not None


class Stop(Callback):
    """Stops in the middle of an epoch, and may fail after the next step."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails

    def on_step_end(self, run: Run) -> None:
        if run.total_steps == 2:
            run.stop()
        if run.total_steps == 3 and self.fails:
            raise OSError("pulled the plug")


def test_an_epoch_that_is_the_last_is_trained_to_its_end_after_a_resume(tmp_path: Path) -> None:
    whole, made = model(), model()
    train(whole, (X, Y), 4, callbacks=[Stop(fails=False)])
    with pytest.raises(OSError, match="pulled the plug"):
        train(made, (X, Y), 4, callbacks=[Stop(fails=True), ModelCheckpoint(tmp_path, 1)])
    resumed = model()
    history = train(resumed, (X, Y), 4, callbacks=[Stop(fails=False), ModelCheckpoint(tmp_path, 1)])
    assert len(history) == 1
    alike(weights(resumed), weights(whole))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"batch_size": 5}, "begun with batch_size=4, not 5"),
        ({"shuffle": True}, "begun with shuffle=False, not True"),
        ({"seed": 3}, "begun with seed=0, not 3"),
        ({"accumulate": 2}, r"begun with accumulate \* processes=1, not 2"),
    ],
)
def test_other_settings_are_refused_by_name(
    other: dict[str, Any], message: str, tmp_path: Path
) -> None:
    train(model(), (X, Y), 1, callbacks=[ModelCheckpoint(tmp_path)])
    made = model()
    before = weights(made)
    with pytest.raises(ValueError, match=message + ".*: give the same, or resume=None"):
        train(made, (X, Y), 2, callbacks=[ModelCheckpoint(tmp_path)], **other)
    alike(weights(made), before)


def test_a_used_directory_is_not_begun_anew(tmp_path: Path) -> None:
    train(model(), (X, Y), 1, callbacks=[ModelCheckpoint(tmp_path)])
    with pytest.raises(ValueError, match="has step-00000005, of a later step than this training"):
        train(model(), (X, Y), 1, callbacks=[ModelCheckpoint(tmp_path)], resume=None)


def test_a_finished_training_is_not_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted, again = model(), model()
    history = train(wanted, (X, Y), 2, callbacks=[ModelCheckpoint(tmp_path)])
    found = train(again, (X, Y), 2, callbacks=[ModelCheckpoint(tmp_path)])
    assert found == history
    alike(weights(again), weights(wanted))
    said = capsys.readouterr().err
    assert "resumed after epoch 2, step 5" in said
    assert "it has all of its 2 epochs: nothing is left to do" in said
    # and more epochs are those of a training that had as many from the beginning
    longer, whole = model(), model()
    train(longer, (X, Y), 4, callbacks=[ModelCheckpoint(tmp_path)])
    train(whole, (X, Y), 4)
    alike(weights(longer), weights(whole))
