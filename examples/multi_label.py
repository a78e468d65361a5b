"""Several labels per sample, wired in both ways.

Every sample has two labels: which half plane a point lies in, and how far it is from the origin.

1. The first column of the data goes to the network and all further columns go to the loss, so a
   loss that takes two labels needs no wrapper.
2. A network may compute its own loss from all columns. Then there is no loss_fn, and it may return
   named parts, which the trainer reports.
"""

import functools

import torch
from torch import Tensor, nn

from lossary import LossBase, cross_entropy, l1_loss
from lossary.train import Model

ADAM = functools.partial(torch.optim.Adam, lr=0.02)


class TwoLabelLoss(LossBase):
    """The cross-entropy of a class plus the absolute error of a number."""

    takes = "real N D, label N, real N -> N"

    def units(self, output: Tensor, side: Tensor, distance: Tensor) -> Tensor:
        of_class = cross_entropy(output[:, :2], side, reduction="none")
        return of_class + l1_loss(output[:, 2], distance, reduction="none")


class NetworkWithLoss(nn.Module):
    """A network that computes its own loss, in named parts."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor, side: Tensor, distance: Tensor) -> dict[str, Tensor]:
        output = self.body(x)
        return {
            "side": cross_entropy(output[:, :2], side),
            "distance": l1_loss(output[:, 2], distance),
        }


def make_data() -> tuple[Tensor, Tensor, Tensor]:
    """Draw points, the side that each lies on, and its distance from the origin."""
    x = torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] > 0).long(), x.norm(dim=1)


def make_network() -> nn.Module:
    """Make the same small network every time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))


def main() -> None:
    """Train both ways: the same network, the same data, the same loss, the same result."""
    columns = Model(make_network(), TwoLabelLoss(), ADAM)
    first = columns.train(20, make_data())[-1]
    print(f"columns to the loss:    loss {first['loss']:.4f}")
    own = Model(NetworkWithLoss(make_network()), None, ADAM)
    last = own.train(20, make_data())[-1]
    print(
        f"loss in the network:    loss {last['loss']:.4f}"
        f" = side {last['side']:.4f} + distance {last['distance']:.4f}"
    )


if __name__ == "__main__":
    main()
