"""The Wasserstein game."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def wasserstein_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Critic's loss of the Wasserstein game, :math:`f(G(z)) - f(x)`.

    Its negative estimates the Wasserstein distance, as long as the critic is 1-Lipschitz: see to
    that by :func:`~lossary.gradient_penalty`, spectral normalisation or clipping its weights.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Arjovsky, Chintala and Bottou, *Wasserstein GAN*, ICML 2017, eq. 2.

    >>> wasserstein_discriminator_loss(torch.tensor([2.0]), torch.tensor([-1.0]))
    tensor(-3.)
    """
    return reduce(fake - real, weight, reduction)


@signature("real * -> *")
def wasserstein_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the Wasserstein game, :math:`-f(G(z))`.

    Args:
        fake: scores of generated samples, before any sigmoid, of any shape.

    References:
        Arjovsky, Chintala and Bottou, *Wasserstein GAN*, ICML 2017, eq. 2.

    >>> wasserstein_generator_loss(torch.tensor([-1.0]))
    tensor(1.)
    """
    return reduce(-fake, weight, reduction)


class WassersteinDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`wasserstein_discriminator_loss`."""

    function = staticmethod(wasserstein_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class WassersteinGeneratorLoss(FunctionLoss):
    """Module form of :func:`wasserstein_generator_loss`."""

    function = staticmethod(wasserstein_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=wasserstein_discriminator_loss,
        module=WassersteinDiscriminatorLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1701.07875",
    ),
    LossSpec(
        function=wasserstein_generator_loss,
        module=WassersteinGeneratorLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1701.07875",
    ),
)
