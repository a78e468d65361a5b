"""Identity preference optimization."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def ipo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Identity preference optimization, :math:`(h - \frac{1}{2\beta})^2` with :math:`h = \log
    \frac{\pi(y_w)}{\pi_0(y_w)} - \log \frac{\pi(y_l)}{\pi_0(y_l)}`.

    Asks for a lead of :math:`1/2\beta` and for no more, so the policy stays near its reference even
    where the preferences are unanimous and :func:`~lossary.dpo_loss` would run away. It punishes
    what is beyond that lead, too. The log-ratios are sums over tokens as in the paper; TRL takes
    means, for which ``beta`` must be larger.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; the paper's :math:`\tau`.

    References:
        Azar et al., *A General Theoretical Paradigm to Understand Learning from Human Preferences*,
        AISTATS 2024, eq. 17.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> ipo_loss(*policy, *reference)
    tensor(4.)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    return reduce((gap - 1 / (2 * beta)).square(), weight, reduction)


class IPOLoss(FunctionLoss):
    """Module form of :func:`ipo_loss`."""

    function = staticmethod(ipo_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=ipo_loss,
    module=IPOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 0.5}),
    paper="arXiv:2310.12036",
)
