"""Efficient exact optimization, of pairs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real * -> *", beta="(0, inf)", label_smoothing="(0, 0.5]")
def exo_pair_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 1e-3,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Efficient exact optimization, :math:`p \log \frac{p}{1 - \epsilon} + (1 - p) \log \frac{1 -
    p}{\epsilon}` with :math:`p = \sigma(\beta h)` and :math:`h = \log \frac{\pi(y_w)}{\pi_0(y_w)} -
    \log \frac{\pi(y_l)}{\pi_0(y_l)}`.

    The divergence of the preference that the policy implies from the one that was seen, the other
    way round than :func:`~lossary.dpo_loss`: it seeks one mode instead of covering all. Its
    gradient vanishes where a pair is ranked wrong by far, so start from a policy that ranks most
    pairs about right.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        label_smoothing: the share :math:`\epsilon` of pairs that are taken to be the wrong way
            round; it keeps the logarithm finite.

    References:
        Ji et al., *Towards Efficient Exact Optimization of Language Model Alignment*, ICML 2024,
        eq. 16.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> exo_pair_loss(*policy, *reference)
    tensor(2.2582)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    z = beta * gap
    right = torch.sigmoid(z) * (F.logsigmoid(z) - math.log1p(-label_smoothing))
    wrong = torch.sigmoid(-z) * (F.logsigmoid(-z) - math.log(label_smoothing))
    return reduce(right + wrong, weight, reduction)


class EXOPairLoss(FunctionLoss):
    """Module form of :func:`exo_pair_loss`."""

    function = staticmethod(exo_pair_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        label_smoothing: float = 1e-3,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, label_smoothing=label_smoothing)


SPEC = LossSpec(
    function=exo_pair_loss,
    module=EXOPairLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"beta": 0.5, "label_smoothing": 0.2}),
    paper="arXiv:2402.00856",
)
