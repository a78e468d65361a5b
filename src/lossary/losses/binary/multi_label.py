"""Losses of all labels of a sample together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, prob N C -> N")
def multi_label_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Mean binary cross-entropy of the labels, :math:`\tfrac1C \sum_c \mathrm{BCE}(x_c, y_c)`.

    One number per sample, where :func:`~lossary.binary_cross_entropy_with_logits` has one per
    label: so weights are of samples.

    Args:
        input: logits, of shape (N, C).
        target: labels 0 and 1, or probabilities, of shape (N, C).

    References:
        Paszke et al., *PyTorch*, NeurIPS 2019 (multilabel_soft_margin_loss).

    >>> multi_label_soft_margin_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    cost = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    return reduce(cost.sum(1) / max(1, input.shape[1]), weight, reduction)


@signature("real N C, prob N C -> N", margin="[0, inf)")
def multi_label_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-label margin loss, :math:`\tfrac1C \sum_{i} \sum_{j} y_i (1 - y_j) \max(0, m - x_i +
    x_j)`.

    Asks every label that is present to score higher than every label that is absent, by a margin.
    Memory and time grow with the square of the labels; :func:`~lossary.zlpr_loss` asks the same at
    less cost.

    Args:
        input: scores, of shape (N, C).
        target: labels 0 and 1, of shape (N, C).
        margin: :math:`m`.

    References:
        Paszke et al., *PyTorch*, NeurIPS 2019 (multilabel_margin_loss), which takes a list of
        classes instead of zeros and ones.

    >>> multi_label_margin_loss(torch.tensor([[0.0, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.7500)
    """
    lack = (margin - input.unsqueeze(2) + input.unsqueeze(1)).clamp(min=0)
    pairs = target.unsqueeze(2) * (1 - target).unsqueeze(1) * lack
    return reduce(pairs.sum((1, 2)) / max(1, input.shape[1]), weight, reduction)


@signature("real N C, prob N C -> N")
def zlpr_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Zero-bounded log-sum-exp and pairwise rank loss, :math:`\log(1 + \sum_c y_c e^{-x_c}) +
    \log(1 + \sum_c (1 - y_c) e^{x_c})`.

    The softmax loss of many labels: present ones are to score above 0 and absent ones below, and
    the worst counts most, so it does not matter how many absent labels there are.

    Args:
        input: scores, of shape (N, C); a label is predicted where its score is above 0.
        target: labels 0 and 1, or probabilities, of shape (N, C).

    References:
        Su et al., *ZLPR: A Novel Loss for Multi-Label Classification*, 2022, eq. 6.

    >>> zlpr_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(1.3863)
    """
    return reduce(
        _log_one_plus(-input, target) + _log_one_plus(input, 1 - target), weight, reduction
    )


def _log_one_plus(exponent: Tensor, share: Tensor) -> Tensor:
    """Return the logarithm of one plus the sum of ``share * exp(exponent)`` along the labels."""
    nothing = share == 0
    logs = exponent + torch.where(nothing, 1.0, share).log()
    logs = torch.where(nothing, -torch.inf, logs)
    return torch.cat([torch.zeros_like(logs[:, :1]), logs], 1).logsumexp(1)


class MultiLabelSoftMarginLoss(FunctionLoss):
    """Module form of :func:`multi_label_soft_margin_loss`."""

    function = staticmethod(multi_label_soft_margin_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class MultiLabelMarginLoss(FunctionLoss):
    """Module form of :func:`multi_label_margin_loss`."""

    function = staticmethod(multi_label_margin_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class ZLPRLoss(FunctionLoss):
    """Module form of :func:`zlpr_loss`."""

    function = staticmethod(zlpr_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=multi_label_soft_margin_loss,
        module=MultiLabelSoftMarginLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="Paszke et al., PyTorch, NeurIPS 2019",
    ),
    LossSpec(
        function=multi_label_margin_loss,
        module=MultiLabelMarginLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"margin": 0.3}),
        paper="Paszke et al., PyTorch, NeurIPS 2019",
    ),
    LossSpec(
        function=zlpr_loss,
        module=ZLPRLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:2208.02955",
    ),
)
