"""The boundary equilibrium game."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", balance="[0, 1]")
def boundary_equilibrium_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    balance: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the boundary equilibrium game, :math:`L(x) - k L(G(z))`, of errors
    :math:`L` of an autoencoder.

    The discriminator rebuilds real samples well and generated ones badly. The balance :math:`k`
    starts at 0 and after each step becomes :math:`k + \lambda (\gamma L(x) - L(G(z)))` within [0,
    1], with mean errors, :math:`\lambda` = 0.001 and :math:`\gamma` between 0.3 and 0.7, by which
    you trade diversity for quality.

    Args:
        real: energies of real samples, for instance the errors with which an autoencoder rebuilds
            them, of any shape.
        fake: energies of generated samples, of the shape of ``real``.
        balance: the share :math:`k` of the generated samples.

    References:
        Berthelot, Schumm and Metz, *BEGAN: Boundary Equilibrium Generative Adversarial Networks*,
        2017, section 3.3.

    >>> real, fake = torch.tensor([1.0]), torch.tensor([2.0])
    >>> boundary_equilibrium_discriminator_loss(real, fake, balance=0.25)
    tensor(0.5000)
    """
    return reduce(real - balance * fake, weight, reduction)


@signature("real * -> *")
def boundary_equilibrium_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the boundary equilibrium game, :math:`L(G(z))`, of errors :math:`L` of
    an autoencoder.

    Its batch of generated samples is drawn anew, after that of the discriminator.

    Args:
        fake: energies of generated samples, of any shape.

    References:
        Berthelot, Schumm and Metz, *BEGAN: Boundary Equilibrium Generative Adversarial Networks*,
        2017, section 3.3.

    >>> boundary_equilibrium_generator_loss(torch.tensor([-1.0]))
    tensor(-1.)
    """
    return reduce(fake, weight, reduction)


class BoundaryEquilibriumDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`boundary_equilibrium_discriminator_loss`."""

    function = staticmethod(boundary_equilibrium_discriminator_loss)

    def __init__(self, *, balance: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, balance=balance)


class BoundaryEquilibriumGeneratorLoss(FunctionLoss):
    """Module form of :func:`boundary_equilibrium_generator_loss`."""

    function = staticmethod(boundary_equilibrium_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=boundary_equilibrium_discriminator_loss,
        module=BoundaryEquilibriumDiscriminatorLoss,
        traits=Trait.CONVEX,
        variants=({}, {"balance": 0.3}),
        paper="arXiv:1703.10717",
    ),
    LossSpec(
        function=boundary_equilibrium_generator_loss,
        module=BoundaryEquilibriumGeneratorLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1703.10717",
    ),
)
