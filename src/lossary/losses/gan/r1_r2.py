"""Gradient penalties on real and on generated samples."""

from __future__ import annotations

from collections.abc import Callable

from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._slope import example, slopes


@signature("fn, real N * -> N", gamma="[0, inf)")
def r1_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    *,
    gamma: float = 10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient penalty on real samples, :math:`\frac{\gamma}{2} \|\nabla f(x)\|_2^2`.

    Keeps a discriminator from being steep where the data lie, without which the games need not
    converge. Add it to :func:`~lossary.minimax_discriminator_loss` or
    :func:`~lossary.relativistic_discriminator_loss`; for a Wasserstein critic, which should have a
    slope of 1, take :func:`~lossary.gradient_penalty`. The gradient is taken of each sample's score
    by itself, so the critic must not mix samples: no batch normalisation. Some libraries leave out
    the half.

    Args:
        critic: the network; it maps a batch (N, ...) to scores, before any sigmoid.
        real: real samples, of shape (N, ...).
        gamma: the strength :math:`\gamma`; the paper takes 10 and smaller.

    References:
        Mescheder, Geiger and Nowozin, *Which Training Methods for GANs do actually Converge?*, ICML
        2018, eq. 9.

    >>> critic = lambda x: 3 * x.sum(1)  # the square of its gradient is 18 everywhere
    >>> r1_penalty(critic, torch.zeros(4, 2))
    tensor(90.)
    """
    return reduce(gamma / 2 * slopes(critic, real).square().sum(1), weight, reduction)


@signature("fn, real N * -> N", gamma="[0, inf)")
def r2_penalty(
    critic: Callable[[Tensor], Tensor],
    fake: Tensor,
    *,
    gamma: float = 10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient penalty on generated samples, :math:`\frac{\gamma}{2} \|\nabla f(G(z))\|_2^2`.

    What :func:`~lossary.r1_penalty` is for real samples; the two together keep the relativistic
    game stable. The gradient is taken of each sample's score by itself, so the critic must not mix
    samples: no batch normalisation. Some libraries leave out the half.

    Args:
        critic: the network; it maps a batch (N, ...) to scores, before any sigmoid.
        fake: generated samples, of shape (N, ...); detach them when the critic trains.
        gamma: the strength :math:`\gamma`; the paper takes 10 and smaller.

    References:
        Mescheder, Geiger and Nowozin, *Which Training Methods for GANs do actually Converge?*, ICML
        2018, eq. 10.

    >>> critic = lambda x: 3 * x.sum(1)  # the square of its gradient is 18 everywhere
    >>> r2_penalty(critic, torch.zeros(4, 2))
    tensor(90.)
    """
    return reduce(gamma / 2 * slopes(critic, fake).square().sum(1), weight, reduction)


class R1Penalty(FunctionLoss):
    """Module form of :func:`r1_penalty`."""

    function = staticmethod(r1_penalty)

    def __init__(self, *, gamma: float = 10.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, gamma=gamma)


class R2Penalty(FunctionLoss):
    """Module form of :func:`r2_penalty`."""

    function = staticmethod(r2_penalty)

    def __init__(self, *, gamma: float = 10.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, gamma=gamma)


def _example(generator: Generator) -> tuple[object, ...]:
    critic, samples, _ = example(generator)
    return critic, samples


_EXEMPT = {"exports": "torch.export does not trace the gradient of a network"}


SPECS = (
    LossSpec(
        function=r1_penalty,
        module=R1Penalty,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"gamma": 1.0}),
        paper="arXiv:1801.04406",
        example=_example,
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=r2_penalty,
        module=R2Penalty,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"gamma": 1.0}),
        paper="arXiv:1801.04406",
        example=_example,
        exempt=_EXEMPT,
    ),
)
