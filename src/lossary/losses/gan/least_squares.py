"""The least-squares game."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def least_squares_discriminator_loss(
    real: Tensor,
    fake: Tensor,
    *,
    real_label: float = 1.0,
    fake_label: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discriminator's loss of the least-squares game,
    :math:`\tfrac12 (f(x) - b)^2 + \tfrac12 (f(G(z)) - a)^2`.

    Punishes samples that are on the right side but far off, which gives the generator a gradient
    where a logistic discriminator has none.

    Args:
        real: scores of real samples, before any sigmoid, of any shape.
        fake: scores of generated samples, of the shape of ``real``.
        real_label: the score :math:`b` that real samples should get.
        fake_label: the score :math:`a` that generated samples should get.

    References:
        Mao et al., *Least Squares Generative Adversarial Networks*, ICCV 2017, eq. 2; its labels
        (a, b, c) are (0, 1, 1) or (-1, 1, 0).

    >>> least_squares_discriminator_loss(torch.tensor([2.0]), torch.tensor([-1.0]))
    tensor(1.)
    """
    return reduce(
        ((real - real_label).square() + (fake - fake_label).square()) / 2, weight, reduction
    )


@signature("real * -> *")
def least_squares_generator_loss(
    fake: Tensor,
    *,
    generated_label: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Generator's loss of the least-squares game, :math:`\tfrac12 (f(G(z)) - c)^2`.

    Args:
        fake: scores of generated samples, before any sigmoid, of any shape.
        generated_label: the score :math:`c` that the generator wants for its samples.

    References:
        Mao et al., *Least Squares Generative Adversarial Networks*, ICCV 2017, eq. 2.

    >>> least_squares_generator_loss(torch.tensor([-1.0]))
    tensor(2.)
    """
    return reduce((fake - generated_label).square() / 2, weight, reduction)


class LeastSquaresDiscriminatorLoss(FunctionLoss):
    """Module form of :func:`least_squares_discriminator_loss`."""

    function = staticmethod(least_squares_discriminator_loss)

    def __init__(
        self, *, real_label: float = 1.0, fake_label: float = 0.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, real_label=real_label, fake_label=fake_label)


class LeastSquaresGeneratorLoss(FunctionLoss):
    """Module form of :func:`least_squares_generator_loss`."""

    function = staticmethod(least_squares_generator_loss)

    def __init__(self, *, generated_label: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, generated_label=generated_label)


SPECS = (
    LossSpec(
        function=least_squares_discriminator_loss,
        module=LeastSquaresDiscriminatorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"real_label": 1.0, "fake_label": -1.0}),
        paper="arXiv:1611.04076",
    ),
    LossSpec(
        function=least_squares_generator_loss,
        module=LeastSquaresGeneratorLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"generated_label": 0.0}),
        paper="arXiv:1611.04076",
    ),
)
