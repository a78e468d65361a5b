"""Preferences by a hinge."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def hinge_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Hinge loss of a preference, :math:`\max(0, 1 - \beta h)` with :math:`h = \log
    \frac{\pi(y_w)}{\pi_0(y_w)} - \log \frac{\pi(y_l)}{\pi_0(y_l)}`.

    The loss of sequence likelihood calibration, normalised by a reference as in RSO: a pair with a
    lead of :math:`1/\beta` is left alone, where :func:`~lossary.dpo_loss` goes on. Without a
    reference, give zeros for its log-probabilities: that is the calibration loss of SLiC-HF with
    margin :math:`1/\beta`, times :math:`\beta`.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: the inverse of the lead that suffices.

    References:
        Liu et al., *Statistical Rejection Sampling Improves Preference Optimization*, ICLR 2024,
        the normalised hinge; Zhao et al., *SLiC-HF: Sequence Likelihood Calibration with Human
        Feedback*, 2023.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> hinge_dpo_loss(*policy, *reference)
    tensor(0.7000)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    return reduce((1 - beta * gap).clamp(min=0), weight, reduction)


class HingeDPOLoss(FunctionLoss):
    """Module form of :func:`hinge_dpo_loss`."""

    function = staticmethod(hinge_dpo_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPEC = LossSpec(
    function=hinge_dpo_loss,
    module=HingeDPOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 0.5}),
    paper="arXiv:2309.06657",
)
