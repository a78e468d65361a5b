"""Several labels, a loss for each, and weights that are learned.

Every point has two labels: which half plane it lies in, and how far it is from the origin. Of half
of the points nobody knows the distance. Each label has its own loss, which picks its columns, and
divides by what it has: the first by all points, the second by those whose distance is known. How
much each loss counts is learned with the network.
"""

import functools

import torch
from torch import Tensor, nn

from lossary import LossBase, UncertaintyWeightedSum, cross_entropy, smooth_l1_loss
from lossary.train import Callback, Model, Run


class SideLoss(LossBase):
    """The cross-entropy of the side."""

    def units(self, output: Tensor, side: Tensor, distance: Tensor) -> Tensor:
        return cross_entropy(output[:, :2], side, reduction="none")


class DistanceLoss(LossBase):
    """The error of the distance, where it is known."""

    def units(self, output: Tensor, side: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        known = ~distance.isnan()
        error = smooth_l1_loss(output[:, 2], distance.nan_to_num(), reduction="none")
        return error, known.to(error.dtype)  # one loss per point, and its weight


class Parts(Callback):
    """Print the parts of an epoch, and what each is multiplied by."""

    def __init__(self, loss: UncertaintyWeightedSum) -> None:
        self.loss = loss

    def on_epoch_end(self, run: Run) -> None:
        record = run.history[-1]
        parts = [
            f"{name} {record[name]:.4f} x {self.loss.coefficient(name):.2f}"
            for name in self.loss.losses
        ]
        print(f"epoch {run.epoch}: loss {record['loss']:.4f}, " + ", ".join(parts))


def make_data() -> tuple[Tensor, Tensor, Tensor]:
    """Draw points, the side that each lies on, and its distance, known or nan."""
    x = torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
    distance = x.norm(dim=1)
    distance[::2] = torch.nan
    return x, (x[:, 0] > 0).long(), distance


def main() -> None:
    """Train network and weights together."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
    loss = UncertaintyWeightedSum({"side": SideLoss(), "distance": DistanceLoss()})
    # the optimizer gets the parameters of the network and of the loss
    model = Model(network, loss, functools.partial(torch.optim.Adam, lr=0.01))
    model.train(20, make_data(), [Parts(loss)])


if __name__ == "__main__":
    main()
