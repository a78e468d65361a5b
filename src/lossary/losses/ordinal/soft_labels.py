"""Cross-entropy with labels that spread to neighbouring classes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._places import distances


@signature("real N C *, label N * -> N *", alpha="[0, inf)", p="(0, inf)")
def sord_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    p: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""SORD loss, :math:`-\sum_c q_c \ln p_c` with :math:`p = \mathrm{softmax}(x)` and the soft
    label :math:`q = \mathrm{softmax}(-\alpha |c - y|^p)`.

    Label smoothing for ordered classes: neighbours of the true class are less wrong than others.
    Its probabilities come out as wide as the labels; the predicted class does not suffer. The
    smallest value is the entropy of the label, not 0.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), in their order, of shape (N, ...).
        alpha: sharpness of the label; a large one gives :func:`~lossary.cross_entropy`.
        p: the power of the distance; the paper tries 1 and 2.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Díaz and Marathe, *Soft Labels for Ordinal Regression*, CVPR 2019, eq. 1.

    >>> sord_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))  # 1.3133 less 1 / (1 + e)
    tensor(1.0443)
    """
    wanted = (-alpha * distances(input, target) ** p).softmax(1)
    return reduce(-(wanted * input.log_softmax(1)).sum(1), weight, reduction)


@signature("real N C *, label N * -> N *", eta="[0, 1]")
def binomial_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    eta: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cross-entropy with binomial soft labels, :math:`-\sum_c q_c \ln \mathrm{softmax}(x)_c` with
    :math:`q_c = (1 - \eta) [c = y] + \eta \binom{C-1}{c} \pi^c (1 - \pi)^{C-1-c}` and
    :math:`\pi = 0.1 + 0.8 \, y / (C - 1)`.

    Label smoothing for ordered classes, with one mode at the true class; the spread is given by
    their number. Where it shall be chosen, see :func:`~lossary.sord_loss`.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), in their order, of shape (N, ...).
        eta: how much of the label is spread; 0 gives :func:`~lossary.cross_entropy`.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Liu et al., *Unimodal Regularized Neuron Stochastic Training for Ordinal Classification*,
        IEEE Transactions on Image Processing 2020; the chances of success evenly spaced from 0.1
        to 0.9.

    >>> binomial_cross_entropy(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))  # q = (0.9, 0.1)
    tensor(1.2133)
    """
    logits = input.log_softmax(1)
    spread = -(_binomial_labels(input)[target].movedim(-1, 1) * logits).sum(1)
    own = -logits.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce((1 - eta) * own + eta * spread, weight, reduction)


def _binomial_labels(input: Tensor) -> Tensor:
    """Return the soft label of every class, of shape (C, C)."""
    # of many classes the logarithms are large: in single precision their difference is not exact
    place = torch.arange(input.shape[1], dtype=torch.float64, device=input.device)
    top = max(input.shape[1] - 1, 1)
    share = (0.1 + 0.8 * place / top).unsqueeze(1)
    ways = -(place + 1).lgamma() - (top - place + 1).lgamma()  # times (C - 1)!
    logits = ways + place * share.log() + (top - place) * (-share).log1p()
    return logits.softmax(1).to(input.dtype)


class SORDLoss(FunctionLoss):
    """Module form of :func:`sord_loss`."""

    function = staticmethod(sord_loss)

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        p: float = 1.0,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, alpha=alpha, p=p, ignore_index=ignore_index)


class BinomialCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`binomial_cross_entropy`."""

    function = staticmethod(binomial_cross_entropy)

    def __init__(
        self, *, eta: float = 1.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, eta=eta, ignore_index=ignore_index)


SPECS = (
    LossSpec(
        function=sord_loss,
        module=SORDLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"alpha": 0.5, "p": 2.0}),
        paper="doi:10.1109/CVPR.2019.00487",
        exempt={"rewards_right_answers": "it wants probability on neighbouring classes too"},
    ),
    LossSpec(
        function=binomial_cross_entropy,
        module=BinomialCrossEntropyLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        variants=({}, {"eta": 0.3}, {"eta": 0.0}),
        paper="Liu et al., Unimodal Regularized Neuron Stochastic Training for Ordinal "
        "Classification, IEEE Transactions on Image Processing 2020",
        exempt={"rewards_right_answers": "it wants probability on neighbouring classes too"},
    ),
)
