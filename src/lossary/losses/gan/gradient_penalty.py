"""Gradient penalty of the Wasserstein game."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("fn, real N *, real N * -> N")
def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    *,
    target_norm: float = 1.0,
    generator: Generator | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient penalty, :math:`(\|\nabla f(\hat x)\|_2 - 1)^2` at a random point
    :math:`\hat x = x + t (G(z) - x)` between each real and generated sample.

    Holds the critic of :func:`~lossary.wasserstein_discriminator_loss` near 1-Lipschitz; add ten
    times its mean. The norm is taken of each sample's gradient by itself, so the critic must not
    mix samples: no batch normalisation.

    Args:
        critic: the network; it maps a batch (N, ...) to scores.
        real: real samples, of shape (N, ...).
        fake: generated samples, of the shape of ``real``; detach them when the critic trains.
        target_norm: the norm that is asked for; 0 gives a zero-centred penalty.

    References:
        Gulrajani et al., *Improved Training of Wasserstein GANs*, NIPS 2017, eq. 3.

    >>> critic = lambda x: 3 * x.sum(1)  # its gradient has norm 3 * sqrt(2) everywhere
    >>> gradient_penalty(critic, torch.zeros(4, 2), torch.ones(4, 2))
    tensor(10.5147)
    """
    shape = (len(real), *(1,) * (real.ndim - 1))
    t = torch.rand(shape, generator=generator, device=real.device).to(real.dtype)
    with torch.enable_grad():
        point = real + t * (fake - real)
        if not point.requires_grad:
            point.requires_grad_()
        (slope,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    wide = torch.promote_types(slope.dtype, torch.float32)
    norm = torch.linalg.vector_norm(slope.unsqueeze(-1).flatten(1), dim=1, dtype=wide)
    return reduce((norm - target_norm).square(), weight, reduction)


class GradientPenalty(FunctionLoss):
    """Module form of :func:`gradient_penalty`."""

    function = staticmethod(gradient_penalty)

    def __init__(
        self,
        *,
        target_norm: float = 1.0,
        generator: Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, target_norm=target_norm, generator=generator)


def _example(generator: Generator) -> tuple[object, ...]:
    weight = torch.randn(6, generator=generator)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(6, 1), nn.Softplus())
    with torch.no_grad():
        critic[1].weight.copy_(weight)  # type: ignore[operator]  # Sequential does not know its types
    real, fake = torch.randn(2, 4, 2, 3, generator=generator)
    return critic, real, fake


SPEC = LossSpec(
    function=gradient_penalty,
    module=GradientPenalty,
    traits=Trait.NONNEGATIVE | Trait.RANDOM,
    variants=({}, {"target_norm": 0.0}),
    paper="arXiv:1704.00028",
    example=_example,
)
