"""Parts add over processes: two of them give the value and the gradient of the one big batch."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lossary.check import subject_of
from lossary.spec import LossSpec
from share_of_a_batch import ADDITIVE, batch, share
from two_processes import of_two_processes


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, tuple[Tensor, Tensor]]]:
    program = Path(__file__).with_name("share_of_a_batch.py")
    return of_two_processes(program, tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("spec", ADDITIVE, ids=lambda spec: spec.name)
def test_two_processes_equal_one(spec: LossSpec, results) -> None:
    total, weight, gradient = share(spec, slice(None))
    (mean, first), (same, rest) = (of_rank[spec.name] for of_rank in results)
    assert mean == same
    torch.testing.assert_close(mean, total / weight)
    (along, *_) = subject_of(spec).batch_dims(batch(spec)[0])
    torch.testing.assert_close(torch.cat([first, rest], along), gradient / weight)
