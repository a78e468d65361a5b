"""Fit a line, with a loss of your own.

The loss is the absolute error, written as a LossBase: one method, one loss per unit. Weights,
masks, reductions and checks come with the base class.
"""

import functools

import torch
from torch import Tensor, nn

from lossary import LossBase, check
from lossary.train import LossMonitor, Model


class AbsoluteError(LossBase):
    """The absolute error of each number."""

    takes = "real *, real * -> *"

    def units(self, input: Tensor, target: Tensor) -> Tensor:
        return (input - target).abs()


def make_data(samples: int = 160) -> tuple[Tensor, Tensor]:
    """Draw points near the line y = 2 x + 3."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(samples, 1, generator=generator) * 20 - 10
    return x, 2 * x + 3 + torch.randn(samples, 1, generator=generator)


def main() -> None:
    """Check the loss, train, and show what was learnt."""
    check(AbsoluteError).raise_if_failed()
    torch.manual_seed(0)
    line = nn.Linear(1, 1)
    momentum = functools.partial(torch.optim.SGD, lr=0.005, momentum=0.9)
    model = Model(line, AbsoluteError(), momentum)
    model.train(epochs=30, dataset=make_data(), callbacks=[LossMonitor()], batch_size=16)
    print(f"learnt: y = {line.weight.item():.1f} x + {line.bias.item():.1f}")


if __name__ == "__main__":
    main()
