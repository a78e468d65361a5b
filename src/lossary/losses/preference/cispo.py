"""Policy optimization with clipped importance weights."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real *, real *, real * -> *", clip_low="[0, 1]", clip_high="[0, inf)")
def cispo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    *,
    clip_low: float = 1.0,
    clip_high: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Clipped importance weights for a policy gradient, :math:`-\hat\rho A \log \pi(a)` with the
    constant :math:`\hat\rho = \mathrm{clip}(\rho, 1 - \epsilon_l, 1 + \epsilon_h)` of the ratio
    :math:`\rho = \pi(a) / \pi_{old}(a)`.

    :func:`~lossary.ppo_clip_loss` drops tokens whose ratio leaves its range; here they keep a
    bounded gradient, rare tokens at which a response turns among them. No gradient goes through the
    ratio, so the value says little: watch the rewards. The mean is over all tokens that ``weight``
    does not mask, as in the paper.

    Args:
        log_prob: log-probabilities of the actions taken, for a language model of the tokens it
            wrote, of any shape.
        old_log_prob: those under the policy that took the actions, of the shape of ``log_prob``,
            without a gradient.
        advantage: how much better than expected each action was, of the shape of ``log_prob``; one
            per response is repeated with ``advantage.unsqueeze(1).expand_as(log_prob)``.
        clip_low: how far the weight may fall below 1; 1, as in the paper, is no bound.
        clip_high: how far it may rise above 1; the paper tunes it and gives no number.

    References:
        MiniMax, *MiniMax-M1: Scaling Test-Time Compute Efficiently with Lightning Attention*, 2025,
        eq. 4 and 5.

    >>> log_prob, old = torch.tensor([-1.0, -1.0]), torch.tensor([-1.5, -0.9])
    >>> cispo_loss(log_prob, old, torch.tensor([1.0, -1.0]))
    tensor(0.1476)
    """
    log_ratio = (log_prob - old_log_prob).detach()
    # clipped as a logarithm first: the exponential cannot overflow
    capped = log_ratio.clamp(max=math.log1p(clip_high)).exp().clamp(min=1 - clip_low)
    return reduce(-capped * advantage * log_prob, weight, reduction)


class CISPOLoss(FunctionLoss):
    """Module form of :func:`cispo_loss`."""

    function = staticmethod(cispo_loss)

    def __init__(
        self,
        *,
        clip_low: float = 1.0,
        clip_high: float = 0.2,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, clip_low=clip_low, clip_high=clip_high)


SPEC = LossSpec(
    function=cispo_loss,
    module=CISPOLoss,
    variants=({}, {"clip_low": 0.5, "clip_high": 4.0}),
    paper="arXiv:2506.13585",
    exempt={
        "gradient": "the paper stops the gradient of the ratio, which finite differences see",
        "second_gradient": "the same",
    },
)
