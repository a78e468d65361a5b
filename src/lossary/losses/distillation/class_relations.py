"""Correlation of a student's and a teacher's answers."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, real N C -> N", temperature="(0, inf)", eps="(0, inf)")
def interclass_relation_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Distance in the relations of classes, :math:`1 - \mathrm{corr}_c(q_{nc}, p_{nc})` of each
    sample, with the softmax q of the student's and p of the teacher's logits at a temperature.

    For students of much stronger teachers, whose probabilities they cannot match: any shift and
    scale of them is as good. One of the two terms of DIST; the other is
    :func:`~lossary.intraclass_relation_loss`, and the labels come with
    :func:`~lossary.cross_entropy`. The authors' program multiplies both by the squared temperature.

    Args:
        input: the student's logits, of shape (N, C).
        teacher: the teacher's logits, of the same shape; detach them.
        temperature: what the logits are divided by.
        eps: the least length of the probabilities about their mean, which bounds the gradient
            where they hardly differ.

    References:
        Huang et al., *Knowledge Distillation from A Stronger Teacher*, NeurIPS 2022.

    >>> interclass_relation_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 0.0]]))
    tensor(2.)
    """
    q, p = (input / temperature).softmax(1), (teacher / temperature).softmax(1)
    return reduce(1 - _correlation(q, p, eps), weight, reduction)


@signature("real N C, real N C -> C", temperature="(0, inf)", eps="(0, inf)")
def intraclass_relation_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    eps: float = 1e-5,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Distance in the relations of samples, :math:`1 - \mathrm{corr}_n(q_{nc}, p_{nc})` of each
    class over the batch.

    Which samples look more like a class than others: the other term of DIST, see
    :func:`~lossary.interclass_relation_loss`. The unit is a class, so a weight has shape (C,). It
    belongs to the batch: micro-batches do not add up to the whole, and small ones say little.

    Args:
        input: the student's logits, of shape (N, C).
        teacher: the teacher's logits, of the same shape; detach them.
        temperature: what the logits are divided by.
        eps: the least length of the probabilities about their mean, which bounds the gradient
            where they hardly differ.

    References:
        Huang et al., *Knowledge Distillation from A Stronger Teacher*, NeurIPS 2022.

    >>> student = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> intraclass_relation_loss(student, -student)
    tensor(2...)
    """
    q, p = (input / temperature).softmax(1), (teacher / temperature).softmax(1)
    return reduce(1 - _correlation(q.T, p.T, eps), weight, reduction)


def _correlation(x: Tensor, y: Tensor, eps: float) -> Tensor:
    """Return the correlation of rows; of one that is constant it is 0."""
    x, y = (v - v.sum(1, keepdim=True) / max(1, v.shape[1]) for v in (x, y))
    size_x, size_y = (v.square().sum(1).clamp(min=eps**2).sqrt() for v in (x, y))
    return (x * y).sum(1) / size_x / size_y


_SOFTMAX = "the probability of a class, the unit, depends on the logits of all"


class InterclassRelationLoss(FunctionLoss):
    """Module form of :func:`interclass_relation_loss`."""

    function = staticmethod(interclass_relation_loss)

    def __init__(
        self, *, temperature: float = 1.0, eps: float = 1e-5, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, temperature=temperature, eps=eps)


class IntraclassRelationLoss(FunctionLoss):
    """Module form of :func:`intraclass_relation_loss`."""

    function = staticmethod(intraclass_relation_loss)

    def __init__(
        self, *, temperature: float = 1.0, eps: float = 1e-5, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, temperature=temperature, eps=eps)


SPECS = (
    LossSpec(
        function=interclass_relation_loss,
        module=InterclassRelationLoss,
        traits=Trait.SYMMETRIC | Trait.SHIFT_INVARIANT,
        variants=({}, {"temperature": 3.0, "eps": 0.1}),
        paper="arXiv:2205.10536",
    ),
    LossSpec(
        function=intraclass_relation_loss,
        module=IntraclassRelationLoss,
        traits=Trait.SYMMETRIC | Trait.SHIFT_INVARIANT,
        variants=({}, {"temperature": 3.0, "eps": 0.1}),
        paper="arXiv:2205.10536",
        exempt={
            "parts_add": _SOFTMAX,
        },
    ),
)
