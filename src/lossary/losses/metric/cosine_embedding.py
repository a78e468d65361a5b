"""Cosine of pairs that are alike or not."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import paired_cosines


@signature("real N D, real N D, sign N -> N", margin="[-1, 1]")
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float = 0.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cosine embedding loss: :math:`1 - \cos\theta` of a pair that is alike, and
    :math:`\max(0, \cos\theta - m)` of one that is not.

    For embeddings that are compared by their angle, learnt from pairs. A zero vector has cosine 0
    with every other, and a bounded gradient.

    Args:
        input1: embeddings, of shape (N, D).
        input2: the embeddings they are paired with, of shape (N, D).
        target: 1 if a pair is alike and -1 if it is not, of shape (N,).
        margin: the cosine :math:`m` from which down unlike pairs cost nothing.

    References:
        Bromley et al., *Signature Verification using a "Siamese" Time Delay Neural Network*, NIPS
        1993 (the cosine); the margin as in PyTorch's function of the same name.

    >>> a, b = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    >>> cosine_embedding_loss(a, b, torch.tensor([1, -1]), margin=0.5)
    tensor(0.7500)
    """
    cosine = paired_cosines(input1, input2)
    excess = cosine - margin if margin else cosine
    units = torch.where(target > 0, 1 - cosine, F.relu(excess))
    return reduce(units, weight, reduction)


class CosineEmbeddingLoss(FunctionLoss):
    """Module form of :func:`cosine_embedding_loss`."""

    function = staticmethod(cosine_embedding_loss)

    def __init__(self, *, margin: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


SPEC = LossSpec(
    function=cosine_embedding_loss,
    module=CosineEmbeddingLoss,
    traits=Trait.SYMMETRIC,
    variants=({}, {"margin": 0.3}),
    paper="Bromley et al., Signature Verification using a Siamese Time Delay Neural Network, 1993",
)
