"""A smooth absolute error in which common sizes of the gradient count for less."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..binary._harmony import harmony


@signature("real *, real * -> *", mu="(0, inf)", bins="int [1, inf)")
def gradient_harmonized_regression_loss(
    input: Tensor,
    target: Tensor,
    *,
    mu: float = 0.02,
    bins: int = 10,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient-harmonized regression loss, :math:`\frac{N}{M R(g)} \big(\sqrt{d^2 + \mu^2} -
    \mu\big)` with :math:`d = x - y`, the size :math:`g = |d| / \sqrt{d^2 + \mu^2}` of the gradient
    and the number :math:`R(g)` of the :math:`N` units whose size falls into the same of :math:`M`
    bins.

    For the boxes of detectors: neither the many small errors nor the outliers rule. The errors must
    be of the order of ``mu``, or they all fall into the last bin. With few units the counts say
    little.

    The counts get no gradient. They are over the units of the batch that take part, so
    micro-batches do not add up to the loss of the whole.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        mu: the error :math:`\mu`, in the unit of the target, from which on the loss is about
            absolute.
        bins: the number :math:`M` of bins between 0 and 1.

    References:
        Li et al., *Gradient Harmonized Single-stage Detector*, AAAI 2019.

    >>> x, y = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 0.0])
    >>> gradient_harmonized_regression_loss(x, y, mu=4.0, bins=2)
    tensor(0.5000)
    """
    error = input - target
    length = (error.square() + mu * mu).sqrt()
    size = (error / length).detach().abs()
    return reduce(harmony(size, bins, weight) * error.square() / (length + mu), weight, reduction)


class GradientHarmonizedRegressionLoss(FunctionLoss):
    """Module form of :func:`gradient_harmonized_regression_loss`."""

    function = staticmethod(gradient_harmonized_regression_loss)

    def __init__(self, *, mu: float = 0.02, bins: int = 10, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, mu=mu, bins=bins)


SPEC = LossSpec(
    function=gradient_harmonized_regression_loss,
    module=GradientHarmonizedRegressionLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"mu": 1.0, "bins": 3}),
    paper="arXiv:1811.05181",
    exempt={"parts_add": "the sizes of the gradients are counted over the whole batch"},
)
