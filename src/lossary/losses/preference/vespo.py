"""Policy gradients weighted by how likely whole responses still are."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature(
    "real *, real *, real * -> *",
    positive_power="[0, inf)",
    positive_rate="(0, inf)",
    negative_power="[0, inf)",
    negative_rate="(0, inf)",
)
def vespo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    *,
    positive_power: float = 2.0,
    positive_rate: float = 3.0,
    negative_power: float = 3.0,
    negative_rate: float = 2.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Variational sequence-level soft policy optimization, :math:`-\phi(w) A \log \pi(y)` with the
    ratio :math:`w = \pi(y) / \pi_{old}(y)` of a whole response and the constant :math:`\phi(w) =
    w^k e^{\lambda (1 - w)}`.

    For responses of a policy that is several steps old, or of another machine's arithmetic. The
    weight is 1 where the policies agree and fades on both sides of its top at :math:`k / \lambda`,
    in place of a clip; responses that have become likelier fade fastest. No gradient goes through
    it, so the value says little: watch the rewards. Unlike :func:`~lossary.gspo_loss` the ratio is
    not shortened by the length, so for long responses most weights are near 0 or 1.

    Args:
        log_prob: log-probabilities of the responses, each the sum over its tokens, of any shape.
            For the mean over tokens sum the losses and divide by the number of tokens.
        old_log_prob: those under the policy that wrote them, of the shape of ``log_prob``, without
            a gradient.
        advantage: how much better than expected each response was, of the shape of ``log_prob``.
        positive_power: :math:`k` for advantages of 0 and more.
        positive_rate: :math:`\lambda` for these.
        negative_power: :math:`k` for the others.
        negative_rate: :math:`\lambda` for the others.

    References:
        Shen et al., *VESPO: Variational Sequence-Level Soft Policy Optimization for Stable
        Off-Policy LLM Training*, 2026.

    >>> log_prob, old = torch.tensor([-1.0, -1.0]), torch.tensor([-1.0, -1.5])
    >>> vespo_loss(log_prob, old, torch.tensor([1.0, 1.0]))
    tensor(0.6941)
    """
    log_ratio = (log_prob - old_log_prob).detach()
    good = advantage >= 0
    power = torch.where(good, positive_power, negative_power)
    rate = torch.where(good, positive_rate, negative_rate)
    # a ratio too large to be told has the weight e^(-inf), 0
    fading = (power * log_ratio - rate * torch.expm1(log_ratio)).exp()
    return reduce(-fading * advantage * log_prob, weight, reduction)


class VESPOLoss(FunctionLoss):
    """Module form of :func:`vespo_loss`."""

    function = staticmethod(vespo_loss)

    def __init__(
        self,
        *,
        positive_power: float = 2.0,
        positive_rate: float = 3.0,
        negative_power: float = 3.0,
        negative_rate: float = 2.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            positive_power=positive_power,
            positive_rate=positive_rate,
            negative_power=negative_power,
            negative_rate=negative_rate,
        )


SPEC = LossSpec(
    function=vespo_loss,
    module=VESPOLoss,
    variants=(
        {},
        {"positive_power": 1.0, "negative_rate": 0.5, "positive_rate": 2.0, "negative_power": 1.5},
    ),
    paper="arXiv:2602.10693",
    exempt={
        "gradient": "the paper stops the gradient of the weight, which finite differences see",
        "second_gradient": "the same",
    },
)
