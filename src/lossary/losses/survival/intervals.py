"""Likelihoods of the interval in which an event happens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, label N, prob N -> N")
def discrete_time_survival_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of hazards in discrete time, :math:`-\sum_{k < t} \log(1 - h_k) -
    e \log h_t - (1 - e) \log(1 - h_t)` with :math:`h = \sigma(x)`, the chance of the event in each
    interval for those it has not happened to.

    For survival without an assumption on how hazards go with time. The survival curve is the
    running product of :math:`1 - h_k`. See :func:`~lossary.pmf_survival_loss` for probabilities
    of the intervals instead of hazards.

    Args:
        input: logits of the hazards in C intervals, of shape (N, C).
        time: the interval in which the event happened, or the last one watched, in [0, C), of
            shape (N,).
        event: 1 where it happened, 0 where watching ended after that interval without it, of shape
            (N,); booleans too.

    References:
        Gensheimer and Narasimhan, *A Scalable Discrete-Time Survival Model for Neural Networks*,
        PeerJ 2019, eq. 3; Brown, *On the Use of Indicator Variables for Studying the
        Time-Dependence of Parameters in a Response-Time Model*, Biometrics 1975.

    >>> x = torch.zeros(1, 3)  # every hazard is a half
    >>> discrete_time_survival_loss(x, torch.tensor([1]), torch.tensor([1]))  # 2 log 2
    tensor(1.3863)
    """
    last = time.unsqueeze(1)
    watched = torch.arange(input.shape[1], device=input.device) <= last
    survived = torch.where(watched, F.softplus(input), 0.0).sum(1)
    return reduce(survived - event * input.gather(1, last).squeeze(1), weight, reduction)


@signature("real N C, label N, prob N -> N")
def pmf_survival_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative log-likelihood of the interval of an event, :math:`-e \log p_t - (1 - e) \log
    \sum_{k > t} p_k` with :math:`p = \mathrm{softmax}(x_0, \dots, x_{C-1}, 0)`, whose last place is
    an event after all intervals.

    For survival, as :func:`~lossary.discrete_time_survival_loss`, from probabilities that compete
    for the one event. It is the likelihood of DeepHit for one kind of event, without its ranking
    of samples.

    Args:
        input: logits of C intervals, of shape (N, C).
        time: the interval in which the event happened, or the last one watched, in [0, C), of
            shape (N,).
        event: 1 where it happened, 0 where watching ended after that interval without it, of shape
            (N,); booleans too.

    References:
        Lee et al., *DeepHit: A Deep Learning Approach to Survival Analysis with Competing Risks*,
        AAAI 2018, section 4; Kvamme and Borgan, *Continuous and Discrete-Time Survival Prediction
        with Neural Networks*, Lifetime Data Analysis 2021, eq. 9, for the last place.

    >>> x = torch.zeros(1, 3)  # three intervals and afterwards, a quarter each
    >>> pmf_survival_loss(x, torch.tensor([1]), torch.tensor([0]))  # two quarters are left
    tensor(0.6931)
    """
    log_p = F.pad(input, (0, 1)).log_softmax(1)
    last = time.unsqueeze(1)
    later = torch.arange(log_p.shape[1], device=input.device) > last
    survived = log_p.masked_fill(~later, -torch.inf).logsumexp(1)
    happened = log_p.gather(1, last).squeeze(1)
    return reduce(-(event * happened + (1 - event) * survived), weight, reduction)


class DiscreteTimeSurvivalLoss(FunctionLoss):
    """Module form of :func:`discrete_time_survival_loss`."""

    function = staticmethod(discrete_time_survival_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class PMFSurvivalLoss(FunctionLoss):
    """Module form of :func:`pmf_survival_loss`."""

    function = staticmethod(pmf_survival_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


SPECS = (
    LossSpec(
        function=discrete_time_survival_loss,
        module=DiscreteTimeSurvivalLoss,
        traits=Trait.NONNEGATIVE | Trait.CONVEX,
        paper="arXiv:1805.00917",
    ),
    LossSpec(
        function=pmf_survival_loss,
        module=PMFSurvivalLoss,
        traits=Trait.NONNEGATIVE,
        paper="doi:10.1609/aaai.v32i1.11842",
    ),
)
