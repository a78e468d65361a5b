"""A game whose discriminator also tells classes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N, real N, real N C, real N C, label N, label N -> N")
def auxiliary_classifier_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    real_logits: Tensor,
    fake_logits: Tensor,
    real_label: Tensor,
    fake_label: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss with an auxiliary classifier (AC-GAN), :math:`-\log \sigma(f(x)) -
    \log(1 - \sigma(f(G(z)))) - \log p_c(x) - \log p_{c'}(G(z))` with the classes :math:`c` of the
    real and :math:`c'` of the generated samples.

    For generators that are told which class to make: the discriminator has a second output that
    finds it out, of generated samples too. With many classes the generator is drawn to samples that
    are easy to classify, and variety within a class is lost.

    Args:
        real: scores of real samples, before any sigmoid, of shape (N,).
        fake: scores of generated samples, of shape (N,).
        real_logits: logits of the classes of real samples, of shape (N, C).
        fake_logits: logits of the classes of generated samples, of the shape of ``real_logits``.
        real_label: classes of the real samples, in [0, C), of shape (N,).
        fake_label: classes that the generator was told to make, of shape (N,).

    References:
        Odena et al., *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML 2017, eq.
        2 and 3.

    >>> score, logits, label = torch.zeros(1), torch.zeros(1, 2), torch.tensor([0])
    >>> auxiliary_classifier_discriminator_loss(score, score, logits, logits, label, label)
    tensor(2.7726)
    """
    game = F.softplus(-real) + F.softplus(fake)
    units = game + _wrong(real_logits, real_label) + _wrong(fake_logits, fake_label)
    return reduce(units, weight, reduction)


@signature("real N, real N C, label N -> N")
def auxiliary_classifier_generator_loss(
    fake: Tensor,
    fake_logits: Tensor,
    fake_label: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss with an auxiliary classifier (AC-GAN), :math:`-\log \sigma(f(G(z))) -
    \log p_{c'}(G(z))` with the class :math:`c'` that was asked for.

    The first term is :func:`~lossary.non_saturating_generator_loss`, the second keeps the samples
    in their class; see :func:`~lossary.auxiliary_classifier_discriminator_loss`.

    Args:
        fake: scores of generated samples, before any sigmoid, of shape (N,).
        fake_logits: logits of their classes, of shape (N, C).
        fake_label: classes that the generator was told to make, in [0, C), of shape (N,).

    References:
        Odena et al., *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML 2017, eq.
        2 and 3, with the usual form of the generator's first term.

    >>> auxiliary_classifier_generator_loss(torch.zeros(1), torch.zeros(1, 2), torch.tensor([0]))
    tensor(1.3863)
    """
    return reduce(F.softplus(-fake) + _wrong(fake_logits, fake_label), weight, reduction)


def _wrong(logits: Tensor, label: Tensor) -> Tensor:
    return F.cross_entropy(logits, label, reduction="none")


class AuxiliaryClassifierDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`auxiliary_classifier_discriminator_loss`."""

    function = staticmethod(auxiliary_classifier_discriminator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class AuxiliaryClassifierGeneratorLoss(FunctionLoss):
    """Module form of :func:`auxiliary_classifier_generator_loss`."""

    function = staticmethod(auxiliary_classifier_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=auxiliary_classifier_discriminator_loss,
        module=AuxiliaryClassifierDiscriminatorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1610.09585",
    ),
    LossSpec(
        function=auxiliary_classifier_generator_loss,
        module=AuxiliaryClassifierGeneratorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1610.09585",
    ),
)
