"""Sinkhorn divergence of sets of points."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._points import squared_distances


@signature("real N P D, real N Q D -> N", epsilon="(0, inf)", iterations="int [1, inf)")
def sinkhorn_divergence(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float = 0.1,
    iterations: int = 50,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sinkhorn divergence of sets of points, :math:`\mathrm{OT}_\epsilon(x, y) - \tfrac12
    \mathrm{OT}_\epsilon(x, x) - \tfrac12 \mathrm{OT}_\epsilon(y, y)`, where
    :math:`\mathrm{OT}_\epsilon = \min_\pi \langle \pi, C \rangle + \epsilon\, \mathrm{KL}(\pi \Vert
    a \otimes b)` is the regularised cost of moving one set to the other, at :math:`C_{ij} =
    \tfrac12 \|x_i - y_j\|^2`.

    For shapes, generated samples and features that should agree as distributions: far from the
    target it pulls towards it like :math:`\tfrac12 W_2^2`, with small ``epsilon``, and with large
    like :func:`~lossary.mmd_loss`. All points weigh the same. ``epsilon`` is a squared distance: of
    points much closer than its root the places do not matter. The smaller it is against the
    squared distances, the more iterations it takes; the value is what they have reached.

    Computed with logarithms, so a small ``epsilon`` does not underflow. The gradient goes through
    all iterations, which keep their N x P x Q numbers for it.

    Args:
        input: sets of points, of shape (N, P, D); of one set, use ``unsqueeze(0)``.
        target: sets of points, of shape (N, Q, D).
        epsilon: the strength of the regularisation.
        iterations: how often both potentials are improved.

    References:
        Feydy et al., *Interpolating between Optimal Transport and MMD using Sinkhorn Divergences*,
        AISTATS 2019, eq. 1 to 3 and 8 to 11.

    >>> x, y = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[3.0, 4.0]]])
    >>> sinkhorn_divergence(x, y)  # one point to another: half of the squared distance
    tensor(12.5000)
    """
    if not (input.shape[1] and target.shape[1]):
        nothing = input.flatten(1).sum(1) + target.flatten(1).sum(1)
        return reduce(0 * nothing, weight, reduction)
    job = (epsilon, int(iterations))
    units = _cost(input, target, *job)
    units = units - (_cost(input, input, *job) + _cost(target, target, *job)) / 2
    return reduce(units, weight, reduction)


def _cost(x: Tensor, y: Tensor, epsilon: float, iterations: int) -> Tensor:
    """Return the regularised cost, from its dual: the sum of the mean potentials."""
    scores = squared_distances(x, y) / (-2 * epsilon)
    log_p, log_q = (
        torch.log(scores.new_tensor(x.shape[1])),
        torch.log(scores.new_tensor(y.shape[1])),
    )
    f = torch.zeros_like(scores[:, :, 0])
    g = torch.zeros_like(scores[:, 0])
    for _ in range(iterations):
        g = log_p - (scores + f.unsqueeze(2)).logsumexp(1)
        f = log_q - (scores + g.unsqueeze(1)).logsumexp(2)
    return epsilon * (f.mean(1) + g.mean(1))


class SinkhornDivergenceLoss(FunctionLoss):
    """Module form of :func:`sinkhorn_divergence`."""

    function = staticmethod(sinkhorn_divergence)

    def __init__(
        self, *, epsilon: float = 0.1, iterations: int = 50, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, epsilon=epsilon, iterations=iterations)


SPEC = LossSpec(
    function=sinkhorn_divergence,
    module=SinkhornDivergenceLoss,
    traits=Trait.ZERO_AT_TARGET,
    variants=({"iterations": 4}, {"epsilon": 2.0, "iterations": 3}),
    paper="arXiv:1810.08278",
)
