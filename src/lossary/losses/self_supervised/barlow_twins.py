"""Features that agree between two views and not among each other."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._batch import centred


@signature("real N D, real N D -> N", off_diagonal_weight="[0, inf)", eps="(0, inf)")
def barlow_twins_loss(
    input: Tensor,
    target: Tensor,
    *,
    off_diagonal_weight: float = 5e-3,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Barlow Twins, :math:`\sum_d (1 - C_{dd})^2 + \lambda \sum_{d \ne e} C_{de}^2` with the
    correlations :math:`C` of the features of one view with those of the other.

    For representations of two views of the same samples: each feature is to be the same in both,
    and independent of the other features, so that nothing collapses without negatives; it likes
    many features. Correlations are those over the samples of the batch that weigh anything, and
    every sample bears the whole loss, so micro-batches do not add up. A feature without spread has
    correlation 0.

    Args:
        input: embeddings of one view, of shape (N, D).
        target: those of the other view, of shape (N, D).
        off_diagonal_weight: :math:`\lambda`.
        eps: added to the variances, over N, as batch normalization does in the authors' program.

    References:
        Zbontar et al., *Barlow Twins: Self-Supervised Learning via Redundancy Reduction*, ICML
        2021, eq. 1 and 2.

    >>> x = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    >>> y = torch.tensor([[0.0, 1.0], [1.0, 0.0]])  # correlations 1 and -1, in two rows
    >>> barlow_twins_loss(x, y, eps=1e-12)
    tensor(4.0100)
    """
    views = []
    for view in (input, target):
        spread, count = centred(view, weight)
        count = count.clamp(min=1)
        views.append(spread * (spread.square().sum(0) / count + eps).rsqrt())
    correlation = views[0].T @ views[1] / count
    alike = (1 - correlation.diagonal()).square().sum()
    others = correlation.tril(-1).square().sum() + correlation.triu(1).square().sum()
    units = (alike + off_diagonal_weight * others).expand(len(input))
    return reduce(units, weight, reduction)


class BarlowTwinsLoss(FunctionLoss):
    """Module form of :func:`barlow_twins_loss`."""

    function = staticmethod(barlow_twins_loss)

    def __init__(
        self,
        *,
        off_diagonal_weight: float = 5e-3,
        eps: float = 1e-5,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, off_diagonal_weight=off_diagonal_weight, eps=eps)


SPEC = LossSpec(
    function=barlow_twins_loss,
    module=BarlowTwinsLoss,
    traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
    variants=({}, {"off_diagonal_weight": 0.5, "eps": 0.1}),
    paper="arXiv:2103.03230",
    exempt={"parts_add": "the correlations are those of the whole batch"},
)
