"""Self-play preference optimization."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def sppo_hard_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Self-play preference optimization with certain preferences, :math:`(a_w -
    \frac{1}{2\beta})^2 + (a_l + \frac{1}{2\beta})^2` with the log-ratios :math:`a = \log
    \frac{\pi(y)}{\pi_0(y)}`.

    Each response has its own aim, so that of the preferred one does rise, where
    :func:`~lossary.ipo_loss` fixes their difference only. Meant for several rounds, each with the
    last policy as the reference.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: the inverse of the paper's step :math:`\eta`; the aims are :math:`\pm 1/2\beta`.

    References:
        Wu et al., *Self-Play Preference Optimization for Language Model Alignment*, ICLR 2025, eq.
        4.7 with probabilities 1 and 0 of winning.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> sppo_hard_loss(*policy, *reference)
    tensor(25.)
    """
    aim = 1 / (2 * beta)
    better = (chosen - reference_chosen) - aim
    worse = (rejected - reference_rejected) + aim
    return reduce(better.square() + worse.square(), weight, reduction)


class SPPOHardLoss(FunctionLoss):
    """Module form of :func:`sppo_hard_loss`."""

    function = staticmethod(sppo_hard_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=sppo_hard_loss,
    module=SPPOHardLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 0.5}),
    paper="arXiv:2405.00675",
)
