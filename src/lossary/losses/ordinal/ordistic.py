"""Classes as Gaussians on a line."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N, real C, label N -> N")
def ordistic_loss(
    input: Tensor,
    means: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Ordistic loss, :math:`-\ln \frac{e^{-(f - \mu_y)^2 / 2}}{\sum_c e^{-(f - \mu_c)^2 / 2}}`.

    The classes are Gaussians of equal width on a line, on which the network places each sample:
    the logistic loss of ordered classes. Unlike the thresholds of
    :func:`~lossary.cumulative_link_loss`, the means may be given in any order.

    Args:
        input: scores, of shape (N,).
        means: the mean of each class, of shape (C,), in units of their standard deviation.
        target: class indices in [0, C), of shape (N,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Rennie and Srebro, *Loss Functions for Preference Levels: Regression with Discrete Ordered
        Labels*, IJCAI Multidisciplinary Workshop on Advances in Preference Handling 2005, section
        4, all priors equal.

    >>> ordistic_loss(torch.tensor([0.5]), torch.tensor([-1.0, 1.0]), torch.tensor([1]))
    tensor(0.3133)
    """
    # the square of the score is the same for all classes and cancels
    logits = input.unsqueeze(1) * means - means.square() / 2
    return reduce(F.cross_entropy(logits, target, reduction="none"), weight, reduction)


class OrdisticLoss(FunctionLoss):
    """Module form of :func:`ordistic_loss`.

    It owns the means, which learn, and is called with ``(input, target)``. They begin one apart,
    around 0.

    Args:
        num_classes: the number C of classes.
    """

    function = staticmethod(ordistic_loss)

    def __init__(
        self, num_classes: int, *, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, ignore_index=ignore_index)
        self.means = nn.Parameter(torch.arange(num_classes) - (num_classes - 1) / 2)

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.means, target


SPEC = LossSpec(
    function=ordistic_loss,
    module=OrdisticLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="Rennie and Srebro, Loss Functions for Preference Levels, IJCAI Multidisciplinary "
    "Workshop on Advances in Preference Handling 2005",
    owned={"means": "means"},
    sizes={"num_classes": "C"},
)
