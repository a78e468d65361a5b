"""A small generative adversarial network, trained with the loss of your choice.

The data are points on a ring. Two networks play: the critic scores points, the generator makes
points that should score well. What each of them lowers is the choice::

    python examples/gan.py --loss wasserstein
"""

import argparse
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from lossary import (
    generalized_loss_sensitive_discriminator_loss,
    gradient_penalty,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    loss_sensitive_discriminator_loss,
    loss_sensitive_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)

NOISE = 4
Critic = Callable[[Tensor], Tensor]


def _wasserstein(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    scores = wasserstein_discriminator_loss(critic(real), critic(fake))
    return scores + 10 * gradient_penalty(critic, real, fake)


def _loss_sensitive(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    # this game has a term that a critic without bounds would lower for ever: hold it by its square
    distance = (real - fake).abs().sum(1)
    of_real, of_fake = critic(real), critic(fake)
    game = loss_sensitive_discriminator_loss(of_real, of_fake, distance, coefficient=2.0)
    return game + 0.1 * (of_real.square() + of_fake.square()).mean()


def _generalized(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    distance = (real - fake).abs().sum(1)
    return generalized_loss_sensitive_discriminator_loss(
        critic(real), critic(fake), distance, slope=0.1
    ) + 10 * gradient_penalty(critic, real, fake, target_norm=0.0)


# What the critic lowers, and what the generator lowers.
GAMES: dict[str, tuple[Callable[[Critic, Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "minimax": (lambda c, x, g: minimax_discriminator_loss(c(x), c(g)), minimax_generator_loss),
    "non_saturating": (
        lambda c, x, g: minimax_discriminator_loss(c(x), c(g)),
        non_saturating_generator_loss,
    ),
    "wasserstein": (_wasserstein, wasserstein_generator_loss),
    "least_squares": (
        lambda c, x, g: least_squares_discriminator_loss(c(x), c(g)),
        least_squares_generator_loss,
    ),
    "loss_sensitive": (_loss_sensitive, loss_sensitive_generator_loss),
    "generalized_loss_sensitive": (_generalized, loss_sensitive_generator_loss),
}


class Scores(nn.Module):
    """A critic: one score per point."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(2, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.body(x)
        return scores.squeeze(1)


def ring(points: int, generator: Generator) -> Tensor:
    """Draw points near a ring of radius 2."""
    angle = torch.rand(points, generator=generator) * 2 * torch.pi
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(
        points, 2, generator=generator
    )


def train(loss: str, steps: int, batch: int = 128) -> Tensor:
    """Play the game, and return points that the generator makes."""
    torch.manual_seed(0)
    random = Generator().manual_seed(0)
    of_critic, of_generator = GAMES[loss]
    critic = Scores()
    generator = nn.Sequential(nn.Linear(NOISE, 64), nn.ReLU(), nn.Linear(64, 2))
    critic_steps = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    generator_steps = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
    for step in range(1, steps + 1):
        for _ in range(2):
            fake = generator(torch.randn(batch, NOISE, generator=random)).detach()
            critic_loss = of_critic(critic, ring(batch, random), fake)
            critic_steps.zero_grad()
            critic_loss.backward()
            critic_steps.step()
        generator_loss = of_generator(
            critic(generator(torch.randn(batch, NOISE, generator=random)))
        )
        generator_steps.zero_grad()
        generator_loss.backward()
        generator_steps.step()
        if step % max(steps // 5, 1) == 0:
            print(f"step {step}: critic {critic_loss:.3f}, generator {generator_loss:.3f}")
    with torch.no_grad():
        points: Tensor = generator(torch.randn(1000, NOISE, generator=random))
    return points


def main() -> None:
    """Train, and say how far from the ring the generated points are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loss", choices=GAMES, default="non_saturating")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    radius = train(options.loss, options.steps).norm(dim=1)
    off = (radius - 2).abs().mean()
    print(f"{options.loss}: points lie {off:.2f} off the ring of radius 2 on average")


if __name__ == "__main__":
    main()
