"""Two moons: a small network that learns to tell them apart, under any loss of two classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from .drawable import Drawable, DrawError

HIDDEN = 32


@dataclass(frozen=True)
class Moons:
    """Points of two interleaved half circles.

    Attributes:
        points: of shape (samples, 2).
        label: 0 or 1, of which some are wrong on purpose.
        flipped: which labels are wrong.
    """

    points: Tensor
    label: Tensor
    flipped: Tensor


def two_moons(samples: int = 200, noise: float = 0.15, wrong: float = 0.0, seed: int = 0) -> Moons:
    """Draw points of two moons, ``wrong`` the share of the labels that are turned round.

    >>> moons = two_moons(10, wrong=0.2)
    >>> moons.points.shape, int(moons.flipped.sum())
    (torch.Size([10, 2]), 2)
    """
    generator = Generator().manual_seed(seed)
    label = torch.arange(samples) % 2
    angle = math.pi * torch.rand(samples, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    points = torch.where(label[:, None] == 0, upper, lower)
    points = points + noise * torch.randn(samples, 2, generator=generator)
    flipped = torch.zeros(samples, dtype=torch.bool)
    flipped[torch.randperm(samples, generator=generator)[: round(wrong * samples)]] = True
    return Moons(points, torch.where(flipped, 1 - label, label), flipped)


def coding(loss: Drawable) -> tuple[int, Callable[[Tensor], Tensor]]:
    """Return how many outputs a loss wants, and how it wants labels of 0 and 1.

    Raises:
        DrawError: if it is not a loss of two classes.
    """
    texts = [str(either[0]).removesuffix(" *") for either in loss.signature.operands]
    match texts:
        case ["real N C", "label N"]:
            return 2, lambda label: label
        case ["real" | "real N", "sign" | "sign N"]:
            return 1, lambda label: 2.0 * label - 1
        case ["real" | "real N", "prob" | "prob N"]:
            return 1, lambda label: label.float()
        case _:
            raise DrawError(
                f"{loss.name} takes {loss.signature.left}: give a loss of classes (real N C, "
                "label N), of a label -1 or 1 (real, sign) or of a yes-or-no label (real, prob)"
            )


def trained(
    loss: Drawable, moons: Moons, steps: int, rate: float = 0.01, seed: int = 0
) -> Iterator[tuple[int, float, Callable[[Tensor], Tensor]]]:
    """Train a network, and yield before each step: its number, the loss, and the score.

    The score is that of class 1 less that of class 0: the decision is where it is 0. The network
    is the same one each time; what is yielded is good until the next step.
    """
    outputs, coded = coding(loss)
    target = coded(moons.label)
    units = loss.units({}, 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            *(nn.Linear(2, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh()),
            nn.Linear(HIDDEN, 2),
        )
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)

    def score(points: Tensor) -> Tensor:
        found: Tensor = network(points)
        return found[:, 1] - found[:, 0]

    for step in range(steps + 1):
        # the same network for every loss, so that they start from the same decision
        value = units(network(moons.points) if outputs == 2 else score(moons.points), target).mean()
        yield step, float(value.detach()), score
        if not value.requires_grad:
            raise DrawError(f"{loss.name} is a metric: it has no gradient to train with")
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
