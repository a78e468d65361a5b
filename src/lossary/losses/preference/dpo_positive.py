"""Preferences in which the chosen response must not become less likely."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)", penalty="[0, inf)")
def dpo_positive_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.3,
    penalty: float = 50.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""DPO-Positive (DPOP), :math:`-\log \sigma\left( \beta (r_w - r_l - \lambda \max(0, -r_w))
    \right)` with :math:`r = \log \frac{\pi(y)}{\pi_0(y)}`.

    :func:`~lossary.dpo_loss` asks for a difference only, and may make both responses less likely;
    where the two differ in few tokens it does. Here the chosen one may not fall below the
    reference: while it is, the penalty rules the gradient.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference.
        penalty: :math:`\lambda`; 0 is :func:`~lossary.dpo_loss`.

    References:
        Pal et al., *Smaug: Fixing Failure Modes of Preference Optimisation with DPO-Positive*,
        2024, eq. 3.

    >>> policy = torch.tensor([-13.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> dpo_positive_loss(*policy, *reference, beta=0.1)  # log(1 + exp(5))
    tensor(5.0067)
    """
    gain, loss = chosen - reference_chosen, rejected - reference_rejected
    margin = gain - loss - penalty * (-gain).clamp(min=0)
    return reduce(F.softplus(-beta * margin), weight, reduction)


class DPOPositiveLoss(FunctionLoss):
    """Module form of :func:`dpo_positive_loss`."""

    function = staticmethod(dpo_positive_loss)

    def __init__(
        self, *, beta: float = 0.3, penalty: float = 50.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, penalty=penalty)


SPEC = LossSpec(
    function=dpo_positive_loss,
    module=DPOPositiveLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 1.0, "penalty": 0.5}),
    paper="arXiv:2402.13228",
)
