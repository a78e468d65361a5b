"""The minimax game, and the loss that generators play it with."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", label_smoothing="[0, 1]")
def minimax_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the minimax game, :math:`-\log D(x) - \log(1 - D(G(z)))` with
    :math:`D = \sigma(f)`.

    The sum of two binary cross-entropies, per pair of a real and a generated sample.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.
        label_smoothing: real samples are labelled ``1 - label_smoothing`` instead of 1, which
            keeps the discriminator from being too sure; generated ones stay at 0.

    References:
        Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014, eq. 1; one-sided smoothing:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 3.4.

    >>> minimax_discriminator_loss(torch.tensor([2.0]), torch.tensor([-1.0]))
    tensor(0.4402)
    """
    on_real = -F.logsigmoid(real) + label_smoothing * real
    return reduce(on_real - F.logsigmoid(-fake), weight, reduction)


@signature("real * -> *")
def minimax_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the minimax game, :math:`\log(1 - D(G(z)))` with :math:`D = \sigma(f)`.

    Its gradient vanishes where the discriminator is sure, at the start of training above all:
    :func:`~lossary.non_saturating_generator_loss` is what is used. It is negative.

    Args:
        fake: scores of generated samples, before any sigmoid, of any shape.

    References:
        Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014, eq. 1.

    >>> minimax_generator_loss(torch.tensor([-1.0]))
    tensor(-0.3133)
    """
    return reduce(F.logsigmoid(-fake), weight, reduction)


@signature("real * -> *")
def non_saturating_generator_loss(
    fake: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Non-saturating generator's loss, :math:`-\log D(G(z))` with :math:`D = \sigma(f)`.

    Also called the -log D trick: the same fixed point as the minimax game, and a strong gradient
    where the discriminator is sure.

    Args:
        fake: scores of generated samples, before any sigmoid, of any shape.

    References:
        Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014, section 3.

    >>> non_saturating_generator_loss(torch.tensor([-1.0]))
    tensor(1.3133)
    """
    return reduce(-F.logsigmoid(fake), weight, reduction)


class MinimaxDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`minimax_discriminator_loss`."""

    function = staticmethod(minimax_discriminator_loss)

    def __init__(self, *, label_smoothing: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, label_smoothing=label_smoothing)


class MinimaxGeneratorLoss(FunctionLoss):
    """Module form of :func:`minimax_generator_loss`."""

    function = staticmethod(minimax_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class NonSaturatingGeneratorLoss(FunctionLoss):
    """Module form of :func:`non_saturating_generator_loss`."""

    function = staticmethod(non_saturating_generator_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=minimax_discriminator_loss,
        module=MinimaxDiscriminatorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"label_smoothing": 0.1}),
        paper="arXiv:1406.2661",
    ),
    LossSpec(
        function=minimax_generator_loss,
        module=MinimaxGeneratorLoss,
        paper="arXiv:1406.2661",
    ),
    LossSpec(
        function=non_saturating_generator_loss,
        module=NonSaturatingGeneratorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1406.2661",
    ),
)
