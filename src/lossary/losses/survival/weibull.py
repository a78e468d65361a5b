"""Likelihood of Weibull's distribution of times."""

from __future__ import annotations

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec


@signature("nonneg N, nonneg N, nonneg N, prob N -> N", clip="[0, 64]", eps="(0, inf)")
def weibull_survival_loss(
    scale: Tensor,
    shape: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    clip: float = 32.0,
    eps: float = 1e-6,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of Weibull's distribution, :math:`(t / \lambda)^k - e \log\left(
    \tfrac{k}{\lambda} (t / \lambda)^{k - 1} \right)`: a hazard that falls (:math:`k < 1`), stays
    or rises (:math:`k > 1`) with time.

    For survival in continuous time, wear of machines and time until customers leave. From
    :math:`k \log(t / \lambda) =` ``clip`` on the power goes on as a straight line of that
    logarithm, so that one early guess does not overflow.

    Args:
        scale: the scale :math:`\lambda`, in the unit of time, of shape (N,).
        shape: the exponent k, of shape (N,).
        time: when the event happened, or until when none had, of shape (N,).
        event: 1 where it happened, 0 where watching ended before, of shape (N,); booleans too.
        clip: where the power becomes a line.
        eps: the smallest scale, shape and time; what is below counts as this.

    References:
        Kalbfleisch and Prentice, *The Statistical Analysis of Failure Time Data*, Wiley 2002,
        sections 2.2.2 and 3.2; Martinsson, *WTTE-RNN*, Chalmers 2016, for networks.

    >>> one, two = torch.tensor([1.0]), torch.tensor([2.0])
    >>> weibull_survival_loss(one, two, two, one)  # 2 ^ 2 - log(2 * 2)
    tensor(2.6137)
    """
    scale, shape, time = (t.clamp(min=eps) for t in (scale, shape, time))
    log_power = shape * (time.log() - scale.log())
    near = log_power.clamp(max=clip)
    power = near.exp() * (1 + log_power - near)
    log_hazard = shape.log() + log_power - time.log()
    return reduce(power - event * log_hazard, weight, reduction)


class WeibullSurvivalLoss(FunctionLoss):
    """Module form of :func:`weibull_survival_loss`."""

    function = staticmethod(weibull_survival_loss)

    def __init__(
        self, *, clip: float = 32.0, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, clip=clip, eps=eps)


SPEC = LossSpec(
    function=weibull_survival_loss,
    module=WeibullSurvivalLoss,
    variants=({}, {"clip": 0.5, "eps": 0.3}),
    paper="Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, Wiley 2002",
)
