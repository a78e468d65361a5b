"""Families of divergences."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("prob N C, prob N C -> N", alpha="(0, 1)", eps="(0, 1)")
def alpha_divergence(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    eps: float = 1e-12,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Alpha-divergence, :math:`\bigl( 1 - \sum_c q_c^\alpha p_c^{1 - \alpha} \bigr) / (\alpha (1
    - \alpha))`.

    One number goes from seeking a mode of the target, near 0, over twice the Hellinger distance
    squared, at one half, to covering all of it, near 1. Probabilities below ``eps`` count as
    ``eps``.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        alpha: :math:`\alpha`, neither 0 nor 1; those limits are the two directions of the KL
            divergence.
        eps: the least probability.

    References:
        Amari, *Differential-Geometrical Methods in Statistics*, Springer 1985; Minka, *Divergence
        Measures and Message Passing*, Microsoft Research 2005, eq. 8.

    >>> alpha_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]), alpha=0.5)
    tensor(1.1716)
    """
    logs = alpha * target.clamp(min=eps).log() + (1 - alpha) * input.clamp(min=eps).log()
    return reduce((1 - logs.exp().sum(1)) / (alpha * (1 - alpha)), weight, reduction)


@signature("prob N C, prob N C -> N", alpha="(0, inf)", eps="(0, 1)")
def renyi_divergence(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    eps: float = 1e-12,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Renyi divergence, :math:`\tfrac{1}{\alpha - 1} \log \sum_c q_c^\alpha p_c^{1 - \alpha}`.

    Used in differential privacy and in variational inference. Orders above 1 blow up where the
    prediction excludes what the target holds; probabilities below ``eps`` count as ``eps``.

    Args:
        input: predicted probabilities :math:`p`, that sum to 1 along C, of shape (N, C).
        target: probabilities :math:`q`, of shape (N, C).
        alpha: the order :math:`\alpha`, not 1; towards 1 it is the KL divergence.
        eps: the least probability.

    References:
        Renyi, *On Measures of Entropy and Information*, Berkeley Symposium 1961, eq. 3.3.

    >>> renyi_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]), alpha=2.0)
    tensor(0.6931)
    """
    logs = alpha * target.clamp(min=eps).log() + (1 - alpha) * input.clamp(min=eps).log()
    return reduce(logs.logsumexp(1) / (alpha - 1), weight, reduction)


class AlphaDivergence(FunctionLoss):
    """Module form of :func:`alpha_divergence`."""

    function = staticmethod(alpha_divergence)

    def __init__(
        self, *, alpha: float = 0.5, eps: float = 1e-12, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, eps=eps)


class RenyiDivergence(FunctionLoss):
    """Module form of :func:`renyi_divergence`."""

    function = staticmethod(renyi_divergence)

    def __init__(
        self, *, alpha: float = 0.5, eps: float = 1e-12, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, eps=eps)


SPECS = (
    LossSpec(
        function=alpha_divergence,
        module=AlphaDivergence,
        variants=({}, {"alpha": 0.8, "eps": 0.05}),
        paper="doi:10.1007/978-1-4612-5056-2",
    ),
    LossSpec(
        function=renyi_divergence,
        module=RenyiDivergence,
        variants=({}, {"alpha": 2.0, "eps": 0.05}),
        paper="Renyi, On Measures of Entropy and Information, Berkeley Symposium, 1961",
    ),
)
