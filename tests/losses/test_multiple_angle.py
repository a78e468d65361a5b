"""The losses with a multiple of the angle: their margin, and their blend."""

import pytest
import torch

from lossary import cross_entropy, large_margin_softmax_loss, sphereface_loss

RNG = torch.Generator().manual_seed(0)
X, W = torch.randn(6, 4, generator=RNG), torch.randn(3, 4, generator=RNG)
Y = torch.tensor([0, 1, 2, 2, 1, 0])


@pytest.mark.parametrize("loss", [large_margin_softmax_loss, sphereface_loss])
def test_the_margin_is_a_whole_number(loss) -> None:
    with pytest.raises(ValueError, match=r"the whole numbers of \[1, inf\), got 2\.5"):
        loss(X, W, Y, margin=2.5)
    assert loss(X, W, Y, margin=2.0) == loss(X, W, Y, margin=2)


def test_without_a_margin_it_is_cross_entropy() -> None:
    plain = cross_entropy(X @ W.T, Y)
    torch.testing.assert_close(large_margin_softmax_loss(X, W, Y, margin=1), plain)
    torch.testing.assert_close(large_margin_softmax_loss(X, W, Y, blend=1e7), plain)
    unit = W / W.norm(dim=1, keepdim=True)
    torch.testing.assert_close(sphereface_loss(X, W, Y, margin=1), cross_entropy(X @ unit.T, Y))
