"""Odds ratio preference optimization."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._ratio import log_odds


@signature("logprob *, logprob * -> *", coefficient="[0, inf)")
def orpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    coefficient: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Odds ratio preference optimization, :math:`-\ell_w - \lambda \log \sigma\bigl(\log
    \frac{o_w}{o_l} \bigr)` with the odds :math:`o = P / (1 - P)` of :math:`P = e^\ell`.

    Fine-tunes on the preferred response and sets it off against the other one in the same step: one
    stage, and no reference. Log-probabilities are means over tokens, so :math:`P` is the geometric
    mean of the tokens' probabilities.

    The logarithm of :math:`1 - P` is computed from :math:`\ell` without a rounding to 1, so the
    loss is finite for the surest of policies, where others give nan.

    Args:
        chosen: log-probabilities of the preferred responses, each the mean over the tokens of a
            response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        coefficient: the weight :math:`\lambda` of the odds ratio.

    References:
        Hong, Lee and Thorne, *ORPO: Monolithic Preference Optimization without Reference Model*,
        EMNLP 2024, eq. 6 and 7.

    >>> orpo_loss(torch.tensor([-0.5]), torch.tensor([-1.0]))
    tensor(0.5320)
    """
    lead = log_odds(chosen) - log_odds(rejected)
    return reduce(-coefficient * F.logsigmoid(lead) - chosen, weight, reduction)


class ORPOLoss(FunctionLoss):
    """Module form of :func:`orpo_loss`."""

    function = staticmethod(orpo_loss)

    def __init__(self, *, coefficient: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, coefficient=coefficient)


def _example(generator: Generator) -> tuple[object, ...]:
    chosen, rejected = -torch.rand(2, 4, generator=generator) - 0.01
    return chosen, rejected


SPEC = LossSpec(
    function=orpo_loss,
    module=ORPOLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"coefficient": 1.0}),
    paper="arXiv:2403.07691",
    example=_example,
)
