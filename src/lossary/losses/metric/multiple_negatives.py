"""Telling a sample's partner from the rest of the batch and from chosen negatives."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...kernels.pairs import rows_here
from ...reduction import Reduction
from ...signature import signature
from ...spec import LossSpec, Trait
from ..classification.linear_cross_entropy import linear_cross_entropy
from ._angles import normalize
from ._batch import partners


@signature("real N D, real N D, real N H D -> N", temperature="(0, inf)")
def multiple_negatives_ranking_loss(
    input: Tensor,
    target: Tensor,
    negatives: Tensor,
    *,
    temperature: float | Tensor = 0.05,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multiple negatives ranking loss, :math:`-\log \frac{e^{\cos(x_i, y_i) / \tau}}{\sum_j
    e^{\cos(x_i, y_j) / \tau} + \sum_{j, h} e^{\cos(x_i, n_{jh}) / \tau}}`.

    For retrieval, of questions :math:`x` and passages: :func:`~lossary.info_nce_loss` with further
    candidates, passages :math:`n` that look right but are not. Those of all samples are candidates
    of each. Negatives that are right after all do harm. Samples that weigh nothing give no
    candidates. The similarities are computed for some samples at a time, so memory does not grow
    with the square of the batch.

    Args:
        input: embeddings :math:`x`, of shape (N, D).
        target: their partners :math:`y`, of shape (N, D).
        negatives: embeddings :math:`n`, H for each sample, of shape (N, H, D).
        temperature: :math:`\tau`; the lower, the more the hardest candidates count.

    References:
        Henderson et al., *Efficient Natural Language Response Suggestion for Smart Reply*,
        arXiv:1705.00652; Karpukhin et al., *Dense Passage Retrieval for Open-Domain Question
        Answering*, EMNLP 2020, eq. 2 (both with the dot product).

    >>> x = torch.tensor([[1.0, 0.0]])
    >>> multiple_negatives_ranking_loss(x, x, torch.tensor([[[0.0, 1.0]]]), temperature=1.0)
    tensor(0.3133)
    """
    each = negatives.shape[1]
    candidates = normalize(torch.cat([target, negatives.flatten(0, 1)]))
    bias = partners(weight, input)
    rows = rows_here()
    return linear_cross_entropy(
        normalize(input)[rows] / temperature,
        candidates,
        torch.arange(len(input), device=input.device)[rows],
        linear_bias=None if bias is None else torch.cat([bias, bias.repeat_interleave(each)]),
        weight=None if weight is None else weight[rows],
        reduction=reduction,
    )


class MultipleNegativesRankingLoss(FunctionLoss):
    """Module form of :func:`multiple_negatives_ranking_loss`."""

    function = staticmethod(multiple_negatives_ranking_loss)

    def __init__(
        self, *, temperature: float | Tensor = 0.05, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, temperature=temperature)


SPEC = LossSpec(
    function=multiple_negatives_ranking_loss,
    module=MultipleNegativesRankingLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"temperature": 0.5}),
    paper="arXiv:1705.00652",
    exempt={"parts_add": "each sample is told from all others of the batch"},
)
