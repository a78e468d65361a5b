"""Estimates of the divergence from a reference."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._ratio import ratio_minus_one


@signature("real *, real * -> *")
def k1_kl_penalty(
    log_prob: Tensor,
    reference_log_prob: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""First estimate of the divergence of a policy from its reference, :math:`\log \pi(a) - \log
    \pi_0(a)`.

    Its mean over the policy's actions is :math:`\mathrm{KL}(\pi \| \pi_0)`, of large variance and
    of either sign. Subtract it from rewards; as a loss it is useless, for the mean of its gradient
    is zero: there take :func:`~lossary.k2_kl_penalty`.

    Args:
        log_prob: log-probabilities of actions that the policy took, of any shape.
        reference_log_prob: those under the reference, of the shape of ``log_prob``, without a
            gradient.

    References:
        Schulman, *Approximating KL Divergence*, 2020, joschu.net/blog/kl-approx.html, k1.

    >>> k1_kl_penalty(torch.tensor([-1.0]), torch.tensor([-1.5]))
    tensor(0.5000)
    """
    return reduce(log_prob - reference_log_prob, weight, reduction)


@signature("real *, real * -> *")
def k2_kl_penalty(
    log_prob: Tensor,
    reference_log_prob: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Second estimate of the divergence of a policy from its reference, :math:`\tfrac12 (\log
    \pi(a) - \log \pi_0(a))^2`.

    Small variance, never negative, a little biased; its gradient over the policy's actions is that
    of :math:`\mathrm{KL}(\pi \| \pi_0)`, so among the three it is the one to add to a loss.

    Args:
        log_prob: log-probabilities of actions that the policy took, of any shape.
        reference_log_prob: those under the reference, of the shape of ``log_prob``, without a
            gradient.

    References:
        Schulman, *Approximating KL Divergence*, 2020, joschu.net/blog/kl-approx.html, k2.

    >>> k2_kl_penalty(torch.tensor([-1.0]), torch.tensor([-1.5]))
    tensor(0.1250)
    """
    return reduce((log_prob - reference_log_prob).square() / 2, weight, reduction)


@signature("real *, real * -> *", max_log_ratio="(0, inf)")
def k3_kl_penalty(
    log_prob: Tensor,
    reference_log_prob: Tensor,
    *,
    max_log_ratio: float = 20.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Third estimate of the divergence of a policy from its reference, :math:`e^d - 1 - d` with
    :math:`d = \log \pi_0(a) - \log \pi(a)`.

    Unbiased, never negative, and mostly of small variance: the estimate to report, and the term of
    :func:`~lossary.grpo_loss`. As a loss its gradient over the policy's actions is that of the
    divergence the other way round, :math:`\mathrm{KL}(\pi_0 \| \pi)`.

    Args:
        log_prob: log-probabilities of actions that the policy took, of any shape.
        reference_log_prob: those under the reference, of the shape of ``log_prob``, without a
            gradient.
        max_log_ratio: the :math:`d` from which on the exponential goes on along its tangent, which
            keeps value and gradient finite.

    References:
        Schulman, *Approximating KL Divergence*, 2020, joschu.net/blog/kl-approx.html, k3.

    >>> k3_kl_penalty(torch.tensor([-1.0]), torch.tensor([-1.5]))
    tensor(0.1065)
    """
    back = reference_log_prob - log_prob
    return reduce(ratio_minus_one(back, max_log_ratio) - back, weight, reduction)


class K1KLPenalty(FunctionLoss):
    """Module form of :func:`k1_kl_penalty`."""

    function = staticmethod(k1_kl_penalty)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class K2KLPenalty(FunctionLoss):
    """Module form of :func:`k2_kl_penalty`."""

    function = staticmethod(k2_kl_penalty)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class K3KLPenalty(FunctionLoss):
    """Module form of :func:`k3_kl_penalty`."""

    function = staticmethod(k3_kl_penalty)

    def __init__(self, *, max_log_ratio: float = 20.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, max_log_ratio=max_log_ratio)


SPECS = (
    LossSpec(
        function=k1_kl_penalty,
        module=K1KLPenalty,
        traits=Trait.CONVEX,
        paper="Schulman, Approximating KL Divergence, 2020",
    ),
    LossSpec(
        function=k2_kl_penalty,
        module=K2KLPenalty,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        paper="Schulman, Approximating KL Divergence, 2020",
    ),
    LossSpec(
        function=k3_kl_penalty,
        module=K3KLPenalty,
        traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.ZERO_AT_TARGET,
        variants=({}, {"max_log_ratio": 0.5}),
        paper="Schulman, Approximating KL Divergence, 2020",
    ),
)
