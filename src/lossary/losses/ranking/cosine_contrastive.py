"""Cosines of chosen items near 1, those of others below a margin."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N D, real N D, real N K D -> N", margin="[-1, 1]", negative_weight="[0, inf)")
def cosine_contrastive_loss(
    input: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 0.9,
    negative_weight: float = 10.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cosine contrastive loss, :math:`1 - \cos(u, v^+) + \frac{\lambda}{K} \sum_{k=1}^K \max(0,
    \cos(u, v_k) - m)`.

    For recommendation with many negatives, hundreds to a positive: easy ones, whose cosine is below
    the margin, drop out, so that the hard ones are not drowned. Best margin and weight differ
    between data sets; search for them. Scores are the cosines, when predicting too.

    Args:
        input: embeddings u of users, of shape (N, D).
        positive: embeddings of items that they chose, of shape (N, D).
        negative: embeddings of K other items for each, of shape (N, K, D).
        margin: the cosine m up to which others cost nothing.
        negative_weight: the weight :math:`\lambda` of the mean over the negatives.

    References:
        Mao et al., *SimpleX: A Simple and Strong Baseline for Collaborative Filtering*, CIKM 2021,
        eq. 1.

    >>> u, v = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
    >>> others = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])  # cosines 1 and 0
    >>> cosine_contrastive_loss(u, v, others, margin=0.5, negative_weight=2.0)  # 0.4 + 2 / 2 * 0.5
    tensor(0.9000)
    """
    user = normalize(input).unsqueeze(1)
    near, far = ((user * normalize(t)).sum(2) for t in (positive.unsqueeze(1), negative))
    others = (far - margin).clamp(min=0).sum(1) * (negative_weight / max(1, negative.shape[1]))
    return reduce((1 - near).sum(1).clamp(min=0) + others, weight, reduction)


class CosineContrastiveLoss(FunctionLoss):
    """Module form of :func:`cosine_contrastive_loss`."""

    function = staticmethod(cosine_contrastive_loss)

    def __init__(
        self, *, margin: float = 0.9, negative_weight: float = 10.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, negative_weight=negative_weight)


SPEC = LossSpec(
    function=cosine_contrastive_loss,
    module=CosineContrastiveLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"margin": 0.1, "negative_weight": 2.0}),
    paper="arXiv:2109.12613",
)
