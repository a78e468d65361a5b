"""Discovered preference optimization."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)", temperature="(0, 1]")
def discopop_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    temperature: float = 0.05,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Discovered preference optimization, :math:`(1 - \sigma(\rho/\tau)) (-\log \sigma(\rho)) +
    \sigma(\rho/\tau) e^{-\rho}` with :math:`\rho = \beta h` and :math:`h = \log
    \frac{\pi(y_w)}{\pi_0(y_w)} - \log \frac{\pi(y_l)}{\pi_0(y_l)}`.

    Logistic loss of pairs that are ranked wrong, exponential loss of those that are ranked right,
    found by a search with a language model. It is not convex: around :math:`\rho = 0` it has a
    dent. The product of the exponential and its share is computed in logarithms, so that it is
    finite however wrong a pair is ranked.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        temperature: the width :math:`\tau` of the blend between the two; beyond 1 the exponential
            would win where pairs are ranked wrong.

    References:
        Lu et al., *Discovering Preference Optimization Algorithms with and for Large Language
        Models*, NeurIPS 2024, eq. 5, the log-ratio modulated loss.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> discopop_loss(*policy, *reference)
    tensor(0.7404)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    rho = beta * gap
    blend = rho / temperature
    exponential = torch.exp(F.logsigmoid(blend) - rho)
    return reduce(exponential - torch.sigmoid(-blend) * F.logsigmoid(rho), weight, reduction)


class DiscoPOPLoss(FunctionLoss):
    """Module form of :func:`discopop_loss`."""

    function = staticmethod(discopop_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        temperature: float = 0.05,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, temperature=temperature)


SPEC = LossSpec(
    function=discopop_loss,
    module=DiscoPOPLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"beta": 0.5, "temperature": 0.3}),
    paper="arXiv:2406.08414",
)
