"""The loss-sensitive game, and its generalised form."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real * -> *", coefficient="[0, inf)")
def loss_sensitive_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    distance: Tensor,
    *,
    coefficient: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Critic's loss of the loss-sensitive game,
    :math:`L(x) + \lambda \max(0, \Delta + L(x) - L(G(z)))`.

    The critic :math:`L` is itself a loss: it is lower for real samples than for generated ones,
    by the more the further apart they are. The generator lowers
    :func:`~lossary.loss_sensitive_generator_loss`.

    Args:
        real: the critic's losses of real samples, of any shape.
        fake: the critic's losses of generated samples, of the shape of ``real``.
        distance: the margins :math:`\Delta \geq 0` between the two, often the L1 distance of the
            samples, of the shape of ``real``.
        coefficient: the weight :math:`\lambda` of the margin.

    References:
        Qi, *Loss-Sensitive Generative Adversarial Networks on Lipschitz Densities*, International
        Journal of Computer Vision 2020, section 3, the critic's problem.

    >>> real, fake, distance = torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0])
    >>> loss_sensitive_discriminator_loss(real, fake, distance)
    tensor(3.)
    """
    return reduce(real + coefficient * (distance + real - fake).clamp(min=0), weight, reduction)


@signature("real *, real *, real * -> *", slope="(-inf, 1]", coefficient="[0, inf)")
def generalized_loss_sensitive_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    distance: Tensor,
    *,
    slope: float = 0.0,
    coefficient: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Critic's loss of the generalised loss-sensitive game,
    :math:`C(\lambda \Delta + L(x) - L(G(z)))` with :math:`C(a) = \max(a, \nu a)`.

    One family with ``slope`` :math:`\nu`: 0 gives the loss-sensitive game without its first term,
    1 the Wasserstein game, -1 the absolute value.

    Args:
        real: the critic's losses of real samples, of any shape.
        fake: the critic's losses of generated samples, of the shape of ``real``.
        distance: the margins :math:`\Delta \geq 0` between the two, often the L1 distance of the
            samples, of the shape of ``real``.
        slope: the slope :math:`\nu` where the margin is kept.
        coefficient: the weight :math:`\lambda` of the distance.

    References:
        Qi, *Loss-Sensitive Generative Adversarial Networks on Lipschitz Densities*, International
        Journal of Computer Vision 2020, section on GLS-GAN.

    >>> real, fake, distance = torch.tensor([1.0]), torch.tensor([5.0]), torch.tensor([3.0])
    >>> generalized_loss_sensitive_discriminator_loss(real, fake, distance, slope=0.5)
    tensor(-0.5000)
    """
    cost = coefficient * distance + real - fake
    return reduce(torch.maximum(cost, slope * cost), weight, reduction)


@signature("real * -> *")
def loss_sensitive_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the loss-sensitive game, :math:`L(G(z))`.

    Args:
        fake: the critic's losses of generated samples, of any shape.

    References:
        Qi, *Loss-Sensitive Generative Adversarial Networks on Lipschitz Densities*, International
        Journal of Computer Vision 2020, section 3, the generator's problem.

    >>> loss_sensitive_generator_loss(torch.tensor([2.0]))
    tensor(2.)
    """
    return reduce(fake, weight, reduction)


class LossSensitiveDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`loss_sensitive_discriminator_loss`."""

    function = staticmethod(loss_sensitive_discriminator_loss)

    def __init__(self, *, coefficient: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, coefficient=coefficient)


class GeneralizedLossSensitiveDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`generalized_loss_sensitive_discriminator_loss`."""

    function = staticmethod(generalized_loss_sensitive_discriminator_loss)

    def __init__(
        self, *, slope: float = 0.0, coefficient: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, slope=slope, coefficient=coefficient)


class LossSensitiveGeneratorLoss(FunctionLoss):
    """Module form of :func:`loss_sensitive_generator_loss`."""

    function = staticmethod(loss_sensitive_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=loss_sensitive_discriminator_loss,
        module=LossSensitiveDiscriminatorLoss,
        traits=Trait.CONVEX,
        variants=({}, {"coefficient": 0.3}),
        paper="arXiv:1701.06264",
    ),
    LossSpec(
        function=generalized_loss_sensitive_discriminator_loss,
        module=GeneralizedLossSensitiveDiscriminatorLoss,
        traits=Trait.CONVEX,
        variants=({}, {"slope": 1.0}, {"slope": -1.0, "coefficient": 0.3}),
        paper="arXiv:1701.06264",
    ),
    LossSpec(
        function=loss_sensitive_generator_loss,
        module=LossSensitiveGeneratorLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1701.06264",
    ),
)
