"""Focal losses whose target is a quality between 0 and 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, prob * -> *", beta="(0, inf)")
def quality_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Quality focal loss, :math:`|y - p|^\beta \, \mathrm{BCE}(x, y)` with :math:`p = \sigma(x)`.

    For detectors whose score is the quality of the box: the target is its overlap. What is
    predicted as well as it is costs little.

    Args:
        input: logits, of any shape.
        target: qualities in [0, 1], of the shape of ``input``.
        beta: the focus :math:`\beta`.

    References:
        Li et al., *Generalized Focal Loss*, NeurIPS 2020, eq. 3.

    >>> quality_focal_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.1733)
    """
    cost = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    # the distance from both ends, each without cancellation
    distance = (target * torch.sigmoid(-input) - (1 - target) * torch.sigmoid(input)).abs()
    nothing = distance == 0
    factor = torch.where(nothing, 1.0, distance) ** beta
    return reduce(torch.where(nothing, 0.0, factor) * cost, weight, reduction)


@signature("real *, prob * -> *", alpha="[0, inf)", gamma="[0, inf)")
def varifocal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.75,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Varifocal loss, :math:`q \, \mathrm{BCE}(x, q)` if :math:`q > 0`, else :math:`-\alpha
    p^\gamma \log(1 - p)` with :math:`p = \sigma(x)`.

    For dense detectors: objects count by their quality :math:`q` and are not focused, so that the
    few there are all teach; the many background places are.

    Args:
        input: logits, of any shape.
        target: qualities in [0, 1], 0 for the background, of the shape of ``input``.
        alpha: the weight :math:`\alpha` of the background.
        gamma: its focus :math:`\gamma`.

    References:
        Zhang et al., *VarifocalNet: An IoU-Aware Dense Object Detector*, CVPR 2021, eq. 2.

    >>> varifocal_loss(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor(0.1300)
    """
    object = target * F.binary_cross_entropy_with_logits(input, target, reduction="none")
    background = alpha * torch.exp(gamma * F.logsigmoid(input)) * F.softplus(input)
    return reduce(torch.where(target > 0, object, background), weight, reduction)


@signature("real *, prob * -> *", alpha="[0, inf)", beta="[1, inf)")
def gaussian_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 4.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gaussian focal loss, :math:`-(1 - p)^\alpha \log p` where the heatmap is 1, else :math:`-(1
    - y)^\beta p^\alpha \log(1 - p)`, with :math:`p = \sigma(x)`.

    For keypoint heatmaps with a bump around each point: places near a point cost less if
    predicted. The papers divide the sum by the number of points, not of places: take
    ``reduction="sum"``.

    Args:
        input: logits, of any shape.
        target: heatmap in [0, 1], exactly 1 at the points, of the shape of ``input``.
        alpha: the focus :math:`\alpha`.
        beta: how fast :math:`\beta` the price rises away from a point.

    References:
        Law and Deng, *CornerNet: Detecting Objects as Paired Keypoints*, ECCV 2018, eq. 1.

    >>> gaussian_focal_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.1733)
    """
    point = torch.exp(alpha * F.logsigmoid(-input)) * F.softplus(-input)
    place = (1 - target) ** beta * torch.exp(alpha * F.logsigmoid(input)) * F.softplus(input)
    return reduce(torch.where(target == 1, point, place), weight, reduction)


@signature("real N C, nonneg N -> N")
def distribution_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Distribution focal loss, :math:`-((k + 1 - y) \log p_k + (y - k) \log p_{k + 1})` with
    :math:`p = \mathrm{softmax}(x)` and :math:`k = \lfloor y \rfloor`.

    For a number predicted as a distribution over bins, as detectors do with the sides of a box:
    the two bins around the target are to share it. Targets beyond the last bin count as it.

    Args:
        input: logits of the bins 0 to C - 1, of shape (N, C).
        target: numbers between 0 and C - 1, in units of bins, of shape (N,).

    References:
        Li et al., *Generalized Focal Loss*, NeurIPS 2020, eq. 6.

    >>> distribution_focal_loss(torch.tensor([[0.0, 0.0, 0.0, 0.0]]), torch.tensor([1.25]))
    tensor(1.3863)
    """
    last = input.shape[1] - 1
    place = target.clamp(max=last)
    left = place.floor().clamp(max=max(0, last - 1))
    at = left.long().unsqueeze(1)
    log_p = input.log_softmax(1)
    low = log_p.gather(1, at).squeeze(1)
    high = log_p.gather(1, (at + 1).clamp(max=last)).squeeze(1)
    part = place - left
    return reduce(-(1 - part) * low - part * high, weight, reduction)


class QualityFocalLoss(FunctionLoss):
    """Module form of :func:`quality_focal_loss`."""

    function = staticmethod(quality_focal_loss)

    def __init__(self, *, beta: float = 2.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


class VarifocalLoss(FunctionLoss):
    """Module form of :func:`varifocal_loss`."""

    function = staticmethod(varifocal_loss)

    def __init__(
        self, *, alpha: float = 0.75, gamma: float = 2.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, gamma=gamma)


class GaussianFocalLoss(FunctionLoss):
    """Module form of :func:`gaussian_focal_loss`."""

    function = staticmethod(gaussian_focal_loss)

    def __init__(
        self, *, alpha: float = 2.0, beta: float = 4.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, beta=beta)


class DistributionFocalLoss(FunctionLoss):
    """Module form of :func:`distribution_focal_loss`."""

    function = staticmethod(distribution_focal_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=quality_focal_loss,
        module=QualityFocalLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 1.5}),
        paper="arXiv:2006.04388",
    ),
    LossSpec(
        function=varifocal_loss,
        module=VarifocalLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 0.3, "gamma": 0.5}),
        paper="arXiv:2008.13367",
    ),
    LossSpec(
        function=gaussian_focal_loss,
        module=GaussianFocalLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 1.0, "beta": 2.0}),
        paper="arXiv:1808.01244",
    ),
    LossSpec(
        function=distribution_focal_loss,
        module=DistributionFocalLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
        paper="arXiv:2006.04388",
    ),
)
