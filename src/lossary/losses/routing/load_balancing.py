"""Even use of the experts of a mixture, from router logits."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C -> N", top_k="int [1, inf)")
def load_balancing_loss(
    input: Tensor,
    *,
    top_k: int = 1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Load-balancing loss, :math:`C \sum_c f_c \, p_c` of each token, with :math:`p =
    \mathrm{softmax}(x)` and :math:`f_c` the part of the batch's choices that fell on expert
    :math:`c`.

    An auxiliary loss for mixtures of experts: experts that are chosen often become less likely. Its
    mean is 1 where all experts are used alike, and up to C where one gets everything. Add it with a
    small coefficient, 0.01 in the paper; too large a one overrules what the router has learnt.

    The choices carry no gradient, only the probabilities do. They are counted over the tokens of
    the batch that take part, so micro-batches do not add up to the loss of the whole. For
    ``top_k`` above 1 the counts are divided by ``top_k``, so 1 stays the best; some projects leave
    that out, and get ``top_k`` times as much.

    Args:
        input: router logits, of shape (N, C): one row per token, one column per expert.
        top_k: how many experts each token goes to; at most C are counted.

    References:
        Fedus et al., *Switch Transformers*, JMLR 2022, eq. 4 to 6, without the coefficient.

    >>> load_balancing_loss(torch.tensor([[0.0, 0.0], [0.0, 0.0]]))
    tensor(1.)
    """
    experts = input.shape[1]
    k = min(int(top_k), experts)
    chosen = torch.zeros_like(input).scatter(1, input.topk(k, 1).indices, 1.0)
    if weight is not None:
        chosen = chosen * (weight != 0).unsqueeze(1)
    count = chosen.sum(0)
    total = count.sum()
    share = count / torch.where(total == 0, 1.0, total)
    return reduce(experts * (input.softmax(1) * share).sum(1), weight, reduction)


class LoadBalancingLoss(FunctionLoss):
    """Module form of :func:`load_balancing_loss`."""

    function = staticmethod(load_balancing_loss)

    def __init__(self, *, top_k: int = 1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, top_k=top_k)


SPEC = LossSpec(
    function=load_balancing_loss,
    module=LoadBalancingLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"top_k": 2}),
    paper="arXiv:2101.03961",
    exempt={"parts_add": "the use of the experts is counted over the whole batch"},
)
