"""Likelihood of a mixture of Gaussians."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real N K, real N K, nonneg N K, real N -> N", eps="(0, inf)")
def gaussian_mixture_nll_loss(
    input: Tensor,
    mean: Tensor,
    scale: Tensor,
    target: Tensor,
    *,
    eps: float = 1e-3,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of a mixture of Gaussians, :math:`-\log \sum_k \pi_k \, \mathcal
    N(y; m_k, s_k^2)` with :math:`\pi = \mathrm{softmax}(x)`.

    The loss of mixture density networks: for targets with several answers, whose mean would be
    none of them. A component that sits on a single sample would shrink without end; ``eps`` stops
    it.

    Args:
        input: logits of the components, of shape (N, K).
        mean: their means, of shape (N, K).
        scale: their deviations, none below 0, of shape (N, K).
        target: of shape (N,); integers are converted.
        eps: the least deviation, in the unit of the target.

    References:
        Bishop, *Mixture Density Networks*, Aston University 1994, eq. 29.

    >>> gaussian_mixture_nll_loss(
    ...     torch.tensor([[0.0, 0.0]]),
    ...     torch.tensor([[1.0, 1.0]]),
    ...     torch.tensor([[1.0, 1.0]]),
    ...     torch.tensor([1.0]),
    ... )
    tensor(0.9189)
    """
    scale = scale.clamp(min=eps)
    z = (target.unsqueeze(1) - mean) / scale
    logs = input.log_softmax(1) - z.square() / 2 - scale.log() - math.log(2 * math.pi) / 2
    units = -logs.logsumexp(1) if input.shape[1] else logs.sum(1)  # no component, no density
    return reduce(units, weight, reduction)


class GaussianMixtureNLLLoss(FunctionLoss):
    """Module form of :func:`gaussian_mixture_nll_loss`."""

    function = staticmethod(gaussian_mixture_nll_loss)

    def __init__(self, *, eps: float = 1e-3, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eps=eps)


SPEC = LossSpec(
    function=gaussian_mixture_nll_loss,
    module=GaussianMixtureNLLLoss,
    variants=({}, {"eps": 0.5}),
    paper="Bishop, Mixture Density Networks, Aston University, 1994",
)
