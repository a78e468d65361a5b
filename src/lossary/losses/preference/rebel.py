"""Policies from the regression of relative rewards."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real *, real * -> *", eta="(0, inf)")
def rebel_loss(
    first: Tensor,
    second: Tensor,
    old_first: Tensor,
    old_second: Tensor,
    reward_gap: Tensor,
    *,
    eta: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""REBEL, :math:`\left( \tfrac1\eta \left( \log \tfrac{\pi(y)}{\pi_{old}(y)} - \log
    \tfrac{\pi(y')}{\pi_{old}(y')} \right) - (r(y) - r(y')) \right)^2`.

    A policy step without critic and clip: two responses to a prompt are sampled from the old
    policy, and the difference of their log-ratios is fitted to that of their rewards. With the
    difference a constant it is :func:`~lossary.ipo_loss`.

    Args:
        first: log-probabilities of a response under the policy, each the sum over its tokens, of
            any shape.
        second: those of another response to the same prompt, of the shape of ``first``.
        old_first: log-probabilities of the first under the policy that wrote them.
        old_second: those of the second.
        reward_gap: by how much the first has the larger reward, of the shape of ``first``.
        eta: the step size :math:`\eta`; the larger, the further the policy may move.

    References:
        Gao et al., *REBEL: Reinforcement Learning via Regressing Relative Rewards*, NeurIPS 2024,
        algorithm 1.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> old = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> rebel_loss(*policy, *old, torch.tensor([1.0]))
    tensor(4.)
    """
    gap = (first - second) - (old_first - old_second)
    return reduce((gap / eta - reward_gap).square(), weight, reduction)


class REBELLoss(FunctionLoss):
    """Module form of :func:`rebel_loss`."""

    function = staticmethod(rebel_loss)

    def __init__(self, *, eta: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, eta=eta)


SPEC = LossSpec(
    function=rebel_loss,
    module=REBELLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"eta": 0.3}),
    paper="arXiv:2404.16767",
)
