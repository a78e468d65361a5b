"""Thresholds, each given the one before."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._places import places


@signature("real N K *, count:K N * -> N *")
def corn_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""CORN loss, the mean over the tasks :math:`k \leq y` of :math:`-[y > k] \ln \sigma(f_k) -
    [y \leq k] \ln (1 - \sigma(f_k))`: of every threshold that is reached, whether it is passed.

    For ordered classes. :math:`\sigma(f_k)` is the probability to pass threshold :math:`k` given
    that all before are passed; their products fall in order whatever the network, so that no
    weights need be shared as in :func:`~lossary.coral_loss`. The predicted class is the number of
    products above 1/2.

    A sample weighs as many units as it has tasks, min(y + 1, K): the mean is that over all tasks
    of all samples, as in the paper.

    Args:
        input: logits of K thresholds, of shape (N, K, ...): one less than there are classes.
        target: class indices from 0 to K, the number of thresholds that are passed, of shape
            (N, ...).
        ignore_index: a unit with this class index weighs nothing.

    References:
        Shi, Cao and Raschka, *Deep Neural Networks for Rank-Consistent Ordinal Regression Based On
        Conditional Probabilities*, Pattern Analysis and Applications 2023, section 3.

    >>> corn_loss(torch.tensor([[2.0, -1.0], [2.0, -1.0]]), torch.tensor([1, 0]))
    tensor(0.8557)
    """
    place, label = places(input), target.unsqueeze(1)
    reached = label >= place
    losses = F.softplus(torch.where(label > place, -input, input))
    count = reached.sum(1)
    units = torch.where(reached, losses, 0.0).sum(1) / count.clamp(min=1)
    return reduce(units, weigh(count, weight), reduction)


class CORNLoss(FunctionLoss):
    """Module form of :func:`corn_loss`."""

    function = staticmethod(corn_loss)

    def __init__(self, *, ignore_index: int = -100, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)


SPEC = LossSpec(
    function=corn_loss,
    module=CORNLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    paper="arXiv:2111.08851",
)
