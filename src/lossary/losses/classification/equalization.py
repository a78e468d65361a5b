"""Sigmoid losses in which rare classes are spared being pushed down."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, prob N C -> N", class_frequency="prob C", threshold="[0, 1]")
def equalization_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_frequency: Tensor,
    threshold: float = 1.76e-3,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Equalization loss, :math:`\sum_c w_c \, \mathrm{BCE}(x_c, y_c)` with :math:`w_c = 1 - E \,
    [f_c < \lambda] \, (1 - y_c)`, where :math:`E` is 1 for a foreground and 0 for a background.

    For detectors with many rare classes: an example of one class does not push rare other classes
    down, or they would never come up. A background, a row without any label, pushes all of them.
    Needs the frequencies beforehand; :func:`~lossary.equalization_v2_loss` does not.

    Args:
        input: logits, of shape (N, C).
        target: labels 0 and 1, of shape (N, C); a row of zeros is background. Where a row sums up
            to less than 1, :math:`E` is that sum.
        class_frequency: the frequency :math:`f_c` of each class, of shape (C,).
        threshold: the frequency :math:`\lambda` below which a class is rare.

    References:
        Tan et al., *Equalization Loss for Long-Tailed Object Recognition*, CVPR 2020.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> equalization_loss(x, y, class_frequency=torch.tensor([0.9, 0.001]))
    tensor(0.6931)
    """
    foreground = target.sum(1, keepdim=True).clamp(max=1)
    rare = (class_frequency < threshold).to(input.dtype)
    cost = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    return reduce(((1 - foreground * rare * (1 - target)) * cost).sum(1), weight, reduction)


@signature(
    "real N C, nonneg C, prob N C -> N", gamma="(0, inf)", mu="(-inf, inf)", alpha="[0, inf)"
)
def equalization_v2_loss(
    input: Tensor,
    gradient_ratio: Tensor,
    target: Tensor,
    *,
    gamma: float = 12.0,
    mu: float = 0.8,
    alpha: float = 4.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Equalization loss v2, :math:`\sum_c r_c y_c \log(1 + e^{-x_c}) + q_c (1 - y_c) \log(1 +
    e^{x_c})` with :math:`q_c = \sigma(\gamma (g_c - \mu))` and :math:`r_c = 1 + \alpha (1 - q_c)`.

    For detectors with many rare classes: a class that was pushed down more than up so far, of which
    the ratio :math:`g_c` of positive to negative gradients is small, is pushed up more and down
    less. Classes are told apart by their gradients, so their numbers need not be known.

    Args:
        input: logits, of shape (N, C).
        gradient_ratio: the ratio :math:`g_c` of the accumulated gradients of each class, of shape
            (C,). The Module owns it: call its ``update`` with every batch.
        target: labels 0 and 1, of shape (N, C); a row of zeros is background.
        gamma: the steepness :math:`\gamma` of the map from ratios to weights.
        mu: the ratio :math:`\mu` at which an absent label weighs a half.
        alpha: how much more than 1 a present label weighs at most.

    References:
        Tan et al., *Equalization Loss v2: A New Gradient Balance Approach for Long-Tailed Object
        Detection*, CVPR 2021.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> equalization_v2_loss(x, torch.tensor([0.8, 100.0]), y)
    tensor(2.7726)
    """
    present, absent = _weights(gradient_ratio, gamma, mu, alpha)
    cost = present * target * F.softplus(-input) + absent * (1 - target) * F.softplus(input)
    return reduce(cost.sum(1), weight, reduction)


def _weights(ratio: Tensor, gamma: float, mu: float, alpha: float) -> tuple[Tensor, Tensor]:
    absent = torch.sigmoid(gamma * (ratio - mu))
    return 1 + alpha * (1 - absent), absent


class EqualizationLoss(FunctionLoss):
    """Module form of :func:`equalization_loss`."""

    function = staticmethod(equalization_loss)

    def __init__(
        self,
        *,
        class_frequency: Tensor,
        threshold: float = 1.76e-3,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, class_frequency=class_frequency, threshold=threshold)


class EqualizationV2Loss(FunctionLoss):
    """Module form of :func:`equalization_v2_loss`.

    It owns the ratios, which begin at 100, and is called with ``(input, target)``. ``update`` adds
    up the gradients of a batch; of several processes, give each the batches of all.

    Args:
        num_classes: the number C of classes.
    """

    function = staticmethod(equalization_v2_loss)
    gradient_ratio: Tensor
    positive_gradient: Tensor
    negative_gradient: Tensor
    gamma: float
    mu: float
    alpha: float

    def __init__(
        self,
        num_classes: int,
        *,
        gamma: float = 12.0,
        mu: float = 0.8,
        alpha: float = 4.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, gamma=gamma, mu=mu, alpha=alpha)
        self.register_buffer("gradient_ratio", torch.full((num_classes,), 100.0))
        self.register_buffer("positive_gradient", torch.zeros(num_classes))
        self.register_buffer("negative_gradient", torch.zeros(num_classes))

    def operands(self, input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        return input, self.gradient_ratio, target

    @torch.no_grad()
    def update(self, input: Tensor, target: Tensor) -> None:
        """Add up the weighted gradients of a batch; call it after the loss of that batch."""
        ratio = self.gradient_ratio
        present, absent = _weights(ratio, self.gamma, self.mu, self.alpha)
        logits, labels = input.to(ratio.dtype), target.to(ratio.dtype)
        size = (torch.sigmoid(logits) - labels).abs()
        self.positive_gradient += present * (size * labels).sum(0)
        self.negative_gradient += absent * (size * (1 - labels)).sum(0)
        found = self.positive_gradient / (self.negative_gradient + 1e-10)
        unseen = (self.positive_gradient == 0) & (self.negative_gradient == 0)
        self.gradient_ratio.copy_(torch.where(unseen, ratio, found))


SPECS = (
    LossSpec(
        function=equalization_loss,
        module=EqualizationLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=(
            {"class_frequency": torch.tensor([0.9, 0.099, 0.001])},
            {"class_frequency": torch.tensor([0.6, 0.3, 0.1]), "threshold": 0.4},
        ),
        paper="arXiv:2003.05176",
    ),
    LossSpec(
        function=equalization_v2_loss,
        module=EqualizationV2Loss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"gamma": 2.0, "mu": 0.5, "alpha": 1.0}),
        paper="arXiv:2012.08548",
        owned={"gradient_ratio": "gradient_ratio"},
        sizes={"num_classes": "C"},
    ),
)
