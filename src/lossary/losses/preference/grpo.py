"""Group relative policy optimization."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec
from ._ratio import clipped_gain, ratio_minus_one


@signature(
    "real *, real *, real *, real * -> *",
    beta="[0, inf)",
    clip_low="[0, 1]",
    clip_high="[0, inf)",
    max_log_ratio="(0, inf)",
)
def grpo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    reference_log_prob: Tensor,
    advantage: Tensor,
    *,
    beta: float = 0.04,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    max_log_ratio: float = 20.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Loss of group relative policy optimization, :math:`-\min(\rho A,\, \mathrm{clip}(\rho, 1 -
    \epsilon_l, 1 + \epsilon_h) A) + \beta (e^d - 1 - d)` with the ratio :math:`\rho = \pi(a) /
    \pi_{old}(a)` and :math:`d = \log \frac{\pi_0(a)}{\pi(a)}`.

    :func:`~lossary.ppo_clip_loss` without a value function: an advantage is the reward of a
    response less the mean of those to the same prompt, usually divided by their standard deviation.
    The last term, :func:`~lossary.k3_kl_penalty`, holds the policy near a reference.

    The unit is a token. What is called by different names is mostly the divisor, and the weights
    say it, with a ``mask`` of shape (responses, tokens):

    - ``weight=mask``, mean: over all tokens, as in DAPO.
    - ``weight=mask / mask.sum(1, keepdim=True).clamp(min=1)``, mean: over the tokens of a response,
      then over responses, as in the paper; a token of a long response counts for less.
    - ``weight=mask``, sum, divided by the number of responses times a constant length: Dr. GRPO,
      whose advantages are not divided by the standard deviation either.

    Parts of micro-batches add up under each; the mean of their means does not.

    Args:
        log_prob: log-probabilities of the actions taken, for a language model of the tokens it
            wrote, of any shape.
        old_log_prob: those under the policy that took the actions, of the shape of ``log_prob``,
            without a gradient.
        reference_log_prob: those under the reference, of the shape of ``log_prob``, without a
            gradient.
        advantage: how much better than expected each action was, of the shape of ``log_prob``; one
            per response is repeated with ``advantage.unsqueeze(1).expand_as(log_prob)``.
        beta: the weight of the divergence; of 0 take :func:`~lossary.ppo_clip_loss`, which needs no
            reference.
        clip_low: how far the ratio may fall below 1 before it stops to count.
        clip_high: how far it may rise above 1; DAPO takes more, 0.28, than below.
        max_log_ratio: the log-ratio from which on the ratio goes on along its tangent, which keeps
            value and gradient finite.

    References:
        Shao et al., *DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language
        Models*, 2024, eq. 3 and 4; divisors: Yu et al., *DAPO: An Open-Source LLM Reinforcement
        Learning System at Scale*, 2025; Liu et al., *Understanding R1-Zero-Like Training: A
        Critical Perspective*, 2025.

    >>> log_prob, old = torch.tensor([-1.0, -1.0]), torch.tensor([-1.5, -0.9])
    >>> grpo_loss(log_prob, old, torch.tensor([-2.0, -1.0]), torch.tensor([1.0, -1.0]))
    tensor(-0.1402)
    """
    gain = clipped_gain(log_prob - old_log_prob, advantage, clip_low, clip_high, max_log_ratio)
    back = reference_log_prob - log_prob
    divergence = ratio_minus_one(back, max_log_ratio) - back
    return reduce(beta * divergence - gain, weight, reduction)


class GRPOLoss(FunctionLoss):
    """Module form of :func:`grpo_loss`."""

    function = staticmethod(grpo_loss)

    def __init__(
        self,
        *,
        beta: float = 0.04,
        clip_low: float = 0.2,
        clip_high: float = 0.2,
        max_log_ratio: float = 20.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            beta=beta,
            clip_low=clip_low,
            clip_high=clip_high,
            max_log_ratio=max_log_ratio,
        )


SPEC = LossSpec(
    function=grpo_loss,
    module=GRPOLoss,
    variants=(
        {},
        {"beta": 0.0},
        {"beta": 0.5, "clip_low": 0.1, "clip_high": 0.28, "max_log_ratio": 0.3},
    ),
    paper="arXiv:2402.03300",
)
