"""The relativistic average game, and its least-squares and hinge forms."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._average import beyond_the_others


@signature("real *, real * -> *")
def relativistic_average_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the relativistic average game, :math:`-\log \sigma(f(x) - \bar
    f_{G(z)}) - \log \sigma(\bar f_x - f(G(z)))`.

    Asks whether a sample looks more real than the average of the other kind. More stable than pairs
    drawn at random, at no cost.

    The means :math:`\bar f` are taken over those of the batch that take part, so micro-batches do
    not add up to the loss of the whole: their means differ.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RaSGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_average_discriminator_loss(real, fake)
    tensor(0.1578)
    """
    beyond_real, beyond_fake = beyond_the_others(real, fake, weight)
    return reduce(-F.logsigmoid(beyond_real) - F.logsigmoid(-beyond_fake), weight, reduction)


@signature("real *, real * -> *")
def relativistic_average_generator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the relativistic average game, :math:`-\log \sigma(f(G(z)) - \bar f_x) -
    \log \sigma(\bar f_{G(z)} - f(x))`.

    That of the discriminator with the two kinds exchanged. It needs the scores of real samples,
    too. The means :math:`\bar f` are taken over those of the batch that take part, so micro-batches
    do not add up to the loss of the whole: their means differ.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RaSGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_average_generator_loss(real, fake)
    tensor(5.1578)
    """
    beyond_fake, beyond_real = beyond_the_others(fake, real, weight)
    return reduce(-F.logsigmoid(beyond_fake) - F.logsigmoid(-beyond_real), weight, reduction)


@signature("real *, real * -> *")
def relativistic_average_least_squares_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the relativistic average least-squares game, :math:`(f(x) - \bar
    f_{G(z)} - 1)^2 + (f(G(z)) - \bar f_x + 1)^2`.

    Real samples are to score 1 above the average of the others, and the others 1 below.

    The means :math:`\bar f` are taken over those of the batch that take part, so micro-batches do
    not add up to the loss of the whole: their means differ.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RaLSGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_average_least_squares_discriminator_loss(real, fake)
    tensor(4.5000)
    """
    beyond_real, beyond_fake = beyond_the_others(real, fake, weight)
    return reduce((beyond_real - 1).square() + (beyond_fake + 1).square(), weight, reduction)


@signature("real *, real * -> *")
def relativistic_average_least_squares_generator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the relativistic average least-squares game, :math:`(f(G(z)) - \bar f_x
    - 1)^2 + (f(x) - \bar f_{G(z)} + 1)^2`.

    That of the discriminator with the two kinds exchanged. It needs the scores of real samples,
    too. The means :math:`\bar f` are taken over those of the batch that take part, so micro-batches
    do not add up to the loss of the whole: their means differ.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RaLSGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_average_least_squares_generator_loss(real, fake)
    tensor(24.5000)
    """
    beyond_fake, beyond_real = beyond_the_others(fake, real, weight)
    return reduce((beyond_fake - 1).square() + (beyond_real + 1).square(), weight, reduction)


@signature("real *, real * -> *")
def relativistic_average_hinge_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the relativistic average hinge game, :math:`\max(0, 1 - f(x) + \bar
    f_{G(z)}) + \max(0, 1 + f(G(z)) - \bar f_x)`.

    Leaves samples alone that are 1 beyond the average of the others.

    The means :math:`\bar f` are taken over those of the batch that take part, so micro-batches do
    not add up to the loss of the whole: their means differ.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RaHingeGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_average_hinge_discriminator_loss(real, fake)
    tensor(0.)
    """
    beyond_real, beyond_fake = beyond_the_others(real, fake, weight)
    return reduce(
        (1 - beyond_real).clamp(min=0) + (1 + beyond_fake).clamp(min=0), weight, reduction
    )


@signature("real *, real * -> *")
def relativistic_average_hinge_generator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the relativistic average hinge game, :math:`\max(0, 1 - f(G(z)) + \bar
    f_x) + \max(0, 1 + f(x) - \bar f_{G(z)})`.

    That of the discriminator with the two kinds exchanged. It needs the scores of real samples,
    too. The means :math:`\bar f` are taken over those of the batch that take part, so micro-batches
    do not add up to the loss of the whole: their means differ.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.

    References:
        Jolicoeur-Martineau, *The Relativistic Discriminator: a Key Element Missing from Standard
        GAN*, ICLR 2019, RaHingeGAN.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    >>> relativistic_average_hinge_generator_loss(real, fake)
    tensor(7.)
    """
    beyond_fake, beyond_real = beyond_the_others(fake, real, weight)
    return reduce(
        (1 - beyond_fake).clamp(min=0) + (1 + beyond_real).clamp(min=0), weight, reduction
    )


class RelativisticAverageDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`relativistic_average_discriminator_loss`."""

    function = staticmethod(relativistic_average_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RelativisticAverageGeneratorLoss(FunctionLoss):
    """Module form of :func:`relativistic_average_generator_loss`."""

    function = staticmethod(relativistic_average_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RelativisticAverageLeastSquaresDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`relativistic_average_least_squares_discriminator_loss`."""

    function = staticmethod(relativistic_average_least_squares_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RelativisticAverageLeastSquaresGeneratorLoss(FunctionLoss):
    """Module form of :func:`relativistic_average_least_squares_generator_loss`."""

    function = staticmethod(relativistic_average_least_squares_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RelativisticAverageHingeDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`relativistic_average_hinge_discriminator_loss`."""

    function = staticmethod(relativistic_average_hinge_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RelativisticAverageHingeGeneratorLoss(FunctionLoss):
    """Module form of :func:`relativistic_average_hinge_generator_loss`."""

    function = staticmethod(relativistic_average_hinge_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


_COMPANY = {
    "parts_add": "a score is judged by the mean of the other kind over the whole batch",
}

SPECS = (
    LossSpec(
        function=relativistic_average_discriminator_loss,
        module=RelativisticAverageDiscriminatorLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1807.00734",
        exempt=_COMPANY,
    ),
    LossSpec(
        function=relativistic_average_generator_loss,
        module=RelativisticAverageGeneratorLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1807.00734",
        exempt=_COMPANY,
    ),
    LossSpec(
        function=relativistic_average_least_squares_discriminator_loss,
        module=RelativisticAverageLeastSquaresDiscriminatorLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1807.00734",
        exempt=_COMPANY,
    ),
    LossSpec(
        function=relativistic_average_least_squares_generator_loss,
        module=RelativisticAverageLeastSquaresGeneratorLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1807.00734",
        exempt=_COMPANY,
    ),
    LossSpec(
        function=relativistic_average_hinge_discriminator_loss,
        module=RelativisticAverageHingeDiscriminatorLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1807.00734",
        exempt=_COMPANY,
    ),
    LossSpec(
        function=relativistic_average_hinge_generator_loss,
        module=RelativisticAverageHingeGeneratorLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1807.00734",
        exempt=_COMPANY,
    ),
)
