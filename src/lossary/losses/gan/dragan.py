"""Gradient penalty around the data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._slope import example, slopes


@signature("fn, real N * -> N", deviation="[0, inf)")
def dragan_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    *,
    deviation: float = 1.0,
    target_norm: float = 1.0,
    generator: Generator | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient penalty around real samples, :math:`(\|\nabla f(x + \delta)\|_2 - k)^2` with noise
    :math:`\delta \sim N(0, s^2)`.

    Smooths a discriminator of any game in a neighbourhood of the data, against the collapse onto
    few modes; add ten times its mean. Unlike :func:`~lossary.gradient_penalty` it needs no
    generated samples. The norm is taken of each sample's gradient by itself, so the critic must not
    mix samples: no batch normalisation.

    The noise is the paper's. Its authors' program adds uniform noise instead, in proportion to the
    standard deviation of the batch.

    Args:
        critic: the network; it maps a batch (N, ...) to scores.
        real: real samples, of shape (N, ...).
        deviation: the standard deviation :math:`s` of the noise, in the unit of the samples.
        target_norm: the norm :math:`k` that is asked for.

    References:
        Kodali et al., *On Convergence and Stability of GANs*, 2017, the DRAGAN penalty.

    >>> critic = lambda x: 3 * x.sum(1)  # its gradient has norm 3 * sqrt(2) everywhere
    >>> dragan_penalty(critic, torch.zeros(4, 2))
    tensor(10.5147)
    """
    noise = torch.randn(real.shape, generator=generator, device=real.device).to(real.dtype)
    norm = torch.linalg.vector_norm(slopes(critic, real + deviation * noise), dim=1)
    return reduce((norm - target_norm).square(), weight, reduction)


class DRAGANPenalty(FunctionLoss):
    """Module form of :func:`dragan_penalty`."""

    function = staticmethod(dragan_penalty)

    def __init__(
        self,
        *,
        deviation: float = 1.0,
        target_norm: float = 1.0,
        generator: Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, deviation=deviation, target_norm=target_norm, generator=generator
        )


def _example(generator: Generator) -> tuple[object, ...]:
    critic, real, _ = example(generator)
    return critic, real


SPEC = LossSpec(
    function=dragan_penalty,
    module=DRAGANPenalty,
    traits=Trait.NONNEGATIVE | Trait.RANDOM,
    variants=({}, {"deviation": 0.3, "target_norm": 0.0}),
    paper="arXiv:1705.07215",
    example=_example,
)
