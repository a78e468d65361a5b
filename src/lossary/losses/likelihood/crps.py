"""Scores of whole predicted distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, nonneg * -> *", eps="(0, inf)")
def gaussian_crps_loss(
    input: Tensor,
    target: Tensor,
    scale: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Continuous ranked probability score of a Gaussian, :math:`s \bigl( z (2 \Phi(z) - 1) + 2
    \varphi(z) - 1 / \sqrt \pi \bigr)` with :math:`z = (y - x) / s`.

    A proper score in the unit of the target: for a deviation of 0 it is the absolute error. It
    punishes outliers less than the likelihood, and cannot run away to minus infinity.

    Args:
        input: predicted means, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: predicted deviations :math:`s`, none below 0, of the shape of ``input``.
        eps: the least deviation, in the unit of the target.

    References:
        Gneiting et al., *Calibrated Probabilistic Forecasting Using Ensemble Model Output
        Statistics and Minimum CRPS Estimation*, Monthly Weather Review 2005, eq. 5.

    >>> gaussian_crps_loss(torch.tensor([1.0]), torch.tensor([1.0]), torch.tensor([1.0]))
    tensor(0.2337)
    """
    scale = scale.clamp(min=eps)
    z = (target - input) / scale
    density = (-z.square() / 2).exp() * math.sqrt(2 / math.pi)
    units = scale * (z * torch.erf(z / math.sqrt(2)) + density - 1 / math.sqrt(math.pi))
    return reduce(units, weight, reduction)


@signature("real N M, real N -> N")
def ensemble_crps_loss(
    input: Tensor,
    target: Tensor,
    *,
    fair: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Continuous ranked probability score of an ensemble, :math:`\tfrac1M \sum_i |x_i - y| -
    \tfrac{1}{2 M^2} \sum_{ij} |x_i - x_j|`.

    For networks that draw several predictions of one number. Members that agree too early are
    punished only by the first term; ``fair`` divides the second by :math:`M (M - 1)` and so does
    not favour small ensembles, but of a single member it is the absolute error.

    Args:
        input: the members' predictions, of shape (N, M).
        target: of shape (N,); integers are converted.
        fair: whether the second term leaves out a member's distance from itself.

    References:
        Gneiting and Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, JASA
        2007, eq. 21; Ferro, *Fair Scores for Ensemble Forecasts*, QJRMS 2014.

    >>> ensemble_crps_loss(torch.tensor([[0.0, 2.0]]), torch.tensor([1.0]))
    tensor(0.5000)
    """
    members = max(1, input.shape[1])
    error = (input - target.unsqueeze(1)).abs().sum(1) / members
    # the sum over all pairs, from the sorted members: each is above its rank and below the rest
    rank = torch.arange(input.shape[1], dtype=input.dtype, device=input.device)
    pairs = ((2 * rank - members + 1) * input.sort(1).values).sum(1)
    own = members * max(1, members - 1) if fair else members**2
    return reduce(error - pairs / own, weight, reduction)


class GaussianCRPSLoss(FunctionLoss):
    """Module form of :func:`gaussian_crps_loss`."""

    function = staticmethod(gaussian_crps_loss)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class EnsembleCRPSLoss(FunctionLoss):
    """Module form of :func:`ensemble_crps_loss`."""

    function = staticmethod(ensemble_crps_loss)

    def __init__(self, *, fair: bool = False, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, fair=fair)


SPECS = (
    LossSpec(
        function=gaussian_crps_loss,
        module=GaussianCRPSLoss,
        traits=Trait.CONVEX,
        variants=({}, {"eps": 0.5}),
        paper="doi:10.1175/MWR2904.1",
    ),
    LossSpec(
        function=ensemble_crps_loss,
        module=EnsembleCRPSLoss,
        variants=({}, {"fair": True}),
        paper="doi:10.1198/016214506000001437",
    ),
)
