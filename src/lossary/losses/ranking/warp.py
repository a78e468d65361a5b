"""Hinge loss weighted by the rank of the true class."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, label N -> N", margin="[0, inf)")
def warp_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    ignore_index: int = -100,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""WARP loss, :math:`\frac{L(k)}{k} \sum_{c \neq y} \max(0, m - f_y + f_c)` where :math:`k`
    is the number of classes that violate the margin and :math:`L(k) = \sum_{i \leq k} 1/i`.

    The mean violation times a weight that grows with the rank of the true class, more and more
    slowly: the first places count most. The exact loss over all classes; the paper's algorithm
    estimates it by drawing classes until one violates the margin, which pays off where there are
    too many to score. The rank gets no gradient.

    Args:
        input: scores, of shape (N, C).
        target: class indices in [0, C), of shape (N,).
        margin: the lead :math:`m` that the true class has to have.
        ignore_index: a unit with this class index weighs nothing.

    References:
        Weston, Bengio and Usunier, *Large Scale Image Annotation: Learning to Rank with Joint Word-
        Image Embeddings*, Machine Learning 2010, eq. 1 to 4.

    >>> warp_loss(torch.tensor([[0.0, 1.0, -0.5, -3.0]]), torch.tensor([0]))  # 1.5 / 2 * (2 + 0.5)
    tensor(1.8750)
    """
    index = target.unsqueeze(1)
    lacks = (margin + (input - input.gather(1, index))).scatter(1, index, 0.0).clamp(min=0)
    rank = (lacks > 0).sum(1)
    steps = torch.arange(1, input.shape[1] + 1, device=input.device, dtype=input.dtype)
    share = steps.reciprocal().cumsum(0) / steps  # L(k) / k
    return reduce(share[(rank - 1).clamp(min=0)] * lacks.sum(1), weight, reduction)


class WARPLoss(FunctionLoss):
    """Module form of :func:`warp_loss`."""

    function = staticmethod(warp_loss)

    def __init__(
        self, *, margin: float = 1.0, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, ignore_index=ignore_index)


SPEC = LossSpec(
    function=warp_loss,
    module=WARPLoss,
    traits=Trait.NONNEGATIVE | Trait.SHIFT_INVARIANT,
    variants=({}, {"margin": 0.3}),
    paper="doi:10.1007/s10994-010-5198-3",
)
