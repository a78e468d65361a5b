"""Distances between distributions that are bounded."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("prob N C, prob N C -> N")
def total_variation_distance(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Total variation distance, :math:`\tfrac12 \sum_c |p_c - q_c|`.

    The largest difference in the probability of any event, between 0 and 1.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).

    References:
        Gibbs and Su, *On Choosing and Bounding Probability Metrics*, International Statistical
        Review 2002, p. 424.

    >>> total_variation_distance(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.5000)
    """
    return reduce((input - target).abs().sum(1) / 2, weight, reduction)


@signature("prob N C, prob N C -> N", eps="(0, 1)")
def squared_hellinger_distance(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-12,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared Hellinger distance, :math:`\tfrac12 \sum_c (\sqrt{p_c} - \sqrt{q_c})^2`.

    Between 0 and 1, and finite where the divergence is not. Probabilities below ``eps`` count as
    ``eps``, whose root would have an infinite slope at zero.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        eps: the least probability.

    References:
        Gibbs and Su, *On Choosing and Bounding Probability Metrics*, International Statistical
        Review 2002, p. 421.

    >>> squared_hellinger_distance(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.2929)
    """
    roots = input.clamp(min=eps).sqrt() - target.clamp(min=eps).sqrt()
    return reduce(roots.square().sum(1) / 2, weight, reduction)


@signature("prob N C, prob N C -> N", eps="(0, 1)")
def bhattacharyya_distance(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-12,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Bhattacharyya distance, :math:`-\log \sum_c \sqrt{p_c q_c}`.

    How little two distributions overlap; infinite for none, so probabilities below ``eps`` count
    as ``eps``.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        eps: the least probability.

    References:
        Bhattacharyya, *On a Measure of Divergence between Two Statistical Populations*, Bulletin
        of the Calcutta Mathematical Society 1943.

    >>> bhattacharyya_distance(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.3466)
    """
    overlap = (input.clamp(min=eps) * target.clamp(min=eps)).sqrt().sum(1)
    return reduce(-overlap.log(), weight, reduction)


@signature("prob N C, prob N C -> N", eps="(0, 1)")
def chi_squared_divergence(
    input: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pearson's chi-squared divergence, :math:`\sum_c (q_c - p_c)^2 / p_c`.

    Very hard on classes that the prediction has nearly excluded. Predicted probabilities below
    ``eps`` count as ``eps`` below the line.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        eps: the least predicted probability.

    References:
        Gibbs and Su, *On Choosing and Bounding Probability Metrics*, International Statistical
        Review 2002, p. 425.

    >>> chi_squared_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(1.)
    """
    return reduce(((target - input).square() / input.clamp(min=eps)).sum(1), weight, reduction)


class TotalVariationDistance(FunctionLoss):
    """Module form of :func:`total_variation_distance`."""

    function = staticmethod(total_variation_distance)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class SquaredHellingerDistance(FunctionLoss):
    """Module form of :func:`squared_hellinger_distance`."""

    function = staticmethod(squared_hellinger_distance)

    def __init__(self, *, eps: float = 1e-12, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class BhattacharyyaDistance(FunctionLoss):
    """Module form of :func:`bhattacharyya_distance`."""

    function = staticmethod(bhattacharyya_distance)

    def __init__(self, *, eps: float = 1e-12, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


class ChiSquaredDivergence(FunctionLoss):
    """Module form of :func:`chi_squared_divergence`."""

    function = staticmethod(chi_squared_divergence)

    def __init__(self, *, eps: float = 1e-6, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPECS = (
    LossSpec(
        function=total_variation_distance,
        module=TotalVariationDistance,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC | Trait.CONVEX,
        paper="doi:10.1111/j.1751-5823.2002.tb00178.x",
    ),
    LossSpec(
        function=squared_hellinger_distance,
        module=SquaredHellingerDistance,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"eps": 0.05}),
        paper="doi:10.1111/j.1751-5823.2002.tb00178.x",
    ),
    LossSpec(
        function=bhattacharyya_distance,
        module=BhattacharyyaDistance,
        traits=Trait.SYMMETRIC,
        variants=({}, {"eps": 0.05}),
        paper="Bhattacharyya, Bulletin of the Calcutta Mathematical Society 35, 1943",
    ),
    LossSpec(
        function=chi_squared_divergence,
        module=ChiSquaredDivergence,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET,
        variants=({}, {"eps": 0.05}),
        paper="doi:10.1111/j.1751-5823.2002.tb00178.x",
    ),
)
