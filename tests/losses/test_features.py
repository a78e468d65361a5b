"""Losses over the features of a network, and the network that is asked."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from lossary import FeatureExtractor, PerceptualLoss, StyleLoss, perceptual_loss, style_loss


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3))


X, Y = torch.randn(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_features_are_the_layers_outputs_in_the_order_asked_for() -> None:
    net = network().eval()
    second, first = FeatureExtractor(net, ["3", "1"])(X)
    torch.testing.assert_close(first, net[1](net[0](X)))
    torch.testing.assert_close(second, net(X))


def test_layers_that_work_in_place_do_not_change_the_features_before_them() -> None:
    """The features of a convolution before VGG's ReLU are those of the convolution."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    (features,) = FeatureExtractor(net, ["0"])(X)
    torch.testing.assert_close(features, net[0](X))
    assert (features < 0).any()


def test_the_network_is_frozen_and_gradients_reach_the_image() -> None:
    loss = PerceptualLoss(FeatureExtractor(network(), ["1", "3"])).train()
    x = X.clone().requires_grad_()
    before = copy.deepcopy(loss.state_dict())
    loss(x, Y).backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in loss.parameters())
    assert all(
        torch.equal(a, b) for a, b in zip(before.values(), loss.state_dict().values(), strict=True)
    )


def test_equal_images_cost_nothing() -> None:
    extractor = FeatureExtractor(network(), ["1", "3"])
    for loss in (PerceptualLoss(extractor), StyleLoss(extractor)):
        x = X.clone().requires_grad_()
        value = loss(x, X)
        assert value == 0
        assert torch.autograd.grad(value, x)[0].isfinite().all()


def test_copies_work_and_leave_no_hooks() -> None:
    extractor = FeatureExtractor(network(), ["1"])
    extractor(X)
    for copied in (copy.deepcopy(extractor), pickle.loads(pickle.dumps(extractor))):
        torch.testing.assert_close(copied(X), extractor(X))
    assert not any(module._forward_hooks for module in extractor.modules())


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="the network has no layer 'conv'; near it are"):
        FeatureExtractor(network(), ["conv"])


class Idle(nn.Module):
    """A network with a layer that it does not run and one whose output is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.idle, self.memory = nn.Linear(3, 3), nn.LSTM(3, 3)

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self.memory(input)[0]
        return output


def test_a_layer_without_features_is_named() -> None:
    with pytest.raises(ValueError, match=r"did not run its layers \['idle'\]"):
        FeatureExtractor(Idle(), ["idle"])(torch.zeros(2, 3))
    with pytest.raises(TypeError, match="output of layer 'memory' must be a tensor, got tuple"):
        FeatureExtractor(Idle(), ["memory"])(torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("extractor", "got"),
    [
        (lambda x: [], r"\[\]"),
        (lambda x: x.sum(), r"\[\(\)\]"),
        (lambda x: x.mean((1, 2, 3)), r"\[\(2,\)\]"),
        (lambda x: x[:1], r"\[\(1, 3, 8, 8\)\]"),
        (lambda x: {"a": x}, r"\['str'\]"),
    ],
)
@pytest.mark.parametrize("loss", [perceptual_loss, style_loss])
def test_an_extractor_must_return_features(loss, extractor, got: str) -> None:
    with pytest.raises(ValueError, match=f"extractor must return a tensor .* N = 2, .* got {got}"):
        loss(extractor, X, Y)


def test_features_without_positions() -> None:
    """Features (N, C), here (1, 2) and (3, 1): mean square 5 / 2; entries 8, 1, 1, 3 over 2."""
    x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 1.0]])
    assert perceptual_loss(lambda image: image, x, y) == 2.5
    assert style_loss(lambda image: image, x, y) == (8**2 + 1 + 1 + 3**2) / 4


def test_layer_weights_must_fit() -> None:
    extractor = FeatureExtractor(network(), ["1", "3"])
    with pytest.raises(ValueError, match="one number per layer, 2, got 1"):
        perceptual_loss(extractor, X, Y, layer_weights=[1.0])


def test_half_precision_networks_stay_in_half_precision() -> None:
    loss = PerceptualLoss(FeatureExtractor(network(), ["1", "3"]).bfloat16())
    got = loss(X.bfloat16(), Y.bfloat16())
    assert got.dtype == torch.bfloat16
    want = PerceptualLoss(FeatureExtractor(network(), ["1", "3"]))(X, Y)
    assert got.item() == pytest.approx(want.item(), rel=0.05)  # bfloat16 convolutions
