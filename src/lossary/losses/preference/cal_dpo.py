"""Preferences whose rewards have a scale."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def cal_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Calibrated direct preference optimization, :math:`-\log \sigma(r_w - r_l) + \left( r_w -
    \tfrac{1}{2 \beta} \right)^2 + \left( r_l + \tfrac{1}{2 \beta} \right)^2` with :math:`r = \log
    \frac{\pi(y)}{\pi_0(y)}`.

    :func:`~lossary.dpo_loss` plus a goal for each response by itself, as in
    :func:`~lossary.nca_pair_loss`: the chosen one has to become likelier, the rejected one less
    likely, both by a fixed amount. The squares rule the sum, so it is sensitive to ``beta``; with a
    small one the goal is far, and the learning rate has to be small. The formula is the paper's;
    its authors' program counts the squares half.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: the goal is a log-ratio of :math:`\pm 1 / 2 \beta`.

    References:
        Xiao et al., *Cal-DPO: Calibrated Direct Preference Optimization for Language Model
        Alignment*, NeurIPS 2024.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> cal_dpo_loss(*policy, *reference, beta=0.25)  # log(1 + exp(-3)) + 0 + 1
    tensor(1.0486)
    """
    gain, loss = chosen - reference_chosen, rejected - reference_rejected
    goal = 1 / (2 * beta)
    off = (gain - goal).square() + (loss + goal).square()
    return reduce(F.softplus(loss - gain) + off, weight, reduction)


class CalDPOLoss(FunctionLoss):
    """Module form of :func:`cal_dpo_loss`."""

    function = staticmethod(cal_dpo_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=cal_dpo_loss,
    module=CalDPOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 1.0}),
    paper="arXiv:2412.14516",
)
