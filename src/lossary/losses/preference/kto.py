"""Preferences without pairs, by prospect theory."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real *, real *, sign * -> *",
    kl="real",
    beta="(0, inf)",
    desirable_weight="[0, inf)",
    undesirable_weight="[0, inf)",
)
def kto_loss(
    policy: Tensor,
    reference: Tensor,
    target: Tensor,
    *,
    kl: Tensor | None = None,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Kahneman-Tversky optimization, :math:`\lambda_D\, \sigma(\beta (z - a))` of a desirable and
    :math:`\lambda_U\, \sigma(\beta (a - z))` of an undesirable response with :math:`a = \log
    \frac{\pi(y)}{\pi_0(y)}`.

    Learns from single responses with a thumb up or down. What is far above or below the point
    :math:`z` hardly counts any more, so neither do labels that cannot be right. With pairs of good
    quality :func:`~lossary.dpo_loss` has more to learn from.

    Args:
        policy: log-probabilities of the responses under the policy, each the sum over the tokens of
            a response, of any shape.
        reference: those under the reference, of the shape of ``policy``.
        target: 1 for a desirable response, -1 for an undesirable one, of the shape of ``policy``.
        kl: an estimate of the divergence :math:`z` of the policy from the reference, a tensor of no
            dimensions; 0 without it. The paper takes the mean log-ratio of prompts with the
            responses of other prompts of the batch. An estimate below 0 counts as 0, and it carries
            no gradient.
        beta: how fast the value saturates; the lower, the further the policy may go.
        desirable_weight: the factor :math:`\lambda_D`. The authors advise to choose the two such
            that their ratio, times that of the numbers of responses, is 1 or a little more.
        undesirable_weight: the factor :math:`\lambda_U`.

    References:
        Ethayarajh et al., *KTO: Model Alignment as Prospect Theoretic Optimization*, ICML 2024,
        eq. 8.

    >>> policy, reference = torch.tensor([-10.0, -14.0]), torch.tensor([-12.0, -13.0])
    >>> kto_loss(policy, reference, torch.tensor([1, -1]), kl=torch.tensor(0.5))
    tensor(0.4626)
    """
    log_ratio = policy - reference
    if kl is not None:
        log_ratio = log_ratio - kl.detach().clamp(min=0)
    value = torch.sigmoid(-beta * target * log_ratio)
    units = torch.where(target > 0, desirable_weight * value, undesirable_weight * value)
    return reduce(units, weight, reduction)


class KTOLoss(FunctionLoss):
    """Module form of :func:`kto_loss`."""

    function = staticmethod(kto_loss)

    def __init__(
        self,
        *,
        kl: Tensor | None = None,
        beta: float = 0.1,
        desirable_weight: float = 1.0,
        undesirable_weight: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            kl=kl,
            beta=beta,
            desirable_weight=desirable_weight,
            undesirable_weight=undesirable_weight,
        )


SPEC = LossSpec(
    function=kto_loss,
    module=KTOLoss,
    traits=Trait.NONNEGATIVE,
    variants=(
        {},
        {"kl": torch.tensor(0.3), "beta": 0.5},
        {"desirable_weight": 0.5, "undesirable_weight": 1.5},
    ),
    paper="arXiv:2402.01306",
)
