"""Gaussian likelihood of correlated targets."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real N D, real N D, real N D D -> N", eps="(0, inf)")
def multivariate_gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    precision_factor: Tensor,
    *,
    full: bool = False,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gaussian negative log-likelihood with a full covariance, :math:`\tfrac12 \lVert L^T (y - x)
    \rVert^2 - \sum_i \log L_{ii}`, where :math:`L L^T` is the inverse of the covariance.

    For targets whose errors go together, such as coordinates of a pose or a row of a forecast. The
    network gives the lower triangle of the factor of the *precision*, because this needs no
    solving: from a factor of the covariance the same loss overflows where the factor is nearly
    singular. The covariance is ``torch.cholesky_inverse`` of :math:`L`. It takes D (D + 1) / 2
    outputs; for many targets see :func:`~lossary.gaussian_nll_loss`.

    Args:
        input: predicted means, of shape (N, D).
        target: of the shape of ``input``; integers are converted.
        precision_factor: :math:`L`, of shape (N, D, D); what is above the diagonal does not count,
            and the diagonal has to be above 0: it ends in softplus or exp.
        full: whether the constant :math:`\tfrac D2 \log 2 \pi` is added.
        eps: the least number on the diagonal; what is below counts as this, without a gradient.

    References:
        Williams, *Using Neural Networks to Model Conditional Multivariate Densities*, Neural
        Computation 1996.

    >>> input, target = torch.zeros(1, 2), torch.tensor([[1.0, 2.0]])
    >>> multivariate_gaussian_nll_loss(input, target, torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]))
    tensor(7.8069)
    """
    error = target - input
    diagonal = precision_factor.diagonal(dim1=1, dim2=2).clamp(min=eps)
    whitened = (error.unsqueeze(1) @ precision_factor.tril(-1)).squeeze(1) + diagonal * error
    units = whitened.square().sum(1) / 2 - diagonal.log().sum(1)
    if full:
        units = units + input.shape[1] * math.log(2 * math.pi) / 2
    return reduce(units, weight, reduction)


def _example(generator: Generator) -> tuple[object, ...]:
    x, y = (torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in "xy")
    factor = torch.randn(4, 3, 3, generator=generator, dtype=torch.float64)
    return x, y, factor + 2 * torch.eye(3) * factor.abs().amax()


class MultivariateGaussianNLLLoss(FunctionLoss):
    """Module form of :func:`multivariate_gaussian_nll_loss`."""

    function = staticmethod(multivariate_gaussian_nll_loss)

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, full=full, eps=eps)


SPEC = LossSpec(
    function=multivariate_gaussian_nll_loss,
    module=MultivariateGaussianNLLLoss,
    variants=({}, {"full": True, "eps": 4.0}),
    example=_example,
    paper="doi:10.1162/neco.1996.8.4.843",
)
