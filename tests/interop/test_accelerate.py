"""Two real processes of Accelerate, with accumulation, give the step of the one big batch."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import lossary

pytest.importorskip("accelerate", reason='needs "lossary[accelerate]"')

from accelerate import Accelerator

from interop.share_of_accelerate import CASES, whole
from lossary.interop.accelerate import ExactMean

PAGE = Path(__file__).parents[2] / "docs" / "integrations" / "accelerate.md"


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("accelerate")
    program = Path(__file__).with_name("share_of_accelerate.py")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*start, program, "accelerate", folder], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_as_one_with_the_big_batch(case: str, shares: list[Any]) -> None:
    """A last step with fewer batches included; the losses of the steps are the true means."""
    want = whole(case)
    for found in shares:
        assert found[case].keys() == want.keys()
        for name, tensor in want.items():
            torch.testing.assert_close(found[case][name], tensor, rtol=0, atol=1e-10, msg=name)


def test_parts_that_divide_by_other_numbers_are_refused(shares: list[Any]) -> None:
    """By both processes, though each by itself has one ratio."""
    for found in shares:
        assert "the parts of the sum, ['a', 'b'], divide by [" in found["refused"]


def one(steps: int = 1) -> tuple[Accelerator, nn.Module, torch.optim.Optimizer]:
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=steps)
    model = nn.Linear(2, 3)
    return accelerator, model, torch.optim.SGD(model.parameters())


X, Y = torch.ones(4, 2), torch.tensor([0, 1, 2, 0])


def test_a_step_that_was_not_divided() -> None:
    accelerator, model, optimizer = one()
    exact = ExactMean(accelerator, lossary.CrossEntropyLoss())
    with pytest.raises(RuntimeError, match="the step goes on"):
        exact.divide(optimizer)
    with accelerator.accumulate(model):
        exact.backward(model(X), Y)
    with pytest.raises(RuntimeError, match="of the last step were not divided"):
        exact.backward(model(X), Y)


def test_a_step_that_goes_on() -> None:
    accelerator, model, optimizer = one(2)
    exact = ExactMean(accelerator, lossary.CrossEntropyLoss())
    with accelerator.accumulate(model):
        exact.backward(model(X), Y)
        with pytest.raises(RuntimeError, match="the step goes on"):
            exact.divide(optimizer)


def test_a_step_without_any_label_has_no_gradient() -> None:
    accelerator, model, optimizer = one()
    exact = ExactMean(accelerator, lossary.CrossEntropyLoss())
    with accelerator.accumulate(model):
        exact.backward(model(X), torch.full((4,), -100))
        assert exact.divide(optimizer).mean() == 0
    assert all((p.grad == 0).all() for p in model.parameters())


def test_weights_are_counted() -> None:
    accelerator, model, optimizer = one()
    exact = ExactMean(accelerator, lossary.CrossEntropyLoss())
    weight = torch.tensor([1.0, 0.0, 2.0, 0.5])
    with accelerator.accumulate(model):
        exact.backward(model(X), Y, weight=weight)
        done = exact.divide(optimizer)
    want = lossary.cross_entropy(model(X), Y, weight=weight)
    torch.testing.assert_close(done.mean(), want.detach())
    torch.testing.assert_close(
        [p.grad for p in model.parameters()], list(torch.autograd.grad(want, model.parameters()))
    )


def test_a_loss_that_compares_samples_is_warned_of() -> None:
    for steps in (1, 2):
        accelerator, model, _ = one(steps)
        exact = ExactMean(accelerator, lossary.SupervisedContrastiveLoss())
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            with accelerator.accumulate(model):
                exact.backward(model(X + torch.randn(4, 2)), Y)
        assert ["compares the samples" in str(each.message) for each in found] == [True] * (
            steps - 1
        )


def test_engines_that_keep_their_gradients() -> None:
    class Deep:
        distributed_type = "DEEPSPEED"

    with pytest.raises(ValueError, match="DEEPSPEED keeps them to itself"):
        ExactMean(Deep(), lossary.L1Loss())  # type: ignore[arg-type]  # stands for an accelerator


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    exec(compile(program, PAGE.name, "exec"), {"__name__": "page"})
