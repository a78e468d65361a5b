"""Likelihood of a whole order."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait
from ._lists import beaten_by, items


@signature("real N L, real N L -> N")
def listmle_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""ListMLE loss, :math:`\sum_i \bigl(\ln \sum_{k \geq i} e^{s_{\pi(k)}} - s_{\pi(i)}\bigr)`
    with the items :math:`\pi(1), \pi(2), \ldots` in order of falling relevance.

    The negative log-likelihood of the true order under the Plackett-Luce model: items are drawn
    one after the other, each with its softmax among those that remain. Every place counts the
    same. It wants a full order: of equally relevant items the one that stands first in the list
    is taken to come first, so shuffle the lists where many are equal. Takes memory for all pairs
    of a list.

    Args:
        input: scores of the items of each list, of shape (N, L).
        target: their relevances, of the shape of ``input``; an item of negative relevance is
            padding, and its score may be anything.

    References:
        Xia et al., *Listwise Approach to Learning to Rank: Theory and Algorithm*, ICML 2008,
        the likelihood loss.

    >>> listmle_loss(torch.tensor([[2.0, 1.0, 5.0]]), torch.tensor([[1, 0, -1]]))
    tensor(0.3133)
    """
    real, scores, relevance = items(input, target)
    # an item remains with itself and those it beats; padding, too, with itself, or with nothing
    # at all its softmax would be nan
    remains = (beaten_by(relevance, real).mT & real.unsqueeze(1)) | torch.eye(
        real.shape[1], dtype=torch.bool, device=real.device
    )
    among = scores.unsqueeze(1).masked_fill(~remains, -torch.inf).logsumexp(2)
    units = torch.where(real, among - scores, 0.0).sum(1)
    return reduce(units, weigh(real.any(1), weight), reduction)


class ListMLELoss(FunctionLoss):
    """Module form of :func:`listmle_loss`."""

    function = staticmethod(listmle_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=listmle_loss,
    module=ListMLELoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    paper="doi:10.1145/1390156.1390306",
)
