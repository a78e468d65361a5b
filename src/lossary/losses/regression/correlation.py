"""Agreement of two series up to shift and scale, or without."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N D, real N D -> N")
def pearson_correlation_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pearson correlation loss, :math:`1 - \mathrm{corr}(x, y)`, of each row.

    For series of which only the shape matters: shift and scale of the prediction change nothing,
    so they are not learnt either. A row without spread has correlation 0.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.

    References:
        Pearson, *Note on Regression and Inheritance in the Case of Two Parents*, Proceedings of
        the Royal Society of London 1895.

    >>> pearson_correlation_loss(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[4.0, 2.0, 0.0]]))
    tensor(2.)
    """
    x, y = _centred(input), _centred(target)
    correlation = (normalize(x) * normalize(y)).sum(1)
    return reduce(1 - correlation, weight, reduction)


@signature("real N D, real N D -> N")
def concordance_correlation_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Concordance correlation loss, :math:`1 - 2 \sigma_{xy} / (\sigma_x^2 + \sigma_y^2 + (\bar x
    - \bar y)^2)`, of each row.

    For ratings over time, such as emotions: it asks for the same shape, scale and level. A row
    that equals its target without spread costs 1, because there is nothing to agree on.

    Args:
        input: predictions, of shape (N, D).
        target: of the shape of ``input``; integers are converted.

    References:
        Lin, *A Concordance Correlation Coefficient to Evaluate Reproducibility*, Biometrics 1989.

    >>> concordance_correlation_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[3.0, 1.0]]))
    tensor(2.)
    """
    x, y = _centred(input), _centred(target)
    count = max(1, input.shape[1])
    shift = (input.sum(1) - target.sum(1)) / count
    spread = (x.square().sum(1) + y.square().sum(1)) / count + shift.square()
    share = 2 * (x * y).sum(1) / count / torch.where(spread == 0, 1.0, spread)
    return reduce(1 - share, weight, reduction)


def _centred(x: Tensor) -> Tensor:
    return x - x.sum(1, keepdim=True) / max(1, x.shape[1])


class PearsonCorrelationLoss(FunctionLoss):
    """Module form of :func:`pearson_correlation_loss`."""

    function = staticmethod(pearson_correlation_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class ConcordanceCorrelationLoss(FunctionLoss):
    """Module form of :func:`concordance_correlation_loss`."""

    function = staticmethod(concordance_correlation_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=pearson_correlation_loss,
        module=PearsonCorrelationLoss,
        traits=Trait.SYMMETRIC,
        paper="doi:10.1098/rspl.1895.0041",
    ),
    LossSpec(
        function=concordance_correlation_loss,
        module=ConcordanceCorrelationLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
        paper="doi:10.2307/2532051",
    ),
)
