"""Agreement beyond chance."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, fit_weight, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._places import distances


@signature("real N C, label N -> N", power="(0, inf)")
def weighted_kappa_loss(
    input: Tensor,
    target: Tensor,
    *,
    power: float = 2.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Weighted kappa loss, whose mean is :math:`1 - \kappa = \frac{\sum_n \sum_c |y_n - c|^a \,
    p_{nc}}{\frac1N \sum_{n, m} \sum_c |y_n - c|^a \, p_{mc}}` with :math:`p = \mathrm{softmax}(x)`.

    Cohen's kappa, by which graders are compared: the disagreement over that of the same answers
    in random order. It does not reward guessing the most frequent class. The chance is that of the
    batch: use large batches, and expect other values from the parts of one. The paper takes the
    logarithm of the mean, and trains better from the weights that another loss found. Where
    all agree by chance alone, the loss is 0.

    Args:
        input: logits, of shape (N, C).
        target: class indices in [0, C), in their order, of shape (N,).
        power: the power :math:`a` of the distance; 2 is the quadratic, 1 the linear kappa.
        ignore_index: a unit with this class index weighs nothing.

    References:
        De la Torre, Puig and Valls, *Weighted Kappa Loss Function for Multi-Class Classification
        of Ordinal Data in Deep Learning*, Pattern Recognition Letters 2018, without the
        logarithm.

    >>> sure = torch.tensor([[9.0, -9.0], [-9.0, 9.0], [9.0, -9.0], [9.0, -9.0]])
    >>> weighted_kappa_loss(sure, torch.tensor([0, 1, 1, 0]))  # kappa is 1/2
    tensor(0.5000)
    """
    p = input.softmax(1)
    share = torch.ones_like(p[:, 0])
    if weight is not None:
        share = fit_weight(weight, target.shape).to(p.dtype)
    total = share.sum()
    share = share / torch.where(total > 0, total, 1.0)
    price = distances(input, target) ** power
    chance = (share @ price) @ (share @ p)
    some = chance > torch.finfo(p.dtype).eps ** 2
    cost = (price * p).sum(1)
    units = torch.where(some, cost, 0.0) / torch.where(some, chance, 1.0)
    return reduce(units, weight, reduction)


class WeightedKappaLoss(FunctionLoss):
    """Module form of :func:`weighted_kappa_loss`."""

    function = staticmethod(weighted_kappa_loss)

    def __init__(
        self, *, power: float = 2.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, power=power, ignore_index=ignore_index)


SPEC = LossSpec(
    function=weighted_kappa_loss,
    module=WeightedKappaLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"power": 1.0}),
    paper="doi:10.1016/j.patrec.2017.05.018",
    exempt={
        "parts_add": "agreement by chance is that of the whole batch",
        "weight_law": "agreement by chance is that of the weighted batch",
    },
)
