"""Parts add over processes: two of them give the value and the gradient of the one big batch."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lossary.check import subject_of
from lossary.spec import LossSpec
from share_of_a_batch import ADDITIVE, batch, share


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, tuple[Tensor, Tensor]]]:
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(__file__).with_name("share_of_a_batch.py")
    processes = [
        subprocess.Popen([sys.executable, program, str(rank), str(port), str(folder)])
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("spec", ADDITIVE, ids=lambda spec: spec.name)
def test_two_processes_equal_one(spec: LossSpec, results) -> None:
    total, weight, gradient = share(spec, slice(None))
    (mean, first), (same, rest) = (of_rank[spec.name] for of_rank in results)
    assert mean == same
    torch.testing.assert_close(mean, total / weight)
    (along, *_) = subject_of(spec).batch_dims(batch(spec)[0])
    torch.testing.assert_close(torch.cat([first, rest], along), gradient / weight)
