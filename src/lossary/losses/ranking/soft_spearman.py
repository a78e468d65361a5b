"""Agreement of ranks, made smooth by projection onto all orders."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N D, real N D -> N", temperature="(0, inf)")
def soft_spearman_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Soft Spearman loss, :math:`\frac{6}{n (n^2 - 1)} \lVert r(y) - \hat r(x) \rVert^2` with the
    ranks r of the target and the soft ranks :math:`\hat r(x)`, the point nearest to :math:`x /
    \tau` of the convex hull of all orders of 1 to n.

    One less Spearman's rank correlation, as soon as neighbouring scores differ by :math:`\tau` or
    more: then the soft ranks are ranks, and the gradient is zero. The larger :math:`\tau`, the more
    scores share in their ranks; when all do, the loss is that of equal scores, 0.5. Choose it by
    the spread of the scores. For targets of which only the order counts; where the top of the list
    counts most see :func:`~lossary.approx_ndcg_loss`.

    Equal targets share the mean of their ranks. The projection is exact, in double precision, and
    takes n x n numbers per row: for lists of up to a thousand or so. Of a single score the loss
    is 0.

    Args:
        input: scores, of shape (N, n).
        target: of the shape of ``input``: values, relevances or ranks, the larger the higher;
            integers are converted.
        temperature: :math:`\tau`, the strength of the regularization, in the unit of the scores.

    References:
        Blondel et al., *Fast Differentiable Sorting and Ranking*, ICML 2020, sections 4 to 6, up
        to the factor.

    >>> x, y = torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 7.0]])
    >>> soft_spearman_loss(x, y, temperature=2.0)  # ranks 1 and 2, soft ranks 1.25 and 1.75
    tensor(0.1250)
    """
    size = input.shape[1]
    if size < 2:
        return reduce(0 * input.sum(1), weight, reduction)
    error = _soft_ranks(input.double() / temperature) - _ranks(target).double()
    units = error.square().sum(1) * (6 / (size * (size**2 - 1)))
    return reduce(units.to(input.dtype), weight, reduction)


def _ranks(values: Tensor) -> Tensor:
    """Return ranks from 1, the smallest value's; equal values share their mean."""
    one, other = values.unsqueeze(2), values.unsqueeze(1)
    return (one > other).sum(2) + (one == other).sum(2) / 2 + 0.5


def _soft_ranks(x: Tensor) -> Tensor:
    """Project rows of shape (N, n) onto the convex hull of the orders of 1 to n.

    In falling order the projection is the numbers less a falling regression of what they are above
    n, ..., 1 (Blondel et al., 2020, proposition 3). Its value at a place is the mean over a block:
    the smallest, over where it begins, of the largest, over where it ends. The blocks are constant
    nearly everywhere, so that the gradient is that of the means.
    """
    size = x.shape[1]
    place = torch.arange(size, device=x.device)
    falling, order = x.sort(dim=1, descending=True, stable=True)
    above = falling - (size - place)
    fixed = above.detach()
    sums = fixed.cumsum(1)
    before = sums - fixed
    length = place - place.unsqueeze(1) + 1  # of the block from the first index to the second
    block = length > 0
    means = (sums.unsqueeze(1) - before.unsqueeze(2)) / length.clamp(min=1)
    means = means.masked_fill(~block, -torch.inf)
    largest, end = (found.flip(2) for found in means.flip(2).cummax(2))
    begin = largest.masked_fill(~block, torch.inf).argmin(1, keepdim=True)
    end = size - 1 - end.gather(1, begin)
    inside = (place >= begin.mT) & (place <= end.mT)
    level = (inside * above.unsqueeze(1)).sum(2) / inside.sum(2)
    return (falling - level).gather(1, order.argsort(1))


class SoftSpearmanLoss(FunctionLoss):
    """Module form of :func:`soft_spearman_loss`."""

    function = staticmethod(soft_spearman_loss)

    def __init__(self, *, temperature: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, temperature=temperature)


SPEC = LossSpec(
    function=soft_spearman_loss,
    module=SoftSpearmanLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"temperature": 0.3}, {"temperature": 10.0}),
    paper="arXiv:2002.08871",
)
