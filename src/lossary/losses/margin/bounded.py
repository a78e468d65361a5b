"""Margin losses that are bounded, for wrong labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, sign * -> *", ceiling="(0, inf)")
def ramp_loss(
    input: Tensor,
    target: Tensor,
    *,
    ceiling: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Ramp loss, :math:`\min(s, \max(0, 1 - y f))`.

    The hinge loss cut off at :math:`s`: samples far on the wrong side have no gradient, so wrong
    labels do not rule. Start from a hinge loss, or such samples never come back.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.
        ceiling: the largest cost :math:`s`.

    References:
        Collobert et al., *Trading Convexity for Scalability*, ICML 2006, eq. 3.

    >>> ramp_loss(torch.tensor([0.5, -9.0]), torch.tensor([1, 1]))
    tensor(1.2500)
    """
    return reduce((1 - target * input).clamp(0, ceiling), weight, reduction)


@signature("real *, sign * -> *")
def savage_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Savage loss, :math:`1 / (1 + e^{2 y f})^2`.

    Bounded by 1, and flat both where the answer is right and where it is hopeless.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        Masnadi-Shirazi and Vasconcelos, *On the Design of Loss Functions for Classification*, NIPS
        2008, table 1, without its factor 4.

    >>> savage_loss(torch.tensor([0.0]), torch.tensor([1]))
    tensor(0.2500)
    """
    return reduce(torch.sigmoid(-2 * target * input).square(), weight, reduction)


@signature("real *, sign * -> *")
def tangent_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tangent loss, :math:`(2 \arctan(y f) - 1)^2`.

    Bounded by :math:`(\pi + 1)^2`, and costs a little, :math:`(\pi - 1)^2`, to be too sure.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        Masnadi-Shirazi et al., *On the Design of Robust Classifiers for Computer Vision*, CVPR
        2010, eq. 21.

    >>> tangent_loss(torch.tensor([0.0]), torch.tensor([1]))
    tensor(1.)
    """
    return reduce((2 * torch.atan(target * input) - 1).square(), weight, reduction)


@signature("real *, sign * -> *")
def sigmoid_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sigmoid loss, :math:`1 / (1 + e^{y f})`.

    A smooth 0-1 loss: the probability of a mistake. Symmetric, so labels that are wrong evenly do
    not move its minimum. Flat where answers are sure, so it wants a good start.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        Ghosh et al., *Making Risk Minimization Tolerant to Label Noise*, Neurocomputing 2015,
        section 3.

    >>> sigmoid_loss(torch.tensor([0.0]), torch.tensor([1]))
    tensor(0.5000)
    """
    return reduce(torch.sigmoid(-target * input), weight, reduction)


@signature("real *, sign * -> *")
def unhinged_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Unhinged loss, :math:`1 - y f`.

    The hinge loss without the hinge, below zero for sure answers: the only convex loss that labels
    wrong evenly do not move. Bound the scores, by weight decay or a norm, or there is no minimum.

    Args:
        input: scores, of any shape.
        target: labels -1 and 1, of the shape of ``input``; of labels 0 and 1 take ``2 * y - 1``.

    References:
        van Rooyen et al., *Learning with Symmetric Label Noise: The Importance of Being Unhinged*,
        NIPS 2015, eq. 4.

    >>> unhinged_loss(torch.tensor([3.0]), torch.tensor([1]))
    tensor(-2.)
    """
    return reduce(1 - target * input, weight, reduction)


class RampLoss(FunctionLoss):
    """Module form of :func:`ramp_loss`."""

    function = staticmethod(ramp_loss)

    def __init__(self, *, ceiling: float = 2.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ceiling=ceiling)


class SavageLoss(FunctionLoss):
    """Module form of :func:`savage_loss`."""

    function = staticmethod(savage_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class TangentLoss(FunctionLoss):
    """Module form of :func:`tangent_loss`."""

    function = staticmethod(tangent_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class SigmoidLoss(FunctionLoss):
    """Module form of :func:`sigmoid_loss`."""

    function = staticmethod(sigmoid_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class UnhingedLoss(FunctionLoss):
    """Module form of :func:`unhinged_loss`."""

    function = staticmethod(unhinged_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=ramp_loss,
        module=RampLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"ceiling": 1.0}),
        paper="doi:10.1145/1143844.1143870",
        exempt={"learns_from_errors": "it is flat where the answer is far on the wrong side"},
    ),
    LossSpec(
        function=savage_loss,
        module=SavageLoss,
        traits=Trait.NONNEGATIVE,
        paper="Masnadi-Shirazi and Vasconcelos, NIPS 2008",
        exempt={"learns_from_errors": "it is flat where the answer is far on the wrong side"},
    ),
    LossSpec(
        function=tangent_loss,
        module=TangentLoss,
        traits=Trait.NONNEGATIVE,
        paper="doi:10.1109/CVPR.2010.5540136",
        exempt={"rewards_right_answers": "being too sure has a price"},
    ),
    LossSpec(
        function=sigmoid_loss,
        module=SigmoidLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1403.3610",
        exempt={"learns_from_errors": "it is flat where the answer is far on the wrong side"},
    ),
    LossSpec(
        function=unhinged_loss,
        module=UnhingedLoss,
        traits=Trait.CONVEX,
        paper="arXiv:1505.07634",
    ),
)
