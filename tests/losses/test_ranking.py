"""Padding of lists, and lists that say nothing."""

import pytest
import torch

from lossary import catalog
from lossary.spec import LossSpec

LISTS = [
    spec
    for spec in catalog()
    if spec.family == "ranking" and spec.signature.text == "real N L, real N L -> N"
]
OF_GAINS = ("approx_ndcg_loss", "lambda_loss", "neural_ndcg_loss")


def test_there_are_losses_of_lists() -> None:
    assert len(LISTS) >= 8


@pytest.mark.parametrize("padding", [0.0, 1e4, torch.inf, torch.nan])
@pytest.mark.parametrize("spec", LISTS, ids=lambda spec: spec.name)
def test_padding_is_as_if_cut_off(spec: LossSpec, padding: float) -> None:
    scores, relevance = torch.tensor([[0.3, -1.0, 2.0]]), torch.tensor([[2.0, 0.0, 1.0]])
    longer = torch.tensor([[padding, 0.3, -1.0, padding, 2.0]], requires_grad=True)
    for mark in (-1.0, torch.nan):
        padded = torch.tensor([[mark, 2.0, 0.0, mark, 1.0]])
        loss = spec.function(longer, padded)
        torch.testing.assert_close(loss, spec.function(scores, relevance))
        (slope,) = torch.autograd.grad(loss, longer)
        assert slope.isfinite().all()
        assert not slope[0, [0, 3]].any()


@pytest.mark.parametrize("spec", LISTS, ids=lambda spec: spec.name)
def test_a_list_of_nothing_but_padding_weighs_nothing(spec: LossSpec) -> None:
    scores = torch.tensor([[0.3, -1.0, 2.0], [1.0, 0.0, 5.0]], requires_grad=True)
    relevance = torch.tensor([[2.0, 0.0, 1.0], [-1.0, -1.0, -1.0]])
    loss = spec.function(scores, relevance)
    torch.testing.assert_close(loss, spec.function(scores[:1], relevance[:1]))
    (slope,) = torch.autograd.grad(loss, scores)
    assert slope.isfinite().all()
    assert not slope[1].any()


@pytest.mark.parametrize("spec", LISTS, ids=lambda spec: spec.name)
def test_a_list_without_relevant_items_has_no_ndcg(spec: LossSpec) -> None:
    scores, relevance = torch.tensor([[0.3, -1.0]]), torch.zeros(1, 2)
    total, weight = spec.function(scores, relevance, reduction="parts")
    assert (weight == 0) == (spec.name in OF_GAINS)
    assert total == 0 or spec.name in ("listnet_loss", "listmle_loss")


@pytest.mark.parametrize("spec", LISTS, ids=lambda spec: spec.name)
def test_the_true_order_costs_less_than_its_reverse(spec: LossSpec) -> None:
    relevance = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    assert spec.function(2 * relevance, relevance) < spec.function(-2 * relevance, relevance)


@pytest.mark.parametrize("name", OF_GAINS)
def test_relevances_whose_powers_overflow_are_shares(name: str) -> None:
    """2^r is counted in units of the largest: only differences of large relevances matter."""
    (spec,) = (spec for spec in LISTS if spec.name == name)
    scores, relevance = torch.tensor([[0.3, -1.0, 2.0]]), torch.tensor([[40.0, 39.0, 38.0]])
    torch.testing.assert_close(
        spec.function(scores, relevance + 1000), spec.function(scores, relevance)
    )
