"""Train with checkpoints: stop it with Ctrl-C, start it again, and it goes on.

``python examples/resume.py --epochs 20`` writes checkpoints to ``runs/circle``. However often it is
interrupted and started again, it ends with the same weights as without. At the end the weights of
the best epoch are loaded, as one does to use a network.
"""

import argparse
import functools
import json
from pathlib import Path

import torch
from torch import Tensor, nn

import lossary
from lossary.train import LossMonitor, Model, ModelCheckpoint


def make_data(samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw points, and whether each lies in the circle."""
    x = 2 * torch.rand(samples, 2, generator=torch.Generator().manual_seed(seed)) - 1
    return x, (x.norm(dim=1) < 0.8).long()


def make_model() -> Model:
    """Make the same network every time, with dropout, which draws random numbers."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 2))
    return Model(network, lossary.CrossEntropyLoss(), functools.partial(torch.optim.Adam, lr=0.01))


def load_best(model: Model, directory: Path) -> float:
    """Load the weights of the best epoch, and return its loss."""
    best = json.loads((directory / "best.json").read_text(encoding="utf-8"))
    model.load(directory / best["checkpoint"])
    return float(best["value"])


def main() -> None:
    """Train, or go on, and say how good the best epoch is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=Path("runs/circle"))
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    test = make_data(200, seed=1)
    model = make_model()
    history = model.train(
        asked.epochs,
        make_data(800, seed=0),
        [ModelCheckpoint(asked.directory, every_steps=10, monitor="valid_loss"), LossMonitor(25)],
        valid=test,
    )
    weights = next(model.network.parameters())[0].tolist()
    print(f"epochs: {len(history)}, weights: {weights}")

    for_use = make_model()
    best = load_best(for_use, asked.directory)
    found = for_use.predict(test[0]).argmax(1)
    print(f"best loss: {best:.6f}, right: {(found == test[1]).double().mean():.3f}")


if __name__ == "__main__":
    main()
