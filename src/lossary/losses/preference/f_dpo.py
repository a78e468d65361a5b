"""Direct preference optimization with other divergences."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._ratio import deformed_log


@signature("real *, real *, real *, real * -> *", beta="(0, inf)", alpha="[0, 1]", clip="(0, inf)")
def alpha_divergence_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    alpha: float = 0.5,
    clip: float = 64.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimization with an alpha divergence, :math:`-\log \sigma(\beta f'(u_w) -
    \beta f'(u_l))` with :math:`f'(u) = (1 - u^{-\alpha}) / \alpha` of the ratios :math:`u =
    \pi(y) / \pi_0(y)`.

    :func:`~lossary.dpo_loss` holds the policy near its reference by the reverse Kullback-Leibler
    divergence, which is ``alpha`` 0; ``alpha`` 1 is the forward one. Larger values keep more
    diversity and gain less reward. See :func:`~lossary.jensen_shannon_dpo_loss` for another between
    the two.

    Beyond ``clip`` the power goes on along its tangent, which keeps value and gradient finite in
    single precision, where :math:`e^{89}` overflows.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.
        alpha: the divergence, from 0, reverse, to 1, forward.
        clip: the value of :math:`-\alpha \log u` from which on the power grows linearly.

    References:
        Wang et al., *Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse
        Divergence Constraints*, ICLR 2024, table 1.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> alpha_divergence_dpo_loss(*policy, *reference)
    tensor(0.5732)
    """
    better = deformed_log(chosen - reference_chosen, alpha, clip)
    worse = deformed_log(rejected - reference_rejected, alpha, clip)
    return reduce(-F.logsigmoid(beta * better - beta * worse), weight, reduction)


@signature("real *, real *, real *, real * -> *", beta="(0, inf)")
def jensen_shannon_dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Direct preference optimization with the Jensen-Shannon divergence, :math:`-\log \sigma(\beta
    f'(u_w) - \beta f'(u_l))` with :math:`f'(u) = \log \frac{2u}{1 + u}` of the ratios :math:`u =
    \pi(y) / \pi_0(y)`.

    What a response gains by becoming likelier than under the reference is bounded, so the loss
    rather lowers the rejected response. It keeps more diversity than :func:`~lossary.dpo_loss`.

    Args:
        chosen: log-probabilities of the preferred responses under the policy, each the sum over
            the tokens of a response, of any shape.
        rejected: those of the other responses, of the shape of ``chosen``.
        reference_chosen: log-probabilities of the preferred responses under the reference, the
            frozen policy that training starts from.
        reference_rejected: those of the other responses under the reference.
        beta: how strongly the policy is held near the reference; larger holds it nearer.

    References:
        Wang et al., *Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse
        Divergence Constraints*, ICLR 2024, table 1.

    >>> policy = torch.tensor([-10.0]), torch.tensor([-14.0])
    >>> reference = torch.tensor([-12.0]), torch.tensor([-13.0])
    >>> jensen_shannon_dpo_loss(*policy, *reference)
    tensor(0.6356)
    """
    # log(2u / (1 + u)) = log 2 + log s(log u), and the constants cancel
    better = F.logsigmoid(chosen - reference_chosen)
    worse = F.logsigmoid(rejected - reference_rejected)
    return reduce(-F.logsigmoid(beta * better - beta * worse), weight, reduction)


class AlphaDivergenceDPOLoss(FunctionLoss):
    """Module form of :func:`alpha_divergence_dpo_loss`."""

    function = staticmethod(alpha_divergence_dpo_loss)

    def __init__(
        self,
        *,
        beta: float = 0.1,
        alpha: float = 0.5,
        clip: float = 64.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, beta=beta, alpha=alpha, clip=clip)


class JensenShannonDPOLoss(FunctionLoss):
    """Module form of :func:`jensen_shannon_dpo_loss`."""

    function = staticmethod(jensen_shannon_dpo_loss)

    def __init__(self, *, beta: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, beta=beta)


SPECS = (
    LossSpec(
        function=alpha_divergence_dpo_loss,
        module=AlphaDivergenceDPOLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"alpha": 0.0}, {"alpha": 1.0, "beta": 0.5, "clip": 1.0}),
        paper="arXiv:2309.16240",
    ),
    LossSpec(
        function=jensen_shannon_dpo_loss,
        module=JensenShannonDPOLoss,
        traits=Trait.NONNEGATIVE,
        variants=({}, {"beta": 0.5}),
        paper="arXiv:2309.16240",
    ),
)
