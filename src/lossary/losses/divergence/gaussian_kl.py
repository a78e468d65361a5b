"""Divergence of a Gaussian from the standard one."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N D, real N D -> N", clip="[0, 64]")
def gaussian_kl_divergence(
    mean: Tensor,
    log_variance: Tensor,
    *,
    clip: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Divergence of a diagonal Gaussian from the standard one, :math:`\tfrac12 \sum_i (e^{s_i} +
    m_i^2 - 1 - s_i)` with :math:`s = \log \sigma^2`.

    The regularizer of variational autoencoders. Beyond ``clip`` the exponential goes on as a
    straight line, so that one wild prediction does not overflow.

    Args:
        mean: :math:`m`, of shape (N, D).
        log_variance: :math:`s`, of shape (N, D).
        clip: the log-variance from which on the exponential is a line.

    References:
        Kingma and Welling, *Auto-Encoding Variational Bayes*, ICLR 2014, appendix B.

    >>> gaussian_kl_divergence(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]]))
    tensor(0.5000)
    """
    near = log_variance.clamp(max=clip)
    # expm1 keeps the digits of a variance near one
    grown = torch.where(
        log_variance > clip, near.exp() * (1 + log_variance - near) - 1, near.expm1()
    )
    return reduce((grown + mean.square() - log_variance).sum(1) / 2, weight, reduction)


class GaussianKLDivergence(FunctionLoss):
    """Module form of :func:`gaussian_kl_divergence`."""

    function = staticmethod(gaussian_kl_divergence)

    def __init__(self, *, clip: float = 64.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, clip=clip)


SPEC = LossSpec(
    function=gaussian_kl_divergence,
    module=GaussianKLDivergence,
    variants=({}, {"clip": 0.2}),
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="arXiv:1312.6114",
)
