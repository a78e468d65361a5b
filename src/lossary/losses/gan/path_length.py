"""Length of a generator's paths."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._slope import example, slopes


@signature("fn, real N * -> N", target_norm="[0, inf)")
def path_length_penalty(
    network: Callable[[Tensor], Tensor],
    latent: Tensor,
    *,
    target_norm: float = 0.0,
    generator: Generator | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Path length penalty, :math:`(\|J^\top y\|_2 - a)^2` of the derivative :math:`J` of a
    generator in its latent vectors, and random directions :math:`y \sim N(0, 1)` of the samples.

    A step of the same length in latent space should change a sample by the same amount, wherever it
    is taken and whatever way: smoother and easier to invert. The aim :math:`a` is an exponential
    mean of the lengths seen so far, which you keep; with the default 0 the loss is the mean square
    of the lengths themselves. StyleGAN2 adds it every 16 steps, and divides the noise by the root
    of the number of pixels: divide this loss by that number to have the same.

    Args:
        network: the generator; it maps latent vectors (N, ...) to samples (N, ...), each by itself.
        latent: latent vectors, of shape (N, ...).
        target_norm: the length :math:`a` that is asked for.

    References:
        Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, CVPR 2020, eq. 4.

    >>> network = lambda z: 3 * z  # of one number: the length is three times that of the noise
    >>> generator = torch.Generator().manual_seed(0)
    >>> round(path_length_penalty(network, torch.zeros(100000, 1), generator=generator).item())
    9
    """

    def along(z: Tensor) -> Tensor:
        sample = network(z)
        y = torch.randn(sample.shape, generator=generator, device=sample.device).to(sample.dtype)
        return y * sample

    length = torch.linalg.vector_norm(slopes(along, latent), dim=1)
    return reduce((length - target_norm).square(), weight, reduction)


class PathLengthPenalty(FunctionLoss):
    """Module form of :func:`path_length_penalty`."""

    function = staticmethod(path_length_penalty)

    def __init__(
        self,
        *,
        target_norm: float = 0.0,
        generator: Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, target_norm=target_norm, generator=generator)


def _example(generator: Generator) -> tuple[object, ...]:
    critic, latent, _ = example(generator)
    return critic, latent


SPEC = LossSpec(
    function=path_length_penalty,
    module=PathLengthPenalty,
    traits=Trait.NONNEGATIVE | Trait.RANDOM,
    variants=({}, {"target_norm": 1.5}),
    paper="arXiv:1912.04958",
    example=_example,
)
