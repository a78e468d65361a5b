"""Policy optimization with ratios of whole responses."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec
from ._ratio import clipped_gain


@signature(
    "real N T, real N T, real N, prob N T -> N",
    clip_low="[0, 1]",
    clip_high="[0, inf)",
    max_log_ratio="(0, inf)",
)
def gspo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    mask: Tensor,
    *,
    clip_low: float = 3e-4,
    clip_high: float = 4e-4,
    max_log_ratio: float = 20.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Group sequence policy optimization, :math:`-\min(s A,\, \mathrm{clip}(s, 1 - \epsilon_l, 1 +
    \epsilon_h) A)` with the ratio :math:`s = \left( \pi(y) / \pi_{old}(y) \right)^{1 / |y|}` of a
    whole response.

    :func:`~lossary.ppo_clip_loss` and :func:`~lossary.grpo_loss` judge every token by its own
    ratio, a sample of one; here the geometric mean over a response does, so all its tokens are kept
    or dropped together. Steadier for mixtures of experts, whose routing changes with every step.
    The ratio is near 1 for long responses, and so are the ranges.

    The mean is over responses; one without any token weighs nothing. LUSPO, which does not favour
    short responses, multiplies the loss of each by its length: ``reduction="sum"``,
    ``weight=mask.sum(1)``, divided by the number of responses.

    Args:
        log_prob: log-probabilities of the tokens of the responses, of shape (N, T).
        old_log_prob: those under the policy that wrote them, of the shape of ``log_prob``, without
            a gradient.
        advantage: how much better than expected each response was, of shape (N,); the reward less
            the mean of those to the same prompt, divided by their standard deviation.
        mask: 1 for the tokens that the policy wrote, 0 for padding and what tools wrote, of the
            shape of ``log_prob``; booleans too. What is masked may hold anything.
        clip_low: how far the ratio may fall below 1 before it stops to count.
        clip_high: how far it may rise above 1.
        max_log_ratio: the log-ratio from which on the ratio goes on along its tangent, which keeps
            value and gradient finite.

    References:
        Zheng et al., *Group Sequence Policy Optimization*, 2025; lengths: *Length-Unbiased Sequence
        Policy Optimization*, 2026.

    >>> log_prob, old = torch.tensor([[-1.0, -1.0]]), torch.tensor([[-1.2, -0.9]])
    >>> gspo_loss(log_prob, old, torch.tensor([1.0]), torch.ones(1, 2), clip_high=0.01)
    tensor(-1.0100)
    """
    log_ratio = torch.where(mask > 0, mask * (log_prob - old_log_prob), 0.0).sum(1)
    count = mask.sum(1)
    log_ratio = log_ratio / torch.where(count > 0, count, 1.0)
    gain = clipped_gain(log_ratio, advantage, clip_low, clip_high, max_log_ratio)
    return reduce(-gain, weigh(count > 0, weight), reduction)


def _example(generator: Generator) -> tuple[object, ...]:
    log_prob, change = -torch.rand(2, 4, 5, generator=generator, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    advantage = torch.tensor([1.0, -0.5, 2.0, 1.0], dtype=torch.float64)
    return log_prob, log_prob + 0.5 * change + 0.25, advantage, mask.double()


class GSPOLoss(FunctionLoss):
    """Module form of :func:`gspo_loss`."""

    function = staticmethod(gspo_loss)

    def __init__(
        self,
        *,
        clip_low: float = 3e-4,
        clip_high: float = 4e-4,
        max_log_ratio: float = 20.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, clip_low=clip_low, clip_high=clip_high, max_log_ratio=max_log_ratio
        )


SPEC = LossSpec(
    function=gspo_loss,
    module=GSPOLoss,
    variants=({}, {"clip_low": 0.5, "clip_high": 1.0, "max_log_ratio": 0.3}),
    paper="arXiv:2507.18071",
    example=_example,
)
