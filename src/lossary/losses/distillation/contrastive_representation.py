"""Telling a student's view of a sample from its teacher's views of others."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ..metric._angles import normalize


@signature("real N D, real N D, real N K D -> N", num_samples="[1, inf)", temperature="(0, inf)")
def contrastive_representation_distillation_loss(
    input: Tensor,
    target: Tensor,
    negatives: Tensor,
    *,
    num_samples: int,
    temperature: float = 0.07,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Contrastive representation distillation (CRD), :math:`-\log h(x, y) - \sum_{k=1}^K \log(1 -
    h(x, y_k))` with :math:`h(x, y) = \frac{e^{\cos(x, y) / \tau}}{e^{\cos(x, y) / \tau} + K / M}`.

    The student's embedding of a sample is to fit the teacher's embedding of the same sample, and
    none of the teacher's embeddings of K others, best of other classes, drawn from the M samples of
    the data set. So the student learns how the teacher's features depend on each other, where
    :func:`~lossary.hint_loss` takes them one by one. Both embeddings come from small layers that
    are trained as well.

    The paper adds the loss the other way round, of the teacher's embedding among the student's:
    call it again with the operands swapped. Its authors' program divides the exponentials by an
    estimate of their mean; here they are as in the paper.

    Args:
        input: the student's embeddings x, of shape (N, D).
        target: the teacher's embeddings y of the same samples, of shape (N, D).
        negatives: the teacher's embeddings of K other samples for each, of shape (N, K, D). To take
            the rest of the batch, gather them from ``target``.
        num_samples: the number M of samples of the data set.
        temperature: :math:`\tau`.

    References:
        Tian, Krishnan and Isola, *Contrastive Representation Distillation*, ICLR 2020, section 3.

    >>> x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])  # log 2 + log 2
    >>> contrastive_representation_distillation_loss(x, y, y.unsqueeze(1), num_samples=1)
    tensor(1.3863)
    """
    student = normalize(input).unsqueeze(1)
    shift = math.log(max(1, negatives.shape[1]) / num_samples)
    positive, negative = (
        (student * normalize(t)).sum(2) / temperature - shift
        for t in (target.unsqueeze(1), negatives)
    )
    units = F.softplus(-positive).sum(1) + F.softplus(negative).sum(1)
    return reduce(units, weight, reduction)


class ContrastiveRepresentationDistillationLoss(FunctionLoss):
    """Module form of :func:`contrastive_representation_distillation_loss`."""

    function = staticmethod(contrastive_representation_distillation_loss)

    def __init__(
        self, *, num_samples: int, temperature: float = 0.07, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, num_samples=num_samples, temperature=temperature)


SPEC = LossSpec(
    function=contrastive_representation_distillation_loss,
    module=ContrastiveRepresentationDistillationLoss,
    traits=Trait.NONNEGATIVE,
    variants=({"num_samples": 10}, {"num_samples": 2, "temperature": 0.5}),
    paper="arXiv:1910.10699",
)
