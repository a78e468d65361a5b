"""Which way up is the text? A direction classifier in the style of PaddleOCR.

There a loss is called with the predictions and the whole batch, and returns a mapping whose "loss"
is what to train on. A mapping is understood by the trainer as it is; every other entry of it is
reported by name.
"""

import functools
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lossary import cross_entropy, zero_one_loss
from lossary.train import Model

DIRECTIONS = (0, 180)
HEIGHT, WIDTH = 16, 48


class DirectionLoss(nn.Module):
    """Cross-entropy of the direction; the share of wrong answers is reported beside it."""

    def forward(self, predicts: Tensor, label: Tensor) -> Mapping[str, Tensor]:
        return {"loss": cross_entropy(predicts, label), "wrong": zero_one_loss(predicts, label)}


def make_lines(lines: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw lines of little marks that sit on a base line, half of them upside down.

    Like letters, some marks are high and some low, but all stand on the same line.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(lines, 1, HEIGHT, WIDTH)
    for image in images:
        base = int(torch.randint(10, 13, (), generator=generator))
        for left in range(2, WIDTH - 4, 5):
            height = int(torch.randint(4, 9, (), generator=generator))
            width = int(torch.randint(1, 4, (), generator=generator))
            image[0, base - height : base, left : left + width] = 1
    label = torch.randint(len(DIRECTIONS), (lines,), generator=generator)
    images[label == 1] = images[label == 1].flip(-1, -2)
    return images + 0.2 * torch.randn(images.shape, generator=generator), label


def main() -> None:
    """Train, and report on lines that were not seen."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((4, 1)),
        nn.Flatten(),
        nn.Linear(64, len(DIRECTIONS)),
    )
    model = Model(network, DirectionLoss(), functools.partial(torch.optim.Adam, lr=0.005))
    for record in model.fit(14, make_lines(256, seed=0), make_lines(128, seed=1)):
        print(
            f"epoch {record['epoch']}: loss {record['loss']:.3f}, wrong {record['wrong']:.1%}, "
            f"of unseen lines {record['valid_wrong']:.1%}"
        )


if __name__ == "__main__":
    main()
