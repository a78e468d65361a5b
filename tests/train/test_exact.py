"""Training in several processes, or with accumulated batches, is that of one big batch."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from share_of_a_training import train

SCRIPT = Path(__file__).parents[1] / "share_of_a_training.py"
CASES = [
    "class weights and ignored labels",
    "one process has only ignored labels",
    "tokens",
    "a sum whose parts count differently",
    "parameters of the loss",
    "samples are compared",
    "a fused loss that compares samples",
    "regions of the whole batch",
    "the hardest units",
    "a head that is not always used",
    "a function",
    "a sum was asked for",
]


COMPARING = (
    "samples are compared",
    "a fused loss that compares samples",
    "regions of the whole batch",
    "the hardest units",
)
Jobs = list[tuple[str, dict[str, Any]]]


def started(
    jobs: Jobs, processes: int, out: Path, *, by: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Train in several processes, to the end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*(by or (sys.executable,)), str(SCRIPT), str(processes), str(out), json.dumps(jobs)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def trained(jobs: Jobs, processes: int, out: Path, *, by: tuple[str, ...] = ()) -> Path:
    done = started(jobs, processes, out, by=by)
    assert done.returncode == 0, done.stderr
    assert by or not done.stderr, "nothing went wrong, so nothing is said"
    left = [int(file.read_text()) for file in out.glob("threads-*")]
    assert len(left) > 1
    assert not any(left), "threads that the end of Python may abort have ended before"
    return out


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train every case in two processes, one after the other."""
    return trained([(case, {}) for case in CASES], 2, tmp_path_factory.mktemp("two"))


def of(case: str, out: Path) -> Path:
    return out / case.replace(" ", "-")


def same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10)


def same_parameters(path: Path, wanted: dict[str, Tensor]) -> None:
    same(load_file(path), wanted)


def told(path: Path) -> list[Any]:
    """Return what a process measured, without the time that it took."""
    found = json.loads(path.read_text())
    for record in found[0]:
        record.pop("seconds")
    return found


def same_numbers(found: Any, wanted: Any) -> None:
    assert found[1] == pytest.approx(wanted[1], rel=1e-9)
    for one, other in zip(found[0], wanted[0], strict=True):
        assert one == pytest.approx(other, rel=1e-9)
    torch.testing.assert_close(torch.tensor(found[2]), torch.tensor(wanted[2]))


def in_one_process(case: str, **options: Any) -> tuple[dict[str, Tensor], list[Any]]:
    model, found = train(case, 1, options)
    for record in found[0]:
        record.pop("seconds")
    return dict(model.wired.state_dict()), found


@pytest.mark.parametrize("case", CASES)
def test_two_processes_are_one_with_the_whole_batch(case: str, two: Path) -> None:
    """22 samples in batches of 4 of two processes: the last step has 6, and one process 2 of it."""
    wanted, measured = in_one_process(case, batch_size=8)
    for rank in (0, 1):
        same_parameters(of(case, two) / f"{rank}.safetensors", wanted)
        if case != "a function":  # whose mean over a batch of labels nobody else knows
            same_numbers(told(of(case, two) / f"{rank}.json"), measured)
    assert told(of(case, two) / "0.json") == told(of(case, two) / "1.json")


@pytest.mark.parametrize("case", [c for c in CASES if c not in COMPARING])
def test_accumulated_batches_are_the_whole_batch(case: str) -> None:
    wanted, measured = in_one_process(case, batch_size=8)
    found, told = in_one_process(case, batch_size=4, accumulate=2)
    same(found, wanted)
    same_numbers(told, measured)


@pytest.mark.parametrize("case", COMPARING)
def test_accumulated_samples_that_are_compared_are_warned_of(case: str) -> None:
    with pytest.warns(RuntimeWarning, match="only those of the same batch are compared"):
        in_one_process(case, accumulate=2)


def test_accumulated_in_three_processes(tmp_path: Path) -> None:
    """The last step has 4 batches for 3 processes, each of which takes two."""
    case = "a sum whose parts count differently"
    out = of(case, trained([(case, {"batch_size": 2, "accumulate": 3})], 3, tmp_path))
    wanted, measured = in_one_process(case, batch_size=18)
    same_parameters(out / "2.safetensors", wanted)
    same_numbers(told(out / "2.json"), measured)


SHARDED = ("class weights and ignored labels", "parameters of the loss")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"sharded": True, "accumulate": 2, "batch_size": 2, "clip_norm": 0.1}
    return trained([(case, options) for case in SHARDED], 2, tmp_path_factory.mktemp("sharded"))


@pytest.mark.parametrize("case", SHARDED)
def test_sharded_parameters_are_trained_alike(case: str, sharded: Path) -> None:
    wanted, measured = in_one_process(case, batch_size=8, clip_norm=0.1)
    same_parameters(of(case, sharded) / "model.safetensors", wanted)
    same_numbers(told(of(case, sharded) / "1.json"), measured)


TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")


def test_torchrun_may_start_the_processes(tmp_path: Path) -> None:
    out = trained([(CASES[0], {})], 1, tmp_path, by=TORCHRUN)
    wanted, _ = in_one_process(CASES[0], batch_size=8)
    same_parameters(of(CASES[0], out) / "1.safetensors", wanted)


def test_slurm_may_start_the_processes(tmp_path: Path) -> None:
    """With the variables that ``srun --ntasks=2`` sets."""
    told = {
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NAME": "train",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_STEP_NUM_TASKS": "2",
    }
    command = [sys.executable, str(SCRIPT), "1", str(tmp_path), json.dumps([(CASES[0], {})])]
    running = []
    for rank in ("0", "1"):
        place = {"SLURM_PROCID": rank, "SLURM_LOCALID": rank, "OMP_NUM_THREADS": "1"}
        running.append(subprocess.Popen(command, env={**os.environ, **told, **place}))
    assert [process.wait(120) for process in running] == [0, 0]
    wanted, _ = in_one_process(CASES[0], batch_size=8)
    same_parameters(of(CASES[0], tmp_path) / "1.safetensors", wanted)


def test_another_number_than_torchrun_started_is_refused(tmp_path: Path) -> None:
    done = started([(CASES[0], {})], 3, tmp_path, by=TORCHRUN)
    assert done.returncode != 0
    assert "processes=3, but 2 were started" in done.stderr
