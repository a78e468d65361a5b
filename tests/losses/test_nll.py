"""Negative log-likelihood."""

import pytest
import torch
import torch.nn.functional as F

from lossary import NLLLoss, cross_entropy, fuse, nll_loss

RNG = torch.Generator().manual_seed(0)
X, Y = torch.randn(4, 3, 5, generator=RNG), torch.randint(3, (4, 5), generator=RNG)
Y[0, :3] = -1
WEIGHT = torch.tensor([0.5, 2.0, 1.0])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("class_weight", [None, WEIGHT])
def test_equals_torch_with_class_weights_and_ignored_labels(reduction: str, class_weight) -> None:
    options = {"ignore_index": -1, "reduction": reduction}
    log_p = X.log_softmax(1)
    torch.testing.assert_close(
        NLLLoss(class_weight=class_weight, **options)(log_p, Y),
        F.nll_loss(log_p, Y, weight=class_weight, **options),
    )


def test_of_a_log_softmax_is_cross_entropy() -> None:
    torch.testing.assert_close(
        nll_loss(X.log_softmax(1), Y, ignore_index=-1), cross_entropy(X, Y, ignore_index=-1)
    )


def test_refuses_probabilities_given_by_mistake() -> None:
    """torch: a negative loss."""
    with pytest.raises(ValueError, match=r"input must hold logarithms .* use input\.log_softmax"):
        nll_loss(X.softmax(1), Y, ignore_index=-1)


def test_another_ignore_index_makes_torchs_own_an_error() -> None:
    with pytest.raises(ValueError, match="target must hold class indices from 0 to 2, got -100"):
        nll_loss(X.log_softmax(1), Y.masked_fill(Y < 0, -100), ignore_index=255)


@pytest.mark.parametrize("columns", [5, 50_000])
@pytest.mark.parametrize("fused", [False, True])
def test_only_what_the_labels_point_at_has_to_be_a_log_probability(
    columns: int, fused: bool
) -> None:
    log_p = torch.full((4, columns), -1.0)
    log_p[:, 0] = 7.0
    loss, y = fuse(nll_loss) if fused else nll_loss, torch.tensor([1, 2, 3, 4])
    assert loss(log_p, y) == 1
    log_p[2, 3] = 0.5
    with pytest.raises(ValueError, match=r"input must hold .* at most 0, got 0\.5 at \(2, 3\)"):
        loss(log_p, y)
    assert loss(log_p, y, weight=torch.tensor([1, 1, 0, 1])) == 1
    log_p[2, 3] = torch.nan
    assert loss(log_p, y).isnan()
    y[1] = columns
    with pytest.raises(ValueError, match=rf"target must hold class .* got {columns} at \(1,\)"):
        loss(log_p, y)
