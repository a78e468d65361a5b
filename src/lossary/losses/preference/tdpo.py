"""Preferences with a divergence for every token."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real *, real *, real *, real *, real * -> *", beta="(0, inf)", alpha="[0, inf)")
def tdpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    chosen_kl: Tensor,
    rejected_kl: Tensor,
    *,
    beta: float = 0.1,
    alpha: float = 0.5,
    detach_chosen: bool = True,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Token-level direct preference optimization, :math:`-\log \sigma\left( \beta h - \alpha \beta
    (D_l - D_w) \right)` with :math:`h = \log \frac{\pi(y_w)}{\pi_0(y_w)} - \log
    \frac{\pi(y_l)}{\pi_0(y_l)}` and the divergences :math:`D = \sum_t \mathrm{KL}(\pi_0 \| \pi)` at
    the tokens of a response.

    :func:`~lossary.dpo_loss` lets the divergence of rejected responses grow faster than that of
    chosen ones; here the two are balanced. It needs the distributions over the whole vocabulary:
    :math:`D` is the sum over tokens of ``kl_divergence(policy, reference, reduction="none")``.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        chosen_kl: :math:`D_w` of the preferred responses, of the shape of ``chosen``.
        rejected_kl: :math:`D_l` of the other responses.
        beta: how strongly the policy is held near the reference.
        alpha: the weight of the divergences.
        detach_chosen: whether no gradient goes through :math:`D_w`, as in TDPO2; False with
            ``alpha=1`` is TDPO1.

    References:
        Zeng et al., *Token-level Direct Preference Optimization*, ICML 2024.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> tdpo_loss(*policy, *reference, torch.tensor([1.0]), torch.tensor([2.0]))
    tensor(0.5759)
    """
    gap = (chosen - rejected) - (reference_chosen - reference_rejected)
    held = chosen_kl.detach() if detach_chosen else chosen_kl
    return reduce(F.softplus(-beta * (gap - alpha * (rejected_kl - held))), weight, reduction)


class TDPOLoss(FunctionLoss):
    """Module form of :func:`tdpo_loss`."""

    function = staticmethod(tdpo_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        alpha: float = 0.5,
        detach_chosen: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, alpha=alpha, detach_chosen=detach_chosen)


SPEC = LossSpec(
    function=tdpo_loss,
    module=TDPOLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX,
    variants=({}, {"beta": 1.0, "alpha": 1.0, "detach_chosen": False}),
    paper="arXiv:2404.11999",
    exempt={
        "gradient": "the paper stops the gradient of one divergence, which finite differences see",
        "second_gradient": "the same",
    },
)
