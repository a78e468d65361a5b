"""Losses that wrong labels, spread evenly, do not mislead."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C *, label N * -> N *")
def mean_absolute_probability_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Absolute error of the probabilities, :math:`\|p - y\|_1 = 2 (1 - p_y)` with :math:`p =
    \mathrm{softmax}(x)`.

    For labels of which many are wrong, by chance and evenly: it has the same minimum as without
    them. It learns slowly, and with many classes hardly at all; then see
    :func:`~lossary.active_passive_loss` or :func:`~lossary.generalized_cross_entropy`.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Ghosh et al., *Robust Loss Functions under Label Noise for Deep Neural Networks*, AAAI 2017.

    >>> mean_absolute_probability_loss(torch.tensor([[1.0, 3.0]]).log(), torch.tensor([0]))
    tensor(1.5000)
    """
    own = input.log_softmax(1).gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce(-2 * torch.expm1(own), weight, reduction)


@signature("real N C *, label N * -> N *", alpha="[0, inf)", beta="[0, inf)", log_zero="(-inf, 0)")
def active_passive_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    log_zero: float = -4.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Active passive loss, :math:`\alpha \frac{\log p_y}{\sum_c \log p_c} - \beta A (1 - p_y)`
    with :math:`p = \mathrm{softmax}(x)`.

    For labels of which some are wrong: the normalized cross-entropy, which raises the label, and
    the reverse cross-entropy, which lowers the others, where :math:`\log 0` is taken to be
    :math:`A`. Either alone fits too slowly. With clean labels the cross-entropy is better.

    Other pairs of the paper are sums of losses here, such as
    ``NormalizedCrossEntropyLoss() + MeanAbsoluteProbabilityLoss()``.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), of shape (N, ...).
        alpha: the weight :math:`\alpha` of the active part.
        beta: the weight :math:`\beta` of the passive part.
        log_zero: :math:`A`, what stands for the logarithm of zero.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Ma et al., *Normalized Loss Functions for Deep Learning with Noisy Labels*, ICML 2020, the
        pair NCE and RCE.

    >>> active_passive_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    tensor(2.5000)
    """
    log_p = input.log_softmax(1)
    own = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    total = log_p.sum(1)
    # of a single class nothing can be learnt: its cost and the sum are zero
    active = own / torch.where(total == 0, 1.0, total)
    return reduce(alpha * active + beta * log_zero * torch.expm1(own), weight, reduction)


class MeanAbsoluteProbabilityLoss(FunctionLoss):
    """Module form of :func:`mean_absolute_probability_loss`."""

    function = staticmethod(mean_absolute_probability_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


class ActivePassiveLoss(FunctionLoss):
    """Module form of :func:`active_passive_loss`."""

    function = staticmethod(active_passive_loss)

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        beta: float = 1.0,
        log_zero: float = -4.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, alpha=alpha, beta=beta, log_zero=log_zero, ignore_index=ignore_index
        )


_EXEMPT = {"learns_from_errors": "a sure contradiction is taken for a wrong label"}

SPECS = (
    LossSpec(
        function=mean_absolute_probability_loss,
        module=MeanAbsoluteProbabilityLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        paper="arXiv:1712.09482",
        exempt=_EXEMPT,
    ),
    LossSpec(
        function=active_passive_loss,
        module=ActivePassiveLoss,
        traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
        variants=({}, {"alpha": 10.0, "beta": 0.1, "log_zero": -2.0}),
        paper="arXiv:2006.13554",
        exempt=_EXEMPT,
    ),
)
