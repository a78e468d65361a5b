"""The classic small convolutional network on CIFAR-10.

Download CIFAR-10 yourself, then::

    python examples/cifar10.py cifar-10-python.tar.gz

Both the Python and the binary version are read, as archive or unpacked, without executing anything
that they contain.
"""

import argparse
import functools
from pathlib import Path

import torch
from torch import Tensor, nn

from lossary import CrossEntropyLoss
from lossary.data.cifar import CLASSES, read_cifar10
from lossary.train import LossMonitor, Model


def make_network() -> nn.Module:
    """Two convolutions with pooling, then three linear layers."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, len(CLASSES)),
    )


def accuracy(output: Tensor, label: Tensor) -> Tensor:
    """Return the share of right answers."""
    return (output.argmax(1) == label).double().mean()


def main() -> None:
    """Train, then report the accuracy of every class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder or .tar.gz of CIFAR-10")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "--every", type=int, default=2000, help="print the loss every so many steps"
    )
    options = parser.parse_args()

    train_x, train_y = read_cifar10(options.data)
    test_x, test_y = read_cifar10(options.data, train=False)
    train_x, test_x = train_x * 2 - 1, test_x * 2 - 1  # to [-1, 1]
    print(f"{len(train_y)} images to train on, {len(test_y)} to test on")

    torch.manual_seed(0)
    momentum = functools.partial(torch.optim.SGD, lr=0.001, momentum=0.9)
    model = Model(make_network(), CrossEntropyLoss(), momentum, {"accuracy": accuracy})
    monitor = LossMonitor(options.every)
    history = model.fit(
        options.epochs, (train_x, train_y), (test_x, test_y), [monitor], batch_size=4, progress=True
    )
    print(f"accuracy on the test images: {history[-1]['valid_accuracy']:.1%}")
    answers = model.predict(test_x, batch_size=256).argmax(1)
    for k, name in enumerate(CLASSES):
        of_class = test_y == k
        if of_class.any():
            print(f"  {name:<6} {(answers[of_class] == k).double().mean():.1%}")


if __name__ == "__main__":
    main()
