"""Losses of pairs by their distance."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import length, normalize


@signature("real N D, real N D, sign N -> N", margin="(0, inf)")
def contrastive_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Contrastive loss: :math:`\tfrac12 d^2` of a pair that is alike, and :math:`\tfrac12 \max(0,
    m - d)^2` of one that is not, with the distance :math:`d`.

    For embeddings that are compared by their distance, learnt from pairs. The gradient of a
    distance of zero is zero, so embeddings that have collapsed onto each other stay there: start
    from spread ones.

    Args:
        input1: embeddings, of shape (N, D).
        input2: the embeddings they are paired with, of shape (N, D).
        target: 1 if a pair is alike and -1 if it is not, of shape (N,).
        margin: the distance :math:`m` from which on unlike pairs cost nothing.

    References:
        Hadsell et al., *Dimensionality Reduction by Learning an Invariant Mapping*, CVPR 2006, eq.
        4.

    >>> a, b = torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    >>> contrastive_loss(a, b, torch.tensor([1, -1]))
    tensor(6.3125)
    """
    distance = length(input1 - input2).squeeze(-1)
    alike = distance.square()
    units = torch.where(target > 0, alike, (margin - distance).clamp(min=0).square()) / 2
    return reduce(units, weight, reduction)


@signature("real *, sign * -> *", margin="(0, inf)")
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hinge embedding loss: :math:`d` where the label is 1, and :math:`\max(0, m - d)` where it
    is -1.

    For distances, however computed: small ones are to belong to pairs that are alike.

    Args:
        input: distances, of any shape.
        target: 1 for pairs that are alike and -1 for others, of the shape of ``input``.
        margin: the distance :math:`m` from which on unlike pairs cost nothing.

    References:
        Paszke et al., *PyTorch*, NeurIPS 2019 (hinge_embedding_loss).

    >>> hinge_embedding_loss(torch.tensor([0.5, 0.25]), torch.tensor([1, -1]))
    tensor(0.6250)
    """
    return reduce(torch.where(target > 0, input, (margin - input).clamp(min=0)), weight, reduction)


@signature("real N D, real N D -> N")
def cosine_distance_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cosine distance, :math:`1 - \cos\theta`.

    For embeddings that are to point the same way; half the squared distance between the normalized
    ones, as self-supervised methods use it with the second without gradient. A zero vector has
    cosine 0.

    Args:
        input1: embeddings, of shape (N, D).
        input2: of shape (N, D).

    References:
        Chen and He, *Exploring Simple Siamese Representation Learning*, CVPR 2021, eq. 1, plus 1.

    >>> cosine_distance_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]))
    tensor(1.)
    """
    cosine = (normalize(input1) * normalize(input2)).sum(1)
    return reduce(1 - cosine, weight, reduction)


class ContrastiveLoss(FunctionLoss):
    """Module form of :func:`contrastive_loss`."""

    function = staticmethod(contrastive_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class HingeEmbeddingLoss(FunctionLoss):
    """Module form of :func:`hinge_embedding_loss`."""

    function = staticmethod(hinge_embedding_loss)

    def __init__(self, *, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class CosineDistanceLoss(FunctionLoss):
    """Module form of :func:`cosine_distance_loss`."""

    function = staticmethod(cosine_distance_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=contrastive_loss,
        module=ContrastiveLoss,
        traits=Trait.NONNEGATIVE | Trait.SYMMETRIC,
        variants=({}, {"margin": 3.0}),
        paper="doi:10.1109/CVPR.2006.100",
    ),
    LossSpec(
        function=hinge_embedding_loss,
        module=HingeEmbeddingLoss,
        traits=Trait.CONVEX,
        variants=({}, {"margin": 3.0}),
        paper="Paszke et al., PyTorch, NeurIPS 2019",
        exempt={
            "learns_from_errors": "beyond the margin it is flat",
            "rewards_right_answers": "the input is a distance, no score",
        },
    ),
    LossSpec(
        function=cosine_distance_loss,
        module=CosineDistanceLoss,
        traits=Trait.SYMMETRIC,
        paper="arXiv:2011.10566",
    ),
)
