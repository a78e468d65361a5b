"""A pair from each of many classes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import rows_here
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ..classification.linear_cross_entropy import linear_cross_entropy
from ._batch import partners


@signature("real N D, real N D -> N")
def n_pair_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-class N-pair loss, :math:`\log(1 + \sum_{j \ne i} e^{x_i \cdot y_j - x_i \cdot
    y_i})`.

    For embeddings from pairs of N different classes: :func:`~lossary.info_nce_loss` with products
    instead of cosines. Lengths are free to grow, which the paper holds down by adding the squared
    lengths with a small coefficient. Samples that weigh nothing are no candidates either. The
    products are computed for some samples at a time, so memory does not grow with the square of
    the batch.

    Args:
        input: embeddings :math:`x`, of shape (N, D).
        target: their partners :math:`y`, of the same classes, of shape (N, D).

    References:
        Sohn, *Improved Deep Metric Learning with Multi-class N-pair Loss Objective*, NeurIPS 2016.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> n_pair_loss(x, torch.tensor([[1.0, 0.0], [0.0, 0.5]]))
    tensor(0.3133)
    """
    rows = rows_here()
    return linear_cross_entropy(
        input[rows],
        target,
        torch.arange(len(input), device=input.device)[rows],
        linear_bias=partners(weight, input),
        weight=None if weight is None else weight[rows],
        reduction=reduction,
    )


class NPairLoss(FunctionLoss):
    """Module form of :func:`n_pair_loss`."""

    function = staticmethod(n_pair_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPEC = LossSpec(
    function=n_pair_loss,
    module=NPairLoss,
    traits=Trait.NONNEGATIVE,
    paper="Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NIPS 2016",
    exempt={"parts_add": "each sample is told from all others of the batch"},
)
