"""Losses that PyTorch has by the same name equal it, under every reduction."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lossary

RNG = torch.Generator().manual_seed(0)
X, LABEL = torch.randn(6, 4, 3, generator=RNG), torch.randint(4, (6, 3), generator=RNG)
Y, P = torch.randn(6, 4, 3, generator=RNG), torch.rand(6, 4, 3, generator=RNG)
SIGN = torch.tensor([1.0, -1, 1, 1, -1, -1])
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 4.0])
IGNORED = LABEL.clone()
IGNORED[0], IGNORED[3, 1] = -100, -100


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("name", "tensors"),
    [
        ("L1Loss", (X, Y)),
        ("MSELoss", (X, Y)),
        ("SmoothL1Loss", (X, Y)),
        ("HuberLoss", (X, Y)),
        ("BCELoss", (P, P.round())),
        ("BCEWithLogitsLoss", (X, P)),
        ("CrossEntropyLoss", (X, LABEL)),
        ("CrossEntropyLoss", (X, IGNORED)),
        ("CrossEntropyLoss", (X, Y.softmax(1))),
        ("NLLLoss", (X.log_softmax(1), IGNORED)),
        ("MultiMarginLoss", (X[..., 0], LABEL[:, 0])),
        ("CosineEmbeddingLoss", (X[..., 0], Y[..., 0], SIGN)),
    ],
)
def test_modules_at_their_defaults(name: str, tensors: tuple[Tensor, ...], reduction: str) -> None:
    ours, theirs = (getattr(of, name)(reduction=reduction) for of in (lossary, nn))
    inputs = [tensors[0].clone().requires_grad_() for _ in range(2)]
    values = [m(x, *tensors[1:]) for m, x in zip((ours, theirs), inputs, strict=True)]
    torch.testing.assert_close(*values)
    grads = [torch.autograd.grad(v.sum(), x)[0] for v, x in zip(values, inputs, strict=True)]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("target", [LABEL, IGNORED], ids=["labels", "ignored"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_options(reduction: str, target: Tensor, smoothing: float) -> None:
    options = {"label_smoothing": smoothing, "reduction": reduction}
    torch.testing.assert_close(
        lossary.cross_entropy(X, target, **options), F.cross_entropy(X, target, **options)
    )
    weighted = lossary.cross_entropy(X, target, class_weight=WEIGHT, **options)
    theirs = F.cross_entropy(X, target, weight=WEIGHT, **options)
    if smoothing and reduction == "mean":
        # torch divides the smoothed loss by the weights of the hard labels: docs/migrating.md
        assert not torch.allclose(weighted, theirs, rtol=1e-3)
    else:
        torch.testing.assert_close(weighted, theirs)


@pytest.mark.parametrize("pos_weight", [torch.tensor(3.0), torch.tensor([0.5, 2.0, 1.0])])
def test_pos_weight(pos_weight: Tensor) -> None:
    torch.testing.assert_close(
        lossary.binary_cross_entropy_with_logits(X, P, pos_weight=pos_weight),
        F.binary_cross_entropy_with_logits(X, P, pos_weight=pos_weight),
    )
    with pytest.raises(ValueError, match="pos_weight must broadcast to the shape of input"):
        lossary.binary_cross_entropy_with_logits(X, P, pos_weight=torch.ones(5))


def test_kl_divergence_is_batchmean() -> None:
    log_p, q = X[..., 0].log_softmax(1), Y[..., 0].softmax(1)
    torch.testing.assert_close(
        lossary.kl_divergence(log_p, q), F.kl_div(log_p, q, reduction="batchmean")
    )


def test_logistic_loss_is_soft_margin_where_that_does_not_overflow() -> None:
    sign = torch.where(Y > 0, 1.0, -1.0)
    torch.testing.assert_close(lossary.logistic_loss(X, sign), F.soft_margin_loss(X, sign))
