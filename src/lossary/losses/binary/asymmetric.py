"""Losses for images with many labels of which most are absent."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real *, prob * -> *", gamma_positive="[0, inf)", gamma_negative="[0, inf)", margin="[0, 1)"
)
def asymmetric_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma_positive: float = 0.0,
    gamma_negative: float = 4.0,
    margin: float = 0.05,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Asymmetric loss, :math:`-y (1 - p)^{\gamma_+} \log p - (1 - y) p_m^{\gamma_-} \log(1 -
    p_m)` with :math:`p = \sigma(x)` and :math:`p_m = \max(0, p - m)`.

    For many labels of which few are present: absent labels are focused more than present ones, and
    those below the margin cost nothing at all, which also forgives labels that were forgotten. One
    number per label; the paper adds them up over the labels of an image.

    Args:
        input: logits, of any shape.
        target: probabilities, or labels 0 and 1, of the shape of ``input``.
        gamma_positive: :math:`\gamma_+`, the focus of labels that are present.
        gamma_negative: :math:`\gamma_-`, the focus of labels that are absent.
        margin: the probability :math:`m` below which an absent label costs nothing.

    References:
        Ridnik et al., *Asymmetric Loss For Multi-Label Classification*, ICCV 2021, eq. 7.

    >>> x, y = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0])
    >>> asymmetric_loss(x, y, gamma_positive=1.0, gamma_negative=2.0, margin=0.25)
    tensor(0.1823)
    """
    # powers of probabilities by their logarithms: those have a slope where the power has none
    present = torch.exp(gamma_positive * F.logsigmoid(-input)) * F.softplus(-input)
    shifted = (torch.sigmoid(input) - margin).clamp(min=0)
    inside = shifted > 0
    safe = torch.where(inside, shifted, 0.5)
    # log(1 - p + m), from the logit where the margin is zero: 1 - p has no digits near one
    rest = -F.softplus(input) if margin == 0 else torch.log1p(-safe)
    absent = torch.where(inside, -torch.exp(gamma_negative * safe.log()) * rest, 0.0)
    return reduce(target * present + (1 - target) * absent, weight, reduction)


@signature("real *, prob * -> *", gamma="[0, inf)", margin="[0, inf)", height="[1, inf)")
def hill_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    margin: float = 1.0,
    height: float = 1.5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hill loss, :math:`-y (1 - p_m)^\gamma \log p_m + (1 - y) (\lambda - p) p^2` with :math:`p =
    \sigma(x)` and :math:`p_m = \sigma(x - m)`.

    For labels of which some that are present were not given: an absent label that the network is
    sure of is taken for forgotten, and pulls less.

    Args:
        input: logits, of any shape.
        target: probabilities, or labels 0 and 1, of the shape of ``input``.
        gamma: :math:`\gamma`, the focus of labels that are present.
        margin: :math:`m`, the shift of the logits of labels that are present.
        height: :math:`\lambda`, which places the top of the hill.

    References:
        Zhang et al., *Simple and Robust Loss Design for Multi-Label Learning with Missing Labels*,
        2021, eq. 7.

    >>> hill_loss(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor(0.2500)
    """
    p, shifted = torch.sigmoid(input), input - margin
    present = torch.exp(gamma * F.logsigmoid(-shifted)) * F.softplus(-shifted)
    absent = (height - p) * p.square()
    return reduce(target * present + (1 - target) * absent, weight, reduction)


class AsymmetricLoss(FunctionLoss):
    """Module form of :func:`asymmetric_loss`."""

    function = staticmethod(asymmetric_loss)

    def __init__(
        self,
        *,
        gamma_positive: float = 0.0,
        gamma_negative: float = 4.0,
        margin: float = 0.05,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, gamma_positive=gamma_positive, gamma_negative=gamma_negative, margin=margin
        )


class HillLoss(FunctionLoss):
    """Module form of :func:`hill_loss`."""

    function = staticmethod(hill_loss)

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        margin: float = 1.0,
        height: float = 1.5,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, gamma=gamma, margin=margin, height=height)


SPECS = (
    LossSpec(
        function=asymmetric_loss,
        module=AsymmetricLoss,
        traits=Trait.NONNEGATIVE,
        variants=(
            {},
            {"gamma_positive": 1.0, "gamma_negative": 0.5, "margin": 0.2},
            {"margin": 0.0, "gamma_negative": 2.0},
        ),
        paper="arXiv:2009.14119",
        exempt={
            "learns_from_errors": "with a margin, a sure contradiction is taken for a wrong label"
        },
    ),
    LossSpec(
        function=hill_loss,
        module=HillLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"gamma": 0.5, "margin": 0.0, "height": 2.5}),
        paper="arXiv:2112.07368",
        exempt={"learns_from_errors": "a sure contradiction is taken for a forgotten label"},
    ),
)
