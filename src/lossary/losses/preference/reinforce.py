"""Policy gradient."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("real *, real * -> *")
def reinforce_loss(
    log_prob: Tensor,
    advantage: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Policy gradient, :math:`-A \log \pi(a)`.

    For actions that the present policy took; of several steps on the same actions take
    :func:`~lossary.ppo_clip_loss`. Its gradient is what counts, its value is not: it does not fall
    as the policy improves.

    Args:
        log_prob: log-probabilities of the actions taken, for a language model of tokens or of whole
            responses, of any shape.
        advantage: the return of each action less a baseline, of the shape of ``log_prob``, without
            a gradient.

    References:
        Williams, *Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
        Learning*, Machine Learning 1992.

    >>> reinforce_loss(torch.tensor([-1.0, -2.0]), torch.tensor([0.5, -1.0]))
    tensor(-0.7500)
    """
    return reduce(-advantage * log_prob, weight, reduction)


@signature("real N K, real N K -> N")
def rloo_loss(
    log_prob: Tensor,
    reward: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Policy gradient with a baseline of the others, :math:`-\frac1K \sum_k \bigl(r_k - \frac{1}{K
    - 1} \sum_{j \neq k} r_j \bigr) \log \pi(y_k)`, of K responses to the same prompt.

    The other responses tell what reward the prompt promises, so no value function is needed and the
    gradient stays unbiased. The unit is a prompt. A single response has no others and a baseline
    of 0. The divergence from a reference goes into the rewards.

    Args:
        log_prob: log-probabilities of the responses, each the sum over its tokens, of shape (N, K).
        reward: their rewards, of the shape of ``log_prob``, without a gradient.

    References:
        Ahmadian et al., *Back to Basics: Revisiting REINFORCE-Style Optimization for Learning from
        Human Feedback in LLMs*, ACL 2024, RLOO; Kool, van Hoof and Welling, *Buy 4 REINFORCE
        Samples, Get a Baseline for Free!*, 2019.

    >>> rloo_loss(torch.tensor([[-1.0, -2.0, -3.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
    tensor(-0.5000)
    """
    count = log_prob.shape[1]
    others = reward.sum(1, keepdim=True) - reward
    advantage = reward - others / max(count - 1, 1)
    return reduce(-(advantage * log_prob).sum(1) / max(count, 1), weight, reduction)


class REINFORCELoss(FunctionLoss):
    """Module form of :func:`reinforce_loss`."""

    function = staticmethod(reinforce_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class RLOOLoss(FunctionLoss):
    """Module form of :func:`rloo_loss`."""

    function = staticmethod(rloo_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=reinforce_loss,
        module=REINFORCELoss,
        paper="doi:10.1007/BF00992696",
    ),
    LossSpec(
        function=rloo_loss,
        module=RLOOLoss,
        paper="arXiv:2402.14740",
    ),
)
