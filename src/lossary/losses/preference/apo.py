"""Anchored preference optimization."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def apo_zero_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Anchored preference optimization towards the chosen, :math:`\sigma(-r_w) + \sigma(r_l)` with
    the reward :math:`r = \beta \log \frac{\pi(y)}{\pi_0(y)}`.

    Raises the chosen response and lowers the other, each by itself: for responses that are better
    than what the policy would write. Are they worse, take :func:`~lossary.apo_down_loss`. It
    is the paper's loss plus 1, which makes it lie between 0 and 2.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.

    References:
        D'Oosterlinck et al., *Anchored Preference Optimization and Contrastive Revisions:
        Addressing Underspecification in Alignment*, TACL 2025, eq. 7.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> apo_zero_loss(*policy, *reference)
    tensor(0.9252)
    """
    better = beta * (chosen - reference_chosen)
    worse = beta * (rejected - reference_rejected)
    return reduce(torch.sigmoid(-better) + torch.sigmoid(worse), weight, reduction)


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def apo_down_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Anchored preference optimization away from both, :math:`\sigma(r_w) + \sigma(r_l - r_w)`
    with the reward :math:`r = \beta \log \frac{\pi(y)}{\pi_0(y)}`.

    Lowers both responses, the rejected one more: for responses that are worse than what the policy
    would write. Are the chosen ones better, take :func:`~lossary.apo_zero_loss`. It is the paper's
    loss plus 1, which makes it lie between 0 and 2.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.

    References:
        D'Oosterlinck et al., *Anchored Preference Optimization and Contrastive Revisions:
        Addressing Underspecification in Alignment*, TACL 2025, eq. 8.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> apo_down_loss(*policy, *reference)
    tensor(0.9754)
    """
    better = beta * (chosen - reference_chosen) / 2
    worse = beta * (rejected - reference_rejected) / 2
    # s(2a) - s(2b) = tanh(a - b) (1 - tanh a tanh b) / 2, no difference of nearly equal numbers
    spread = torch.tanh(worse) * (1 - torch.tanh(better) * torch.tanh(better - worse))
    return reduce(1 + spread / 2, weight, reduction)


class APOZeroLoss(FunctionLoss):
    """Module form of :func:`apo_zero_loss`."""

    function = staticmethod(apo_zero_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


class APODownLoss(FunctionLoss):
    """Module form of :func:`apo_down_loss`."""

    function = staticmethod(apo_down_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPECS = (
    LossSpec(
        function=apo_zero_loss,
        module=APOZeroLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5}),
        paper="arXiv:2408.06266",
    ),
    LossSpec(
        function=apo_down_loss,
        module=APODownLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5}),
        paper="arXiv:2408.06266",
    ),
)
