"""Preferences together with the likelihood of the chosen response."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real *, nonneg * -> *", beta="(0, inf)", alpha="[0, inf)")
def rpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    chosen_length: Tensor,
    *,
    beta: float = 0.1,
    alpha: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Iterative reasoning preference optimization, :math:`-\frac{\log \pi(y_w)}{|y_w|} - \alpha
    \log \sigma(\beta h)` with :math:`h = \log \frac{\pi(y_w)}{\pi_0(y_w)} - \log
    \frac{\pi(y_l)}{\pi_0(y_l)}`.

    :func:`~lossary.dpo_loss` plus the mean likelihood of the tokens of the chosen response, which
    keeps that from becoming less likely: for chains of thought with a verifiable answer, sampled
    anew and paired in every round.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        chosen_length: how many tokens the preferred responses have, of the shape of ``chosen``;
            none counts as one.
        beta: how strongly the policy is held near the reference.
        alpha: the weight of the preference.

    References:
        Pang et al., *Iterative Reasoning Preference Optimization*, NeurIPS 2024, eq. 1.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> rpo_loss(*policy, *reference, torch.tensor([5]))  # 2 + log(1 + exp(-0.3))
    tensor(2.5544)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    likelihood = chosen / chosen_length.clamp(min=1)
    return reduce(alpha * F.softplus(-beta * gap) - likelihood, weight, reduction)


class RPOLoss(FunctionLoss):
    """Module form of :func:`rpo_loss`."""

    function = staticmethod(rpo_loss)

    def __init__(
        self, *, beta: float = 0.1, alpha: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, alpha=alpha)


SPEC = LossSpec(
    function=rpo_loss,
    module=RPOLoss,
    traits=Trait.CONVEX,
    variants=({}, {"beta": 1.0, "alpha": 0.5}),
    paper="arXiv:2404.19733",
)
