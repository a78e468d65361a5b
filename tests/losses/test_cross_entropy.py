"""Cross-entropy: one rule for every form of the target."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossary import CrossEntropyLoss, cross_entropy, parts

RNG = torch.Generator().manual_seed(0)
X = torch.randn(5, 3, 2, generator=RNG, dtype=torch.float64)
LABEL = torch.randint(3, (5, 2), generator=RNG)
WEIGHT = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)


def one_hot(label: Tensor) -> Tensor:
    return F.one_hot(label, 3).movedim(-1, 1).double()


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weight", [None, WEIGHT])
def test_indices_and_one_hot_agree(reduction, smoothing, class_weight) -> None:
    options = {
        "reduction": reduction,
        "label_smoothing": smoothing,
        "class_weight": class_weight,
    }
    torch.testing.assert_close(
        cross_entropy(X, LABEL, **options), cross_entropy(X, one_hot(LABEL), **options)
    )


def test_soft_targets_with_class_weights_by_hand() -> None:
    """mean = sum q w (-log p) / sum q w."""
    q = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.5, 0.5]], dtype=torch.float64)
    x = torch.zeros(2, 3, dtype=torch.float64)
    x[1, 2] = 1.0
    log_p = x.log_softmax(1)
    top = -(q * WEIGHT * log_p).sum()
    assert cross_entropy(x, q, class_weight=WEIGHT) == pytest.approx(
        (top / (q * WEIGHT).sum()).item()
    )


def test_masked_ignored_and_deleted_agree() -> None:
    mask = torch.ones_like(LABEL, dtype=torch.bool)
    mask[1], mask[4, 0] = False, False
    ignored = LABEL.masked_fill(~mask, -100)
    kept = X.movedim(1, -1)[mask], LABEL[mask]
    for options in ({}, {"class_weight": WEIGHT}, {"label_smoothing": 0.3}):
        want = cross_entropy(*kept, **options)
        torch.testing.assert_close(cross_entropy(X, ignored, **options), want)
        torch.testing.assert_close(cross_entropy(X, LABEL, weight=mask, **options), want)


def test_classes_of_zero_weight_only_give_zero() -> None:
    """torch gives nan, and nan gradients."""
    x = X.clone().requires_grad_()
    loss = cross_entropy(x, torch.zeros_like(LABEL), class_weight=torch.tensor([0.0, 1, 1]))
    assert loss == 0
    assert not torch.autograd.grad(loss, x)[0].any()


IMPOSSIBLE = torch.tensor([[0.0, -torch.inf, 1.0]])


@pytest.mark.parametrize(
    ("target", "smoothing", "want"),
    [
        (torch.tensor([0]), 0.0, 1.313262),
        (torch.tensor([[0.5, 0.0, 0.5]]), 0.0, 0.813262),
        (torch.tensor([0]), 0.3, 0.7 * 1.313262 + 0.1 * (1.313262 + 0.313262)),
        (torch.tensor([[0.5, 0.0, 0.5]]), 0.3, 0.7 * 0.813262 + 0.1 * (1.313262 + 0.313262)),
    ],
)
def test_impossible_classes(target: Tensor, smoothing: float, want: float) -> None:
    """With two possible classes: log(1 + e) = 1.313262, log(1 + 1 / e) = 0.313262."""
    x = IMPOSSIBLE.clone().requires_grad_()
    loss = cross_entropy(x, target, label_smoothing=smoothing)
    assert loss.item() == pytest.approx(want, abs=1e-5)
    assert torch.autograd.grad(loss, x)[0].isfinite().all()


def test_an_impossible_true_class_costs_infinitely() -> None:
    assert cross_entropy(IMPOSSIBLE, torch.tensor([1])) == torch.inf


def test_class_weights_of_another_dtype_and_half_precision() -> None:
    x = X.bfloat16()
    got = CrossEntropyLoss(class_weight=WEIGHT)(x, LABEL)
    assert got.dtype == torch.bfloat16
    want = cross_entropy(x.double(), LABEL, class_weight=WEIGHT)
    assert got.item() == pytest.approx(want.item(), rel=4e-3)


def test_accumulation_with_class_weights_is_exact() -> None:
    """The mean of the means is not: the batches have different sums of weights."""
    loss = CrossEntropyLoss(class_weight=WEIGHT)
    added = parts(loss, X[:1], LABEL[:1]) + parts(loss, X[1:], LABEL[1:])
    torch.testing.assert_close(added.mean(), loss(X, LABEL))
    assert not torch.allclose((loss(X[:1], LABEL[:1]) + loss(X[1:], LABEL[1:])) / 2, loss(X, LABEL))
