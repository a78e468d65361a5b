"""The energy-based game."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", margin="[0, inf)")
def energy_based_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the energy-based game, :math:`D(x) + \max(0, m - D(G(z)))`, of
    energies :math:`D \geq 0`.

    Low energy for real samples, and at least the margin for generated ones. The margin must suit
    the energies: the paper searches it from large to small.

    Args:
        real: energies of real samples, for instance the errors with which an autoencoder rebuilds
            them, of any shape.
        fake: energies of generated samples, of the shape of ``real``.
        margin: the energy :math:`m` that generated samples should have.

    References:
        Zhao, Mathieu and LeCun, *Energy-Based Generative Adversarial Networks*, ICLR 2017, eq. 1.

    >>> real, fake = torch.tensor([1.0]), torch.tensor([2.0])
    >>> energy_based_discriminator_loss(real, fake, margin=5.0)
    tensor(4.)
    """
    return reduce(real + (margin - fake).clamp(min=0), weight, reduction)


@signature("real * -> *")
def energy_based_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the energy-based game, :math:`D(G(z))`, of energies :math:`D \geq 0`.

    Against samples that are all alike add :func:`~lossary.pulling_away_loss`.

    Args:
        fake: energies of generated samples, of any shape.

    References:
        Zhao, Mathieu and LeCun, *Energy-Based Generative Adversarial Networks*, ICLR 2017, eq. 2.

    >>> energy_based_generator_loss(torch.tensor([-1.0]))
    tensor(-1.)
    """
    return reduce(fake, weight, reduction)


class EnergyBasedDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`energy_based_discriminator_loss`."""

    function = staticmethod(energy_based_discriminator_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class EnergyBasedGeneratorLoss(FunctionLoss):
    """Module form of :func:`energy_based_generator_loss`."""

    function = staticmethod(energy_based_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=energy_based_discriminator_loss,
        module=EnergyBasedDiscriminatorLoss,
        traits=Trait.CONVEX,
        variants=({}, {"margin": 0.3}),
        paper="arXiv:1609.03126",
    ),
    LossSpec(
        function=energy_based_generator_loss,
        module=EnergyBasedGeneratorLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1609.03126",
    ),
)
