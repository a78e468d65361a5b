"""Losses of triplets: nearer to the same class than to another."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._angles import length


@signature("real N D, real N D, real N D -> N", margin="[0, inf)")
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 1.0,
    swap: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Triplet margin loss, :math:`\max(0, \lVert a - p \rVert - \lVert a - n \rVert + m)`.

    For embeddings that are ranked by distance, as in recognising faces and in retrieval. Most
    random triplets soon cost nothing: choose hard ones. The gradient of a distance of zero is
    zero.

    Args:
        anchor: embeddings :math:`a`, of shape (N, D).
        positive: embeddings :math:`p` of the same class, of shape (N, D).
        negative: embeddings :math:`n` of another class, of shape (N, D).
        margin: :math:`m`, in the unit of the distance.
        swap: whether the negative is also held against the positive, if that is nearer to it.

    References:
        Schroff et al., *FaceNet*, CVPR 2015, eq. 3 (there with squared distances); Balntas et al.,
        *Learning Local Feature Descriptors with Triplets and Shallow Networks*, BMVC 2016 (the
        swap).

    >>> zero = torch.tensor([[0.0, 0.0]])
    >>> triplet_margin_loss(zero, torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 5.5]]))
    tensor(0.5000)
    """
    far = length(anchor - negative, keepdim=False)
    if swap:
        far = torch.minimum(far, length(positive - negative, keepdim=False))
    near = length(anchor - positive, keepdim=False)
    return reduce(F.relu(near - far + margin), weight, reduction)


@signature("real N D, real N D, real N D -> N", margin="[0, inf)")
def squared_triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared triplet loss, :math:`\max(0, \lVert a - p \rVert^2 - \lVert a - n \rVert^2 + m)`.

    The loss of FaceNet, for embeddings of length 1. Without a norm, gross distances rule.

    Args:
        anchor: embeddings :math:`a`, of shape (N, D).
        positive: embeddings :math:`p` of the same class, of shape (N, D).
        negative: embeddings :math:`n` of another class, of shape (N, D).
        margin: :math:`m`, in the squared unit of the distance.

    References:
        Schroff et al., *FaceNet*, CVPR 2015, eq. 3.

    >>> zero = torch.tensor([[0.0]])
    >>> squared_triplet_loss(zero, torch.tensor([[2.0]]), torch.tensor([[1.0]]))
    tensor(3.2000)
    """
    near = (anchor - positive).square().sum(1)
    far = (anchor - negative).square().sum(1)
    return reduce((near - far + margin).clamp(min=0), weight, reduction)


@signature("real N D, real N D, real N D -> N")
def soft_triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Soft-margin triplet loss, :math:`\log(1 + e^{\lVert a - p \rVert - \lVert a - n \rVert})`.

    The triplet loss without a margin to choose: it never stops pulling, only ever less.

    Args:
        anchor: embeddings :math:`a`, of shape (N, D).
        positive: embeddings :math:`p` of the same class, of shape (N, D).
        negative: embeddings :math:`n` of another class, of shape (N, D).

    References:
        Hermans et al., *In Defense of the Triplet Loss for Person Re-Identification*, 2017,
        section 2.

    >>> zero = torch.tensor([[0.0]])
    >>> soft_triplet_loss(zero, zero, zero)
    tensor(0.6931)
    """
    near = length(anchor - positive, keepdim=False)
    far = length(anchor - negative, keepdim=False)
    return reduce(F.softplus(near - far), weight, reduction)


class TripletMarginLoss(FunctionLoss):
    """Module form of :func:`triplet_margin_loss`."""

    function = staticmethod(triplet_margin_loss)

    def __init__(
        self, *, margin: float = 1.0, swap: bool = False, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, swap=swap)


class SquaredTripletLoss(FunctionLoss):
    """Module form of :func:`squared_triplet_loss`."""

    function = staticmethod(squared_triplet_loss)

    def __init__(self, *, margin: float = 0.2, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, margin=margin)


class SoftTripletLoss(FunctionLoss):
    """Module form of :func:`soft_triplet_loss`."""

    function = staticmethod(soft_triplet_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=triplet_margin_loss,
        module=TripletMarginLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 0.2, "swap": True}),
        paper="arXiv:1503.03832",
    ),
    LossSpec(
        function=squared_triplet_loss,
        module=SquaredTripletLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"margin": 1.0}),
        paper="arXiv:1503.03832",
    ),
    LossSpec(
        function=soft_triplet_loss,
        module=SoftTripletLoss,
        traits=Trait.NONNEGATIVE,
        paper="arXiv:1703.07737",
    ),
)
