"""Logarithmic cost of wrong classes by their distance."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._places import distances


@signature("real N C *, label N * -> N *", alpha="[0, inf)")
def distance_weighted_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 5.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Class-distance-weighted cross-entropy, :math:`-\sum_{c \neq y} |c - y|^\alpha \ln (1 - p_c)`
    with :math:`p = \mathrm{softmax}(x)`.

    CDW-CE: punishes each wrong class by how far it lies from the true one. Unlike
    :func:`~lossary.emd_squared_loss` it has a gradient where the network is sure of one wrong
    class, but none where it is sure of two alike. Takes memory for all pairs of classes.

    Args:
        input: logits, of shape (N, C, ...).
        target: class indices in [0, C), in their order, of shape (N, ...).
        alpha: the power of the distance; the paper recommends 5 to 7 of a few classes.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Polat et al., *Class Distance Weighted Cross-Entropy Loss for Ulcerative Colitis Severity
        Estimation*, MIUA 2022.

    >>> x = torch.log(torch.tensor([[0.25, 0.25, 0.5]]))
    >>> distance_weighted_cross_entropy(x, torch.tensor([0]), alpha=1.0)  # -ln 0.75 - 2 ln 0.5
    tensor(1.6740)
    """
    distance = distances(input, target)
    classes = input.shape[1]
    own = torch.eye(classes, dtype=torch.bool, device=input.device)
    own = own.reshape(classes, classes, *(1,) * (input.ndim - 2))
    # ln (1 - p_c) from the other classes; of the true class, which does not count, from all, as
    # there may be no others
    left_out = own & (distance > 0).unsqueeze(2)
    others = input.unsqueeze(1).masked_fill(left_out, -torch.inf).logsumexp(2)
    log_rest = others - input.logsumexp(1, keepdim=True)
    price = torch.where(distance > 0, distance, 1.0) ** alpha
    return reduce(-torch.where(distance > 0, price * log_rest, 0.0).sum(1), weight, reduction)


class DistanceWeightedCrossEntropyLoss(FunctionLoss):
    """Module form of :func:`distance_weighted_cross_entropy`."""

    function = staticmethod(distance_weighted_cross_entropy)

    def __init__(
        self, *, alpha: float = 5.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, alpha=alpha, ignore_index=ignore_index)


SPEC = LossSpec(
    function=distance_weighted_cross_entropy,
    module=DistanceWeightedCrossEntropyLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"alpha": 1.0}),
    paper="arXiv:2202.05167",
    exempt={"learns_from_errors": "it is flat where two wrong classes share the answer"},
)
