"""Preferences among more than two responses."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N L, real N L -> N", beta="(0, inf)")
def plackett_luce_dpo_loss(
    policy: Tensor,
    reference: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimization of a whole order, :math:`\sum_k \log \sum_{j \ge k}
    e^{\beta (r_j - r_k)}` with :math:`r = \log \frac{\pi(y)}{\pi_0(y)}` of responses from the best
    to the worst.

    For responses that were ranked instead of compared: the likelihood of the order when the best
    of what remains is drawn again and again. Of two responses it is :func:`~lossary.dpo_loss`. The
    order of the last ones counts as much as that of the first, however sure it is.

    Args:
        policy: log-probabilities of the responses to a prompt under the policy, the best first,
            each the sum over its tokens, of shape (N, L).
        reference: those under the reference, of the shape of ``policy``.
        beta: how strongly the policy is held near the reference.

    References:
        Rafailov et al., *Direct Preference Optimization*, NeurIPS 2023, appendix A.3.

    >>> plackett_luce_dpo_loss(torch.tensor([[-10.0, -20.0]]), torch.tensor([[-15.0, -15.0]]))
    tensor(0.3133)
    """
    reward = beta * (policy - reference)
    remaining = reward.flip(1).logcumsumexp(1).flip(1)
    return reduce((remaining - reward).sum(1), weight, reduction)


class PlackettLuceDPOLoss(FunctionLoss):
    """Module form of :func:`plackett_luce_dpo_loss`."""

    function = staticmethod(plackett_luce_dpo_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=plackett_luce_dpo_loss,
    module=PlackettLuceDPOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"beta": 1.0}),
    paper="arXiv:2305.18290",
)
