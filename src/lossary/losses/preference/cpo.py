"""Contrastive preference optimization."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", beta="(0, inf)", coefficient="[0, inf)")
def cpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    beta: float = 0.1,
    coefficient: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Contrastive preference optimization, :math:`-\log \sigma(\beta \ell_w - \beta \ell_l) -
    \lambda \ell_w` of the log-probabilities :math:`\ell` of two responses.

    :func:`~lossary.dpo_loss` with a uniform reference, which costs neither memory nor time, and the
    likelihood of the preferred response to hold the policy in its place. Long responses have small
    probabilities, so it favours short ones; :func:`~lossary.simpo_loss` takes means.

    Args:
        chosen: log-probabilities of the preferred responses, each the sum over the tokens of a
            response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        beta: the scale of the difference.
        coefficient: the weight :math:`\lambda` of the likelihood. The paper's sum has it at 1.

    References:
        Xu et al., *Contrastive Preference Optimization: Pushing the Boundaries of LLM Performance
        in Machine Translation*, ICML 2024, the preference and the likelihood term.

    >>> cpo_loss(torch.tensor([-10.0]), torch.tensor([-14.0]))
    tensor(10.5130)
    """
    lead = beta * (chosen - rejected)
    return reduce(-F.logsigmoid(lead) - coefficient * chosen, weight, reduction)


class CPOLoss(FunctionLoss):
    """Module form of :func:`cpo_loss`."""

    function = staticmethod(cpo_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        coefficient: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, coefficient=coefficient)


SPEC = LossSpec(
    function=cpo_loss,
    module=CPOLoss,
    traits=Trait.CONVEX,
    variants=({}, {"beta": 0.5, "coefficient": 0.0}),
    paper="arXiv:2401.08417",
)
