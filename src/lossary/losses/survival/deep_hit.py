"""Who is likelier to have had the event, of two samples of which one had."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce, weigh
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C, label N, prob N -> N", sigma="[0.02, inf)")
def deep_hit_ranking_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    sigma: float = 0.1,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Ranking loss of DeepHit, :math:`\sum_{j: t_j > t_i} e^{-(F_i(t_i) - F_j(t_i)) / \sigma}` of
    each event i, with the probabilities :math:`F(t) = \sum_{k \le t} p_k` of an event up to an
    interval and :math:`p = \mathrm{softmax}(x_0, \dots, x_{C-1}, 0)`, whose last place is an event
    after all intervals.

    At the time of an event, it should have been likelier for the sample it happened to than for
    those that lasted longer, as the concordance index asks. Added to
    :func:`~lossary.pmf_survival_loss`; by itself it does not calibrate. For competing risks call it
    once for each, with the probabilities and events of that risk.

    A unit is an event: samples without one are in the sums alone, and the mean is the mean over
    events. A sample is compared with all others of its batch, so parts of batches do not add up to
    those of the whole, and the loss grows with the batch. Samples that weigh nothing are compared
    with nobody. Compares all pairs, N x N numbers.

    Args:
        input: logits of C intervals, of shape (N, C).
        time: the interval in which the event happened, or the last one watched, in [0, C), of
            shape (N,).
        event: 1 where it happened, 0 where watching ended after that interval without it, of shape
            (N,); booleans too.
        sigma: the difference of probabilities around which a pair counts as ordered; much less
            than the default would leave single precision.

    References:
        Lee et al., *DeepHit: A Deep Learning Approach to Survival Analysis with Competing Risks*,
        AAAI 2018, section 4, the second loss, with one kind of event.

    >>> x = torch.zeros(2, 2)  # nobody's event is likelier than the other's
    >>> deep_hit_ranking_loss(x, torch.tensor([0, 1]), torch.tensor([1, 0]))
    tensor(1.)
    """
    until = F.pad(input, (0, 1)).softmax(1).cumsum(1)[:, :-1]
    own = until.gather(1, time.unsqueeze(1))
    lead = own - until.T[time]  # of i, at its own time, over each j
    later = time > time.unsqueeze(1)
    if weight is not None:
        later = later & (weight != 0)
    units = torch.where(later, -lead / sigma, -torch.inf).exp().sum(1)
    return reduce(units, weigh(event, weight), reduction)


class DeepHitRankingLoss(FunctionLoss):
    """Module form of :func:`deep_hit_ranking_loss`."""

    function = staticmethod(deep_hit_ranking_loss)

    def __init__(self, *, sigma: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, sigma=sigma)


def _example(generator: Generator) -> tuple[object, ...]:
    time = torch.tensor([2, 1, 3, 2, 0, 3, 1])
    event = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    return torch.randn(7, 4, generator=generator), time, event


SPEC = LossSpec(
    function=deep_hit_ranking_loss,
    module=DeepHitRankingLoss,
    traits=Trait.NONNEGATIVE,
    variants=({}, {"sigma": 1.0}),
    paper="doi:10.1609/aaai.v32i1.11842",
    example=_example,
    exempt={"parts_add": "a sample is compared with all others of the batch"},
)
