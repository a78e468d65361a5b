"""F-score of each label over the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, prob N C -> C", beta="(0, inf)")
def soft_f_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Soft F-loss, :math:`1 - \frac{(1 + \beta^2) \sum_n p_{nc} y_{nc}}{\sum_n p_{nc} + \beta^2
    \sum_n y_{nc}}` of each label :math:`c`, with :math:`p = \sigma(x)`.

    For labels judged by their F-score: the mean is one less the macro F-score, with probabilities
    in place of decisions. Rare labels count as much as frequent ones. Batches must be large enough
    to hold a few samples of each label; with few, or in the beginning, add the binary
    cross-entropy. Probabilities come out near 0 and 1, not calibrated.

    The unit is a label, over the whole batch; to leave a sample out, leave it out of the tensors.
    A label that no sample has would have the same score whatever is predicted; it weighs nothing.

    Args:
        input: logits, of shape (N, C).
        target: labels 0 and 1, or probabilities, of shape (N, C).
        beta: how many times as much recall counts as precision, :math:`\beta`.

    References:
        Pastor-Pellicer et al., *F-Measure as the Error Function to Train Neural Networks*, IWANN
        2013.

    >>> soft_f_loss(torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [0.0]]))
    tensor(0.5000)
    """
    p = torch.sigmoid(input)
    both, present = (p * target).sum(0), target.sum(0)
    total = p.sum(0) + beta**2 * present
    some = present > 0
    score = (1 + beta**2) * both / torch.where(some, total, 1.0)
    return reduce(1 - score, weigh(some, weight), reduction)


class SoftFLoss(FunctionLoss):
    """Module form of :func:`soft_f_loss`."""

    function = staticmethod(soft_f_loss)

    def __init__(self, *, beta: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=soft_f_loss,
    module=SoftFLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"beta": 2.0}),
    paper="doi:10.1007/978-3-642-38679-4_37",
)
