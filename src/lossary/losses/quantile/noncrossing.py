"""Several quantiles of one target, in order."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N Q, real N -> N", quantiles="prob Q", penalty="[0, inf)", margin="[0, inf)")
def noncrossing_quantile_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantiles: Tensor,
    penalty: float = 1.0,
    margin: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Quantile losses and a price for wrong order, :math:`\frac{1}{Q} \sum_q \max(\tau_q d_q,
    (\tau_q - 1) d_q) + \frac{\lambda}{Q - 1} \sum_{q < Q} \max(0, x_q - x_{q+1} + m)` with
    :math:`d_q = y - x_q`.

    :func:`~lossary.multi_quantile_loss` for a network that predicts several quantiles of one
    target, in which a higher quantile below a lower one costs something. That makes crossings rare,
    not impossible: what was not in the training data may still cross. To rule them out, let the
    network predict the lowest quantile and the softplus of the distances to the next, add them up,
    and take :func:`~lossary.multi_quantile_loss`.

    The quantiles may come in any order; those next to each other by size are compared.

    Args:
        input: a prediction :math:`x_q` per quantile, of shape (N, Q).
        target: :math:`y`, of shape (N,); integers are converted.
        quantiles: :math:`\tau_q`, in (0, 1), of shape (Q,).
        penalty: the price :math:`\lambda` of a unit of wrong order; 0 gives
            :func:`~lossary.multi_quantile_loss`.
        margin: the distance :math:`m`, in the unit of the target, that neighbours should keep.

    References:
        The constraint of Bondell, Reich and Wang, *Noncrossing Quantile Regression Curve
        Estimation*, Biometrika 2010, as a penalty.

    >>> noncrossing_quantile_loss(  # 0.75 and 0.75 of the quantiles, and 2 of the order
    ...     torch.tensor([[2.0, 0.0]]), torch.tensor([1.0]), quantiles=torch.tensor([0.25, 0.75])
    ... )
    tensor(2.7500)
    """
    size = input.shape[1]
    error = target.unsqueeze(1) - input
    losses = torch.maximum(quantiles * error, (quantiles - 1) * error)
    rising = input.index_select(1, quantiles.argsort())
    crossed = (rising[:, :-1] - rising[:, 1:] + margin).clamp(min=0)
    units = losses.sum(1) / max(1, size) + penalty * crossed.sum(1) / max(1, size - 1)
    return reduce(units, weight, reduction)


class NoncrossingQuantileLoss(FunctionLoss):
    """Module form of :func:`noncrossing_quantile_loss`."""

    function = staticmethod(noncrossing_quantile_loss)

    def __init__(
        self,
        *,
        quantiles: Tensor,
        penalty: float = 1.0,
        margin: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, quantiles=quantiles, penalty=penalty, margin=margin)


SPEC = LossSpec(
    function=noncrossing_quantile_loss,
    module=NoncrossingQuantileLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=(
        {"quantiles": torch.tensor([0.1, 0.5, 0.9])},
        {"quantiles": torch.tensor([0.5, 0.9, 0.1]), "penalty": 0.3, "margin": 0.2},
    ),
    paper="doi:10.1093/biomet/asq048",
)
