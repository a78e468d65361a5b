"""Soft adaptive policy optimization."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature(
    "real *, real *, real * -> *", positive_temperature="(0, inf)", negative_temperature="(0, inf)"
)
def sapo_loss(
    log_prob: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    *,
    positive_temperature: float = 1.0,
    negative_temperature: float = 1.05,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Soft adaptive policy optimization, :math:`-\frac{4}{\tau} \sigma(\tau (\rho - 1)) A` with
    the ratio :math:`\rho = \pi(a) / \pi_{old}(a)`.

    :func:`~lossary.ppo_clip_loss` with a soft gate instead of a clip: the gradient, that of the
    ratio where the policies agree, fades the further they differ. It fades faster for bad actions,
    which push up many tokens that nobody looked at. The mean is over all tokens that ``weight``
    does not mask; the paper's is over the tokens of a response first, see
    :func:`~lossary.grpo_loss`.

    Args:
        log_prob: log-probabilities of the actions taken, for a language model of the tokens it
            wrote, of any shape.
        old_log_prob: those under the policy that took the actions, of the shape of ``log_prob``,
            without a gradient.
        advantage: how much better than expected each action was, of the shape of ``log_prob``; one
            per response is repeated with ``advantage.unsqueeze(1).expand_as(log_prob)``.
        positive_temperature: the steepness :math:`\tau` for positive advantages.
        negative_temperature: the steepness for others.

    References:
        Gao et al., *Soft Adaptive Policy Optimization*, 2025.

    >>> log_prob, old = torch.tensor([-1.0, -1.0]), torch.tensor([-1.5, -0.9])
    >>> sapo_loss(log_prob, old, torch.tensor([1.0, -1.0]))
    tensor(-0.4086)
    """
    # at a ratio of e^20 the gate is open for good, without a gradient
    off = torch.expm1((log_prob - old_log_prob).clamp(max=20.0))
    good = torch.sigmoid(positive_temperature * off) / positive_temperature
    bad = torch.sigmoid(negative_temperature * off) / negative_temperature
    return reduce(-4 * torch.where(advantage > 0, good, bad) * advantage, weight, reduction)


class SAPOLoss(FunctionLoss):
    """Module form of :func:`sapo_loss`."""

    function = staticmethod(sapo_loss)

    def __init__(
        self,
        *,
        positive_temperature: float = 1.0,
        negative_temperature: float = 1.05,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            positive_temperature=positive_temperature,
            negative_temperature=negative_temperature,
        )


SPEC = LossSpec(
    function=sapo_loss,
    module=SAPOLoss,
    variants=({}, {"positive_temperature": 2.0, "negative_temperature": 3.0}),
    paper="arXiv:2511.20347",
)
