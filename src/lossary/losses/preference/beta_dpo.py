"""Direct preference optimization that is held nearer to the reference by easier batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait

LEAST = 1e-3  # what the strength is at least, so that no batch is learnt the wrong way round


@signature(
    "real N, real N, real N, real N, real -> N",
    beta="(0, inf)",
    alpha="[0, inf)",
)
def beta_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    threshold: Tensor,
    *,
    beta: float = 0.1,
    alpha: float = 0.6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimization with a dynamic beta, :math:`-\log \sigma(\beta' h)` with
    :math:`\beta' = \beta_0 \left(1 + \alpha (\bar M - M_0)\right)`, the mean :math:`\bar M` of
    :math:`\beta_0 h` over the batch, and :math:`h` of :func:`~lossary.dpo_loss`.

    A batch whose responses differ more than usual is held nearer to the reference, one of close
    pairs may move the policy farther. :math:`\beta'` is a constant to the gradient, and at least
    1e-3. For batches large enough to have a mean; with :math:`\alpha = 0` it is
    :func:`~lossary.dpo_loss`.

    The paper also leaves out a share of the pairs, drawn so that those far from :math:`M_0` are
    the likelier ones: give these no weight, and they do not count in the mean. The authors' code
    leaves :math:`\beta_0` out of :math:`M`.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of shape (N,).
        rejected: those of the other responses.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        threshold: what :math:`\bar M` usually is, :math:`M_0`: a number, of shape (). The Module
            owns it: call its ``update`` with every batch.
        beta: how strongly the policy is held near the reference, :math:`\beta_0`, in a usual batch.
        alpha: how strongly that follows the batch, :math:`\alpha`.

    References:
        Wu et al., *β-DPO: Direct Preference Optimization with Dynamic β*, NeurIPS 2024.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> beta_dpo_loss(*policy, *reference, torch.tensor(0.0))  # log(1 + exp(-3 * 0.118))
    tensor(0.5317)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    strength = beta * (1 + alpha * (_mean_margin(gap, beta, weight) - threshold.detach()))
    return reduce(-F.logsigmoid(strength.clamp(min=LEAST) * gap), weight, reduction)


def _mean_margin(gap: Tensor, beta: float, weight: Tensor | None) -> Tensor:
    there = torch.ones_like(gap) if weight is None else (weight != 0).to(gap.dtype)
    return beta * (gap.detach() * there).sum() / there.sum().clamp(min=1)


class BetaDPOLoss(FunctionLoss):
    """Module form of :func:`beta_dpo_loss`.

    It owns the threshold, which begins at 0, and is called with the four log-probabilities. Call
    ``update`` with them in every step of training, before the loss.
    """

    function = staticmethod(beta_dpo_loss)
    threshold: Tensor
    beta: float

    def __init__(
        self, *, beta: float = 0.1, alpha: float = 0.6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, beta=beta, alpha=alpha)
        self.register_buffer("threshold", torch.tensor(0.0))

    def operands(
        self,
        chosen: Tensor,
        rejected: Tensor,
        reference_chosen: Tensor,
        reference_rejected: Tensor,
    ) -> tuple[Tensor, ...]:
        return chosen, rejected, reference_chosen, reference_rejected, self.threshold

    @torch.no_grad()
    def update(
        self,
        chosen: Tensor,
        rejected: Tensor,
        reference_chosen: Tensor,
        reference_rejected: Tensor,
        momentum: float = 0.9,
    ) -> None:
        """Move the threshold to the mean of a batch. Of several processes, give it all pairs."""
        if len(chosen):
            gap = (chosen - rejected) - (reference_chosen - reference_rejected)
            mean = self.beta * gap.to(self.threshold.dtype).mean()
            self.threshold.mul_(momentum).add_((1 - momentum) * mean)


_FIXED = "the strength is a constant to the gradient, by definition"

SPEC = LossSpec(
    function=beta_dpo_loss,
    module=BetaDPOLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"beta": 0.5, "alpha": 0.1}),
    paper="arXiv:2407.08639",
    owned={"threshold": "threshold"},
    exempt={
        "parts_add": "the strength depends on the mean of the batch",
        "gradient": _FIXED,
        "second_gradient": _FIXED,
    },
)
