"""The relativistic game."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def relativistic_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the relativistic game, :math:`-\log \sigma(f(x) - f(G(z)))`.

    Asks which of a pair is the real one instead of whether each is, so the generator gains by
    making real samples look worse, too. Pairs are drawn at random; for the mean over all of them
    see :func:`~lossary.relativistic_average_discriminator_loss`. With :func:`~lossary.r1_penalty`
    and :func:`~lossary.r2_penalty` it is the game of R3GAN.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RSGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_discriminator_loss(real, fake)
    tensor(0.0789)
    """
    return reduce(-F.logsigmoid(real - fake), weight, reduction)


@signature("real *, real * -> *")
def relativistic_generator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the relativistic game, :math:`-\log \sigma(f(G(z)) - f(x))`.

    It needs the scores of real samples, too.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RSGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_generator_loss(real, fake)
    tensor(2.5789)
    """
    return reduce(-F.logsigmoid(fake - real), weight, reduction)


class RelativisticDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`relativistic_discriminator_loss`."""

    function = staticmethod(relativistic_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RelativisticGeneratorLoss(FunctionLoss):
    """Module form of :func:`relativistic_generator_loss`."""

    function = staticmethod(relativistic_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=relativistic_discriminator_loss,
        module=RelativisticDiscriminatorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1807.00734",
    ),
    LossSpec(
        function=relativistic_generator_loss,
        module=RelativisticGeneratorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1807.00734",
    ),
)
