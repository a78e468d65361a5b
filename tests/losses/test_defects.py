"""Known numerical defects of other implementations, each with what ours gives."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossary

ONE = torch.tensor([1.0])


def value_and_slope(loss, x: Tensor) -> tuple[float, Tensor]:
    x = x.clone().requires_grad_()
    value = loss(x)
    return value.item(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize(("dtype", "x"), [(torch.float32, -100.0), (torch.float16, -12.0)])
def test_soft_margin_overflow(dtype: torch.dtype, x: float) -> None:
    """torch: inf and nan in float32 at -100."""
    value, slope = value_and_slope(
        lambda t: lossary.logistic_loss(t, ONE.to(dtype)), torch.tensor([x], dtype=dtype)
    )
    assert value == pytest.approx(-x, rel=1e-3)
    assert slope.item() == pytest.approx(-1, rel=1e-3)


@pytest.mark.parametrize("logit", [20.0, 100.0, -100.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_slope_where_the_answer_is_sure(logit: float, gamma: float) -> None:
    """The naive (1 - p) ** gamma has a slope of nan there for gamma < 1."""
    naive = torch.tensor(20.0, requires_grad=True)
    ((1 - torch.sigmoid(naive)) ** 0.5 * -F.logsigmoid(naive)).backward()
    assert naive.grad is not None
    assert naive.grad.isnan()
    for loss in (
        lambda t: lossary.sigmoid_focal_loss(t, ONE, gamma=gamma),
        lambda t: lossary.focal_loss(
            torch.stack([t, torch.zeros_like(t)], 1), torch.tensor([0]), gamma=gamma
        ),
    ):
        value, slope = value_and_slope(loss, torch.tensor([logit]))
        assert value >= 0
        assert slope.isfinite().all()


def test_all_ignored_is_zero() -> None:
    """torch: nan."""
    x, y = torch.randn(3, 4), torch.full((3,), -100)
    assert F.cross_entropy(x, y).isnan()
    for loss in (lossary.cross_entropy, lossary.focal_loss, lossary.multi_margin_loss):
        assert loss(x, y) == 0


def test_divergence_from_a_target_of_zero() -> None:
    """torch: the gradient of the target is nan where it is zero."""
    q = torch.tensor([[0.0, 1.0]], requires_grad=True)
    log_p = torch.tensor([[-torch.inf, 0.0]], requires_grad=True)
    loss = lossary.kl_divergence(log_p, q)
    gradients = torch.autograd.grad(loss, [log_p, q])
    assert loss == 0
    assert all(g.isfinite().all() for g in gradients)


def test_cosine_of_a_zero_vector() -> None:
    """torch: slopes of 5e5 and more."""
    zero, other = torch.zeros(1, 3), torch.tensor([[1.0, 2.0, 2.0]])
    value, slope = value_and_slope(lambda t: lossary.cosine_embedding_loss(t, other, ONE), zero)
    assert value == 1
    assert slope.abs().max() <= 1


def test_probability_of_zero_for_what_happened() -> None:
    """The value is torch's, 100, and it is documented; the slope is finite."""
    value, slope = value_and_slope(lambda t: lossary.binary_cross_entropy(t, ONE), torch.zeros(1))
    assert value == 100
    assert slope.isfinite().all()


def test_squared_error_in_half_precision() -> None:
    """300 squared overflows float16, the mean of it and nothing does not."""
    x = torch.tensor([300.0, 0.0], dtype=torch.float16)
    assert lossary.mse_loss(x, torch.zeros_like(x)).item() == pytest.approx(45000, rel=1e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", ["arcface_loss", "sphereface_loss", "large_margin_softmax_loss"])
def test_angular_margins_at_the_ends(name: str, sign: float) -> None:
    """acos has an infinite slope at cosine 1 and -1, so pytorch-metric-learning gives nan."""
    x = sign * torch.tensor([[3.0, 4.0]])
    w = torch.tensor([[3.0, 4.0], [4.0, -3.0]])
    value, slope = value_and_slope(lambda t: getattr(lossary, name)(t, w, torch.tensor([0])), x)
    assert value >= 0
    assert slope.isfinite().all()


def test_empty_multi_class_hinge_is_zero() -> None:
    """torch 2.13 returns uninitialised memory."""
    assert lossary.multi_margin_loss(torch.zeros(0, 3), torch.zeros(0).long()) == 0


def test_confident_and_wrong_sampled_softmax_does_not_saturate() -> None:
    """With 1e-20 inside the logarithm, as MindSpore has it, the loss stops at 46.05."""
    x, w = torch.tensor([[1000.0]]), torch.tensor([[0.0], [1.0]])
    loss = lossary.sampled_softmax_loss(x, w, torch.tensor([0]), candidates=torch.tensor([1]))
    assert loss == 1000
