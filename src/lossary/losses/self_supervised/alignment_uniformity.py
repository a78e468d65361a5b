"""Partners near to each other, and all samples spread over the sphere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import length, normalize


@signature("real N D, real N D -> N", alpha="[1, inf)")
def alignment_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Alignment, :math:`\left\| \frac{x}{\|x\|} - \frac{y}{\|y\|} \right\|^\alpha`.

    One of the two parts of what contrastive losses do: two views of a sample, or a user and an item
    they chose, lie near each other. By itself it is least where all samples are one point; add
    :func:`~lossary.uniformity_loss` of each side.

    Args:
        input: embeddings, of shape (N, D).
        target: their partners, of shape (N, D).
        alpha: the power of the distance.

    References:
        Wang and Isola, *Understanding Contrastive Representation Learning through Alignment and
        Uniformity on the Hypersphere*, ICML 2020, section 4.1; for recommendation Wang et al.,
        *Towards Representation Alignment and Uniformity in Collaborative Filtering*, KDD 2022.

    >>> alignment_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    tensor(2.0000)
    """
    distance = length(normalize(input) - normalize(target)).squeeze(1)
    return reduce(distance**alpha, weight, reduction)


@signature("real N P D -> N", t="(0, inf)")
def uniformity_loss(
    input: Tensor,
    *,
    t: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Uniformity, :math:`\log \frac{1}{P (P - 1)} \sum_{i \ne j} e^{-t \|x_i - x_j\|^2}` of
    embeddings scaled to length 1.

    The other part of what contrastive losses do, see :func:`~lossary.alignment_loss`: the samples
    of a set keep apart, until they fill the sphere evenly. It is at most 0, and negative where they
    do. A unit is a set of samples, a batch for instance, so sets of several processes add up.

    Args:
        input: embeddings of sets of P samples, of shape (N, P, D); of one batch, use
            ``unsqueeze(0)``.
        t: how much near pairs count for more than others.

    References:
        Wang and Isola, *Understanding Contrastive Representation Learning through Alignment and
        Uniformity on the Hypersphere*, ICML 2020, section 4.1.

    >>> uniformity_loss(torch.eye(3).unsqueeze(0))  # squared distances of 2
    tensor(-4.)
    """
    size = input.shape[1]
    if size < 2:
        return reduce(input[:, :, :0].sum((1, 2)), weight, reduction)
    points = normalize(input)
    products = points @ points.mT
    squares = products.diagonal(dim1=1, dim2=2)
    distances = squares.unsqueeze(1) + squares.unsqueeze(2) - 2 * products
    itself = torch.eye(size, dtype=torch.bool, device=input.device)
    exponents = (-t * distances.clamp(min=0)).masked_fill(itself, -torch.inf)
    return reduce(exponents.logsumexp((1, 2)) - math.log(size * (size - 1)), weight, reduction)


class AlignmentLoss(FunctionLoss):
    """Module form of :func:`alignment_loss`."""

    function = staticmethod(alignment_loss)

    def __init__(self, *, alpha: float = 2.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


class UniformityLoss(FunctionLoss):
    """Module form of :func:`uniformity_loss`."""

    function = staticmethod(uniformity_loss)

    def __init__(self, *, t: float = 2.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, t=t)


SPECS = (
    LossSpec(
        function=alignment_loss,
        module=AlignmentLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"alpha": 1.0}),
        paper="arXiv:2005.10242",
    ),
    LossSpec(
        function=uniformity_loss,
        module=UniformityLoss,
        variants=({}, {"t": 0.5}),
        paper="arXiv:2005.10242",
    ),
)
