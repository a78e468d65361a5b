"""Proximal policy optimization."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._ratio import clipped_gain


@signature(
    "real *, real *, real * -> *",
    clip_low="[0, 1]",
    clip_high="[0, inf)",
    dual_clip="[1, inf)",
    max_log_ratio="(0, inf)",
)
def ppo_clip_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
    max_log_ratio: float = 20.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Policy loss of proximal policy optimization, :math:`-\min(\rho A,\,
    \mathrm{clip}(\rho, 1 - \epsilon_l, 1 + \epsilon_h) A)` with the ratio :math:`\rho = \pi(a) /
    \pi_{old}(a)`.

    Takes several steps on the same actions: what has moved far enough in the right direction gets
    no further gradient. On the first step, where the policies are the same, its gradient is that of
    :func:`~lossary.reinforce_loss`. Entropy and value losses are added by you; see
    :func:`~lossary.ppo_value_loss`.

    The unit is an action, so the mean is over all tokens that ``weight`` does not mask, as in DAPO.
    For other means see :func:`~lossary.grpo_loss`. The ratio of whole responses, as in GSPO, comes
    from the means of their log-probabilities: one number per response, and ranges of 3e-4 and 4e-4.

    Args:
        log_prob: log-probabilities of the actions taken, for a language model of the tokens it
            wrote, of any shape.
        old_log_prob: those under the policy that took the actions, of the shape of ``log_prob``,
            without a gradient.
        advantage: how much better than expected each action was, of the shape of ``log_prob``; one
            per response is repeated with ``advantage.unsqueeze(1).expand_as(log_prob)``.
        clip_low: how far the ratio may fall below 1 before it stops to count.
        clip_high: how far it may rise above 1; DAPO takes more, 0.28, than below.
        dual_clip: for bad actions, a bound of the ratio from above, such as 3; no bound by default,
            so that an action that became much likelier has a very large loss.
        max_log_ratio: the log-ratio from which on the ratio goes on along its tangent, which keeps
            value and gradient finite.

    References:
        Schulman et al., *Proximal Policy Optimization Algorithms*, 2017, eq. 7; two ranges: Yu et
        al., *DAPO: An Open-Source LLM Reinforcement Learning System at Scale*, 2025; the second
        clip: Ye et al., *Mastering Complex Control in MOBA Games with Deep Reinforcement Learning*,
        AAAI 2020; ratios of responses: Zheng et al., *Group Sequence Policy Optimization*, 2025.

    >>> log_prob, old = torch.tensor([-1.0, -1.0]), torch.tensor([-1.5, -0.9])
    >>> ppo_clip_loss(log_prob, old, torch.tensor([1.0, -1.0]))
    tensor(-0.1476)
    """
    gain = clipped_gain(log_prob - old_log_prob, advantage, clip_low, clip_high, max_log_ratio)
    if dual_clip is not None:
        gain = torch.where(advantage < 0, torch.maximum(gain, dual_clip * advantage), gain)
    return reduce(-gain, weight, reduction)


@signature("real *, real *, real * -> *", clip="[0, inf)")
def ppo_value_loss(
    value: Tensor,
    old_value: Tensor,
    target: Tensor,
    *,
    clip: float = 0.2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Clipped value loss of proximal policy optimization, :math:`\max\bigl((v - R)^2,\,
    (\mathrm{clip}(v, v_{old} - \epsilon, v_{old} + \epsilon) - R)^2\bigr)`.

    Keeps the value function from moving further than ``clip`` from its last estimate in one round
    of updates. It depends on the scale of the rewards; where that is unknown, the squared error is
    the safer choice. Many implementations halve it.

    Args:
        value: estimates of the value, of any shape.
        old_value: the estimates when the actions were taken, of the shape of ``value``.
        target: the returns, of the shape of ``value``.
        clip: how far an estimate may move, in the unit of the rewards.

    References:
        Engstrom et al., *Implementation Matters in Deep Policy Gradients: A Case Study on PPO and
        TRPO*, ICLR 2020, value function clipping.

    >>> value, old_value = torch.tensor([1.0]), torch.tensor([0.5])
    >>> ppo_value_loss(value, old_value, torch.tensor([2.0]))
    tensor(1.6900)
    """
    near = torch.minimum(torch.maximum(value, old_value - clip), old_value + clip)
    return reduce(
        torch.maximum((value - target).square(), (near - target).square()), weight, reduction
    )


class PPOClipLoss(FunctionLoss):
    """Module form of :func:`ppo_clip_loss`."""

    function = staticmethod(ppo_clip_loss)

    def __init__(
        self,
        *,
        clip_low: float = 0.2,
        clip_high: float = 0.2,
        dual_clip: float | None = None,
        max_log_ratio: float = 20.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            clip_low=clip_low,
            clip_high=clip_high,
            dual_clip=dual_clip,
            max_log_ratio=max_log_ratio,
        )


class PPOValueLoss(FunctionLoss):
    """Module form of :func:`ppo_value_loss`."""

    function = staticmethod(ppo_value_loss)

    def __init__(self, *, clip: float = 0.2, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, clip=clip)


SPECS = (
    LossSpec(
        function=ppo_clip_loss,
        module=PPOClipLoss,
        variants=(
            {},
            {"clip_low": 0.1, "clip_high": 0.28},
            {"dual_clip": 3.0, "max_log_ratio": 0.3},
        ),
        paper="arXiv:1707.06347",
    ),
    LossSpec(
        function=ppo_value_loss,
        module=PPOValueLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        variants=({}, {"clip": 0.5}),
        paper="arXiv:2005.12729",
    ),
)
