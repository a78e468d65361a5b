"""Two processes that compare their samples give value and gradient of the one big batch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

import lossary
from lossary.processes import AcrossProcesses
from lossary.spec import LossSpec
from share_of_a_comparison import COMPARING, SIZES, losses, network, of_catalog, step
from two_processes import of_two_processes

NAMES = list(losses())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[Any, Any]]:
    program = Path(__file__).with_name("share_of_a_comparison.py")
    return of_two_processes(program, tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("at_once", [1 << 20, 14])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_two_processes_is_that_of_one(name, weighted, at_once, results) -> None:
    first, second = (of_rank[name, weighted, at_once] for of_rank in results)
    value, *gradients, of_all = step(name, network(), losses()[name][0], slice(None), weighted)
    for found in (first, second):
        for got, want in zip(found[:-1], [value, *gradients], strict=True):
            torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)
    together = torch.cat([first[-1], second[-1]])
    torch.testing.assert_close(together, of_all, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("spec", COMPARING, ids=lambda spec: spec.name)
def test_every_loss_that_compares_samples(spec: LossSpec, results) -> None:
    value, gradient = of_catalog(spec, slice(None), across=False)
    (one, first), (other, second) = (of_rank[spec.name] for of_rank in results)
    for found in (one, other):
        torch.testing.assert_close(found, value, rtol=1e-10, atol=1e-12)
    together = torch.cat([first, second]) / len(SIZES)
    torch.testing.assert_close(together, gradient, rtol=1e-10, atol=1e-12)


def test_a_process_may_have_no_samples(results) -> None:
    want = step("SupCon", network(), losses()["SupCon"][0], slice(None), True)[0]
    for found in results:
        torch.testing.assert_close(found["empty"], want, rtol=1e-10, atol=0)


def test_there_may_be_one_sample_in_all(results) -> None:
    """Whose row of bytes holds tensors of several dtypes."""
    for found in results:
        assert found["one"] == 0


def test_shapes_that_differ_are_named(results) -> None:
    for found in results:
        assert "AcrossProcesses: samples must have the same shapes and dtypes" in found["error"]


def test_half_precision_and_masks(results) -> None:
    x = torch.ones(4, 3)
    weight = torch.tensor([True, False, True, True])
    want = lossary.info_nce_loss(x, x, weight=weight, reduction="parts")
    for found in results:
        torch.testing.assert_close(found["half"], want)


def test_in_one_process_it_is_the_loss_itself() -> None:
    x, y = torch.randn(5, 3), torch.randn(5, 3)
    loss = AcrossProcesses(lossary.InfoNCELoss())
    assert loss(x, y) == lossary.info_nce_loss(x, y)
    assert copy.deepcopy(loss)(x, y) == loss(x, y)
    assert (2 * loss)(x, y) == 2 * loss(x, y)


def test_what_needs_no_company_does_not_travel() -> None:
    assert not AcrossProcesses(lossary.HuberLoss()).gather
    assert AcrossProcesses(lossary.HuberLoss(), gather=True).gather
    assert AcrossProcesses(lossary.CLIPLoss()).gather


def test_what_it_refuses() -> None:
    with pytest.raises(TypeError, match="AcrossProcesses takes a loss of this library or a Loss"):
        AcrossProcesses(torch.nn.L1Loss())
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match='AcrossProcesses gives "mean", "sum" and "parts"'):
        AcrossProcesses(lossary.InfoNCELoss(reduction="none"))(x, x)
