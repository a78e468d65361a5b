"""One-sided gradient penalty of the Wasserstein game."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._slope import example, slopes


@signature("fn, real N *, real N * -> N")
def lipschitz_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    *,
    generator: Generator | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""One-sided gradient penalty, :math:`\max(0, \|\nabla f(\hat x)\|_2 - 1)^2` at a random point
    :math:`\hat x = x + t (G(z) - x)` between each real and generated sample.

    A critic is 1-Lipschitz where its slope is at most 1: unlike :func:`~lossary.gradient_penalty`
    this leaves flatter places alone, and so bears a larger coefficient without harm. The norm is
    taken of each sample's gradient by itself, so the critic must not mix samples: no batch
    normalisation.

    Args:
        critic: the network; it maps a batch (N, ...) to scores.
        real: real samples, of shape (N, ...).
        fake: generated samples, of the shape of ``real``; detach them when the critic trains.

    References:
        Petzka, Fischer and Lukovnicov, *On the Regularization of Wasserstein GANs*, ICLR 2018,
        WGAN-LP.

    >>> critic = lambda x: 3 * x.sum(1)  # its gradient has norm 3 * sqrt(2) everywhere
    >>> lipschitz_penalty(critic, torch.zeros(4, 2), torch.ones(4, 2))
    tensor(10.5147)
    """
    shape = (len(real), *(1,) * (real.ndim - 1))
    t = torch.rand(shape, generator=generator, device=real.device).to(real.dtype)
    norm = torch.linalg.vector_norm(slopes(critic, real + t * (fake - real)), dim=1)
    return reduce((norm - 1).clamp(min=0).square(), weight, reduction)


class LipschitzPenalty(FunctionLoss):
    """Module form of :func:`lipschitz_penalty`."""

    function = staticmethod(lipschitz_penalty)

    def __init__(
        self,
        *,
        generator: Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, generator=generator)


SPEC = LossSpec(
    function=lipschitz_penalty,
    module=LipschitzPenalty,
    traits=Trait.NONNEGATIVE | Trait.RANDOM,
    paper="arXiv:1709.08894",
    example=example,
)
