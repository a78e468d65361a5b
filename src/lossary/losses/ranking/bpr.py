"""Logistic loss of a pair of scores, and their margin after a teacher."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *")
def bpr_loss(
    positive: Tensor,
    negative: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Bayesian personalised ranking, :math:`-\ln \sigma(x^+ - x^-)`.

    For recommendation from what users chose: a chosen item has to score above one that was not
    chosen, drawn at random. With several negatives to a positive, repeat it by ``expand``. The
    paper's prior is weight decay.

    Args:
        positive: scores of chosen items, of any shape.
        negative: scores of other items for the same users, of the shape of ``positive``.

    References:
        Rendle et al., *BPR: Bayesian Personalized Ranking from Implicit Feedback*, UAI 2009,
        section 4.1.

    >>> bpr_loss(torch.tensor([2.0]), torch.tensor([1.0]))
    tensor(0.3133)
    """
    return reduce(-F.logsigmoid(positive - negative), weight, reduction)


@signature("real *, real *, real *, real * -> *")
def margin_mse_loss(
    positive: Tensor,
    negative: Tensor,
    teacher_positive: Tensor,
    teacher_negative: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Margin-MSE, :math:`((x^+ - x^-) - (t^+ - t^-))^2`.

    Distils a ranking: the student's lead of a relevant passage over another one has to be the
    teacher's, while the scale's zero stays free. Scores of teacher and student must have the same
    unit.

    Args:
        positive: the student's scores of relevant items, of any shape.
        negative: the student's scores of other items, of the shape of ``positive``.
        teacher_positive: the teacher's scores of the relevant items.
        teacher_negative: the teacher's scores of the other items.

    References:
        Hofstätter et al., *Improving Efficient Neural Ranking Models with Cross-Architecture
        Knowledge Distillation*, 2020.

    >>> student, teacher = torch.tensor([[2.0], [1.0]]), torch.tensor([[5.0], [2.0]])
    >>> margin_mse_loss(*student, *teacher)
    tensor(4.)
    """
    lead, teacher_lead = positive - negative, teacher_positive - teacher_negative
    return reduce((lead - teacher_lead).square(), weight, reduction)


class BPRLoss(FunctionLoss):
    """Module form of :func:`bpr_loss`."""

    function = staticmethod(bpr_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class MarginMSELoss(FunctionLoss):
    """Module form of :func:`margin_mse_loss`."""

    function = staticmethod(margin_mse_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=bpr_loss,
        module=BPRLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1205.2618",
    ),
    LossSpec(
        function=margin_mse_loss,
        module=MarginMSELoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:2010.02666",
    ),
)
