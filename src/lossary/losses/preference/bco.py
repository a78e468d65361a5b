"""Preferences without pairs, by classification."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, sign * -> *", shift="real", beta="(0, inf)")
def bco_loss(
    policy: Tensor,
    reference: Tensor,
    target: Tensor,
    *,
    shift: Tensor | None = None,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Binary classifier optimization, :math:`-\log \sigma(r - \delta)` of a desirable and
    :math:`-\log \sigma(\delta - r)` of an undesirable response with the reward :math:`r = \beta
    \log \frac{\pi(y)}{\pi_0(y)}`.

    Learns from single responses with a thumb up or down: the logistic loss of the implied reward,
    which bounds that of pairs from above. Unlike :func:`~lossary.kto_loss` it pulls hardest at what
    is wrong by far. Of pairs give both responses, each with its label.

    Args:
        policy: log-probabilities of the responses under the policy, each the sum over the tokens of
            a response, of any shape.
        reference: those under the reference, of the shape of ``policy``.
        target: 1 for a desirable response, -1 for an undesirable one, of the shape of ``policy``.
        shift: the reward :math:`\delta` that separates the two, a tensor of no dimensions; 0
            without it. The paper takes a moving average of the mean rewards of desirable and
            undesirable responses. It carries no gradient.
        beta: how strongly the policy is held near the reference; larger holds it nearer.

    References:
        Jung et al., *Binary Classifier Optimization for Large Language Model Alignment*, ACL 2025.

    >>> policy, reference = torch.tensor([-10.0, -14.0]), torch.tensor([-12.0, -13.0])
    >>> bco_loss(policy, reference, torch.tensor([1, -1]), shift=torch.tensor(0.05))
    tensor(0.6210)
    """
    reward = beta * (policy - reference)
    if shift is not None:
        reward = reward - shift.detach()
    return reduce(-F.logsigmoid(target * reward), weight, reduction)


class BCOLoss(FunctionLoss):
    """Module form of :func:`bco_loss`."""

    function = staticmethod(bco_loss)

    def __init__(
        self,
        *,
        shift: Tensor | None = None,
        beta: float = 0.1,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, shift=shift, beta=beta)


SPEC = LossSpec(
    function=bco_loss,
    module=BCOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"shift": torch.tensor(0.3), "beta": 0.5}),
    paper="arXiv:2404.04656",
)
