"""Noise contrastive alignment, of pairs."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def nca_pair_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Noise contrastive alignment, :math:`-\log \sigma(r_w) - \tfrac12 \log \sigma(-r_w) -
    \tfrac12 \log \sigma(-r_l)` with the reward :math:`r = \beta \log \frac{\pi(y)}{\pi_0(y)}`.

    Looks at each reward by itself instead of at their difference: that of the preferred response is
    kept from falling, which :func:`~lossary.dpo_loss` does not promise.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.

    References:
        Chen et al., *Noise Contrastive Alignment of Language Models with Explicit Rewards*, NeurIPS
        2024, the loss of NCA for pairs.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> nca_pair_loss(*policy, *reference)
    tensor(1.3194)
    """
    better = beta * (chosen - reference_chosen)
    worse = beta * (rejected - reference_rejected)
    units = -F.logsigmoid(better) - (F.logsigmoid(-better) + F.logsigmoid(-worse)) / 2
    return reduce(units, weight, reduction)


class NCAPairLoss(FunctionLoss):
    """Module form of :func:`nca_pair_loss`."""

    function = staticmethod(nca_pair_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=nca_pair_loss,
    module=NCAPairLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 0.5}),
    paper="arXiv:2402.05369",
)
