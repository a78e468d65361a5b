"""Cross-entropy for classes of very different frequency, by shifted logits."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *", class_prior="prob C", tau="[0, inf)", eps="(0, 1)")
def logit_adjusted_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_prior: Tensor,
    tau: float = 1.0,
    eps: float = 1e-8,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of the logits :math:`x_c + \tau \log \pi_c`.

    For long-tailed data when all classes matter alike: during training frequent classes get a head
    start, so that without it, at test time, the balanced error is least. Predict from the plain
    logits. Where the test data have the frequencies of the training data, the cross-entropy is
    right.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        class_prior: the frequency :math:`\pi_c` of each class, of shape (C,); classes of frequency
            0 count as ``eps``.
        tau: the strength :math:`\tau`; 1 is the balanced softmax.
        eps: the least frequency.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Menon et al., *Long-Tail Learning via Logit Adjustment*, ICLR 2021, eq. 10.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> logit_adjusted_loss(x, y, class_prior=torch.tensor([0.75, 0.25]))
    tensor(1.3863)
    """
    shift = tau * class_prior.clamp(min=eps).log()
    return reduce(
        F.cross_entropy(_shifted(input, shift), target, reduction="none"), weight, reduction
    )


@signature("real N C *, label N * -> N *", class_count="nonneg C")
def balanced_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_count: Tensor,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of the logits :math:`x_c + \log n_c`.

    For long-tailed data, from the numbers of samples: :func:`~lossary.logit_adjusted_loss` with a
    strength of 1. Predict from the plain logits.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        class_count: the number :math:`n_c` of training samples of each class, of shape (C,); 0
            counts as 1.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Ren et al., *Balanced Meta-Softmax for Long-Tailed Visual Recognition*, NeurIPS 2020, eq.
        3.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> balanced_softmax_loss(x, y, class_count=torch.tensor([300.0, 100.0]))
    tensor(1.3863)
    """
    shift = class_count.clamp(min=1).log()
    return reduce(
        F.cross_entropy(_shifted(input, shift), target, reduction="none"), weight, reduction
    )


@signature("real N C *, label N * -> N *", scale="nonneg C", shift="real C")
def vector_scaling_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: Tensor,
    shift: Tensor,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of the logits :math:`\Delta_c x_c + \iota_c`.

    Both ways to favour rare classes at once: added numbers act early, factors also when the
    training data are fit perfectly. Predict from the plain logits.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        scale: the factor :math:`\Delta_c` of each class, often :math:`(n_c / \max n)^\gamma`, of
            shape (C,).
        shift: what is added, :math:`\iota_c`, often :math:`\tau \log \pi_c`, of shape (C,).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Kini et al., *Label-Imbalanced and Group-Sensitive Classification under
        Overparameterization*, NeurIPS 2021, eq. 2.

    >>> x, y = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    >>> scale, shift = torch.tensor([0.5, 1.0]), torch.tensor([0.0, 1.0])
    >>> vector_scaling_loss(x, y, scale=scale, shift=shift)
    tensor(0.6931)
    """
    scaled = input * scale.reshape(-1, *(1,) * (input.ndim - 2))
    return reduce(
        F.cross_entropy(_shifted(scaled, shift), target, reduction="none"), weight, reduction
    )


@signature(
    "real N C *, label N * -> N *", class_count="nonneg C", max_margin="[0, inf)", scale="(0, inf)"
)
def label_distribution_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_count: Tensor,
    max_margin: float = 0.5,
    scale: float = 30.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy of :math:`s x`, the label's logit lowered by :math:`\Delta_y = m \, (\min_c
    n_c / n_y)^{1/4}` before.

    LDAM: rare classes get a wider margin, the rarest :math:`m`. For logits that are cosines, or
    otherwise of order 1; usually joined by class weights in the last epochs.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        class_count: the number :math:`n_c` of training samples of each class, of shape (C,); 0
            counts as 1.
        max_margin: the margin :math:`m` of the rarest class.
        scale: :math:`s`, what logits are multiplied by.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Cao et al., *Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss*,
        NeurIPS 2019, eq. 13.

    >>> x, y = torch.tensor([[0.5, 0.0]]), torch.tensor([0])
    >>> label_distribution_margin_loss(x, y, class_count=torch.tensor([1.0, 16.0]))
    tensor(0.6931)
    """
    count = class_count.clamp(min=1)
    margin = max_margin * (count.min() / count) ** 0.25
    own = F.one_hot(target, input.shape[1]).movedim(-1, 1) * margin[target].unsqueeze(1)
    return reduce(
        F.cross_entropy(scale * (input - own), target, reduction="none"), weight, reduction
    )


@signature("real N C *, label N * -> N *", class_count="nonneg C", beta="[0, 1)")
def class_balanced_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    class_count: Tensor,
    beta: float = 0.999,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Class-balanced cross-entropy, :math:`-\alpha_y \log p_y` with :math:`p =
    \mathrm{softmax}(x)`, :math:`\alpha_c \propto (1 - \beta) / (1 - \beta^{n_c})` and a mean
    of 1.

    For imbalanced classes: the weights go by the effective number of samples, which stops growing
    as samples begin to repeat each other. ``beta`` 0 weighs all alike, towards 1 by the inverse
    frequency. The factors are part of the loss: the mean divides by the number of units.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        class_count: the number :math:`n_c` of training samples of each class, of shape (C,); 0
            counts as 1.
        beta: :math:`\beta`, often :math:`1 - 1/N` of some idea N of how many samples differ.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Cui et al., *Class-Balanced Loss Based on Effective Number of Samples*, CVPR 2019, eq. 2
        and 5.

    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> class_balanced_cross_entropy(x, y, class_count=torch.tensor([2.0, 1.0]), beta=0.5)
    tensor(0.8318)
    """
    # 1 - beta^n without losing the digits of a beta near one
    effective = (
        -torch.expm1(class_count.clamp(min=1) * math.log(beta)) if beta else class_count * 0 + 1
    )
    alpha = 1 / effective
    alpha = alpha / alpha.mean()
    return reduce(
        alpha[target] * F.cross_entropy(input, target, reduction="none"), weight, reduction
    )


def _shifted(input: Tensor, shift: Tensor) -> Tensor:
    return input + shift.reshape(-1, *(1,) * (input.ndim - 2))


class LogitAdjustedLoss(FunctionLoss):
    """Module form of :func:`logit_adjusted_loss`."""

    function = staticmethod(logit_adjusted_loss)

    def __init__(
        self,
        *,
        class_prior: Tensor,
        tau: float = 1.0,
        eps: float = 1e-8,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, class_prior=class_prior, tau=tau, eps=eps, ignore_index=ignore_index
        )


class BalancedSoftmaxLoss(FunctionLoss):
    """Module form of :func:`balanced_softmax_loss`."""

    function = staticmethod(balanced_softmax_loss)

    def __init__(
        self, *, class_count: Tensor, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, class_count=class_count, ignore_index=ignore_index)


class VectorScalingLoss(FunctionLoss):
    """Module form of :func:`vector_scaling_loss`."""

    function = staticmethod(vector_scaling_loss)

    def __init__(
        self,
        *,
        scale: Tensor,
        shift: Tensor,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, scale=scale, shift=shift, ignore_index=ignore_index)


class LDAMLoss(FunctionLoss):
    """Module form of :func:`label_distribution_margin_loss`."""

    function = staticmethod(label_distribution_margin_loss)

    def __init__(
        self,
        *,
        class_count: Tensor,
        max_margin: float = 0.5,
        scale: float = 30.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            class_count=class_count,
            max_margin=max_margin,
            scale=scale,
            ignore_index=ignore_index,
        )


class ClassBalancedCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`class_balanced_cross_entropy`."""

    function = staticmethod(class_balanced_cross_entropy)

    def __init__(
        self,
        *,
        class_count: Tensor,
        beta: float = 0.999,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, class_count=class_count, beta=beta, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=logit_adjusted_loss,
        module=LogitAdjustedLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=(
            {"class_prior": torch.tensor([0.7, 0.2, 0.1])},
            {"class_prior": torch.tensor([0.7, 0.3, 0.0]), "tau": 0.5, "eps": 0.01},
        ),
        paper="arXiv:2007.07314",
    ),
    LossSpec(
        function=balanced_softmax_loss,
        module=BalancedSoftmaxLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({"class_count": torch.tensor([500.0, 20.0, 3.0])},),
        paper="arXiv:2007.10740",
    ),
    LossSpec(
        function=vector_scaling_loss,
        module=VectorScalingLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=(
            {"scale": torch.tensor([1.0, 0.6, 0.3]), "shift": torch.tensor([-0.3, -1.0, -3.0])},
        ),
        paper="arXiv:2103.01550",
    ),
    LossSpec(
        function=label_distribution_margin_loss,
        module=LDAMLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=(
            {"class_count": torch.tensor([500.0, 20.0, 3.0])},
            {"class_count": torch.tensor([500.0, 20.0, 0.0]), "scale": 2.0, "max_margin": 0.8},
        ),
        paper="arXiv:1906.07413",
    ),
    LossSpec(
        function=class_balanced_cross_entropy,
        module=ClassBalancedCrossEntropyLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=(
            {"class_count": torch.tensor([500.0, 20.0, 3.0])},
            {"class_count": torch.tensor([500.0, 20.0, 0.0]), "beta": 0.0},
        ),
        paper="arXiv:1901.05555",
    ),
)
