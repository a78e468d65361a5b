"""Losses of DTensors in two processes, and FSDP2, are those of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import lossary
from lossary.interop.dtensor import ShardedLoss
from lossary.spec import LossSpec
from two_processes import of_two_processes

from .share_of_dtensor import CASES, DIRECT, PLACED, SPECS, clip, logits, network, trained, whole


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[Any, Any]]:
    program = Path(__file__).with_name("share_of_dtensor.py")
    return of_two_processes(program, tmp_path_factory.mktemp("processes"), timeout=300)


def same(found: Any, wanted: Any) -> None:
    for got, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_loss_of_shards_is_that_of_the_whole_batch(spec: LossSpec, results: Any) -> None:
    """Five samples for two processes, some of weight zero."""
    for of_rank in results:
        same(of_rank[spec.name, "sharded"], whole(spec, 5, weighted=True))


@pytest.mark.parametrize("samples", [5, 6])
@pytest.mark.parametrize("spec", DIRECT, ids=lambda spec: spec.name)
def test_called_with_dtensors_a_loss_is_right_or_says_no(
    spec: LossSpec, samples: int, results: Any
) -> None:
    """Without ShardedLoss torch computes it, operation by operation."""
    for of_rank in results:
        found = of_rank[spec.name, samples]
        if isinstance(found, str):
            assert found.startswith(("RuntimeError: ", "NotImplementedError: ")), found
        else:
            same(found, whole(spec, samples, weighted=False))


def cross_entropy() -> tuple[torch.Tensor, torch.Tensor]:
    x, y, weight = logits()
    x.requires_grad_()
    value = lossary.cross_entropy(x, y, weight=weight)
    return value.detach(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("how", PLACED)
@pytest.mark.parametrize("way", ["placed", "placed, directly"])
def test_wherever_the_tensors_lie(way: str, how: str, results: Any) -> None:
    for of_rank in results:
        same(of_rank[way, how], cross_entropy())


@pytest.mark.parametrize("sizes", [(2, 1), (1, 2)])
def test_samples_and_classes_over_two_dimensions(sizes: tuple[int, int], results: Any) -> None:
    for of_rank in results:
        same(of_rank["placed, two dimensions", sizes], cross_entropy())


def test_class_sharded_with_loss_parallel(results: Any) -> None:
    for of_rank in results:
        same(of_rank["loss_parallel"], cross_entropy())


def test_a_parameter_of_the_loss(results: Any) -> None:
    loss = clip()
    x, *_ = logits()
    given = x.clone().requires_grad_()
    value = loss(given, x.sin())
    value.backward()
    for of_rank in results:
        same(of_rank["learned"], [value.detach(), loss.temperature.grad, given.grad])


@pytest.mark.parametrize("case", CASES)
def test_fsdp2_trains_as_one_process(case: str, results: Any) -> None:
    """Two and five samples of seven, one of weight zero."""
    wanted = trained(network(), CASES[case](), slice(None))
    for of_rank in results:
        same(of_rank["fsdp2", case], wanted)


def test_what_does_not_fit_is_said(results: Any) -> None:
    wanted = [
        "TypeError: ShardedLoss takes DTensors, got plain tensors: tensor 2. Make each a DTensor",
        "TypeError: ShardedLoss takes DTensors, got plain tensors: tensor 1, tensor 2.",
        "ValueError: ShardedLoss: all tensors must be on the same mesh, got",
        "ValueError: ShardedLoss: the samples must be sharded over one dimension of the mesh",
        "ValueError: cross_entropy: target must hold class indices from 0 to 5, got",
    ]
    for of_rank in results:
        for got, want in zip(of_rank["errors"], wanted, strict=True):
            assert got.startswith(want)


def test_the_loss_of_another_is_refused() -> None:
    with pytest.raises(TypeError, match="takes a loss of this library or a LossBase"):
        ShardedLoss(torch.nn.L1Loss())
