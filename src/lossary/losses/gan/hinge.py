"""The hinge game."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def hinge_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the hinge game, :math:`\max(0, 1 - f(x)) + \max(0, 1 + f(G(z)))`.

    Leaves samples alone that are on their side of the margin, so a sure discriminator stops
    sharpening. Common with spectral normalisation and large images. Where no sample is inside the
    margin any more, nothing is learnt.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Lim and Ye, *Geometric GAN*, 2017; Miyato et al., *Spectral Normalization for Generative
        Adversarial Networks*, ICLR 2018, eq. 16.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> hinge_discriminator_loss(real, fake)
    tensor(0.5000)
    """
    return reduce((1 - real).clamp(min=0) + (1 + fake).clamp(min=0), weight, reduction)


@signature("real * -> *")
def hinge_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the hinge game, :math:`-f(G(z))`.

    It has no hinge: the generator goes on beyond the discriminator's margin.

    Args:
        fake: scores of generated samples, before any sigmoid, of any shape.

    References:
        Lim and Ye, *Geometric GAN*, 2017; Miyato et al., *Spectral Normalization for Generative
        Adversarial Networks*, ICLR 2018, eq. 17.

    >>> hinge_generator_loss(torch.tensor([-1.0]))
    tensor(1.)
    """
    return reduce(-fake, weight, reduction)


class HingeDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`hinge_discriminator_loss`."""

    function = staticmethod(hinge_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class HingeGeneratorLoss(FunctionLoss):
    """Module form of :func:`hinge_generator_loss`."""

    function = staticmethod(hinge_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=hinge_discriminator_loss,
        module=HingeDiscriminatorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1705.02894",
    ),
    LossSpec(
        function=hinge_generator_loss,
        module=HingeGeneratorLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1705.02894",
    ),
)
