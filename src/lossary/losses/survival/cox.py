"""Partial likelihood of proportional hazards."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait

Ties = Literal["breslow", "efron"]


@signature("real N, nonneg N, prob N -> N")
def cox_partial_likelihood_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    ties: Ties = "breslow",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Cox's negative partial log-likelihood, :math:`\log \sum_{j: t_j \ge t_i} w_j e^{x_j} - x_i`
    of each event i: those still at risk, against the one it happened to.

    For survival with proportional hazards. Only the order of times matters, and only differences
    of the input; the hazard itself has to be estimated afterwards. A unit is an event: samples
    that were not watched until one are in the sums alone, and the mean is the mean over events.

    A sample is compared with all others of its batch, so parts of batches do not add up to those
    of the whole, and small batches blur the loss. Weights are repetitions: a sample of weight 2
    counts twice in the sums as well. Compares all pairs, N x N numbers.

    Args:
        input: logarithms of the relative hazards, of shape (N,).
        time: when the event happened, or until when none had, of shape (N,).
        event: 1 where it happened, 0 where watching ended before, of shape (N,); booleans too.
        ties: events at the same time: for ``"breslow"`` each sees all of the others at risk;
            ``"efron"`` takes them out one after the other, on average, which is nearer to the
            truth where there are many.

    Raises:
        ValueError: if ``ties`` is unknown.

    References:
        Cox, *Regression Models and Life-Tables*, Journal of the Royal Statistical Society B 1972,
        eq. 12; Breslow, *Covariance Analysis of Censored Survival Data*, Biometrics 1974; Efron,
        *The Efficiency of Cox's Likelihood Function for Censored Data*, JASA 1977.

    >>> x, time = torch.zeros(3), torch.tensor([1.0, 2.0, 3.0])
    >>> cox_partial_likelihood_loss(x, time, torch.tensor([1, 0, 0]))  # one of three: log 3
    tensor(1.0986)
    """
    if ties not in ("breslow", "efron"):
        raise ValueError(f"ties must be 'breslow' or 'efron', got {ties!r}")
    own = weigh(event, weight)
    at_risk = time >= time.unsqueeze(1)
    scores = input.expand(len(input), -1)
    happened = event > 0
    if weight is not None:
        present = weight != 0
        weight = weight.to(input.dtype)
        # everybody is at risk in their own sum, so that no sum is empty
        at_risk = (at_risk & present) | torch.eye(len(input), dtype=torch.bool, device=time.device)
        scores = scores + torch.where(present, weight, 1.0).log()
        happened = happened & present
    scores = scores.masked_fill(~at_risk, -torch.inf)
    if ties == "breslow":
        log_total = scores.logsumexp(1)
    else:
        tied = ((time == time.unsqueeze(1)) & happened).to(input.dtype)
        count = tied.sum(1, keepdim=True).clamp(min=1)
        before = tied.tril(-1).sum(1, keepdim=True) * happened.unsqueeze(1)
        left = torch.log1p(-tied * before / count)
        log_total = (scores + left).logsumexp(1)
        # who comes first is nobody's: the mean over those that share the time
        shared = (tied * log_total).sum(1) / count.squeeze(1)
        log_total = torch.where(happened, shared, log_total)
    return reduce(log_total - input, own, reduction)


class CoxPartialLikelihoodLoss(FunctionLoss):
    """Module form of :func:`cox_partial_likelihood_loss`."""

    function = staticmethod(cox_partial_likelihood_loss)

    def __init__(self, *, ties: Ties = "breslow", reduction: Reduction = "mean") -> None:
        super().__init__(reduction, ties=ties)


def _example(generator: Generator) -> tuple[object, ...]:
    time = torch.tensor([2.0, 1.0, 3.0, 2.0, 2.0, 5.0, 3.0])
    event = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    return torch.randn(7, generator=generator), time, event


_WHOLE = "a sample is compared with all others of the batch"

SPEC = LossSpec(
    function=cox_partial_likelihood_loss,
    module=CoxPartialLikelihoodLoss,
    traits=Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT,
    variants=({}, {"ties": "efron"}),
    paper="doi:10.1111/j.2517-6161.1972.tb00899.x",
    example=_example,
    exempt={
        "parts_add": _WHOLE,
        "weight_law": _WHOLE,
    },
)
