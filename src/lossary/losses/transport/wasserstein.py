"""Wasserstein distances on a line: of samples, of histograms, and over random directions."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._points import root


@signature("real N P, real N P -> N", p="[1, inf)")
def wasserstein_1d_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Wasserstein distance of numbers, :math:`W_p^p = \tfrac1P \sum_i |x_{(i)} - y_{(i)}|^p` with
    the numbers of each row sorted.

    For rows that should agree as distributions, whichever number stands where: brightness, scores,
    generated samples. Nothing ties a number to its own target. For histograms see
    :func:`~lossary.earth_mover_loss`, for points :func:`~lossary.sliced_wasserstein_loss`.

    Args:
        input: samples, of shape (N, P).
        target: as many samples; integers are converted.
        p: the power of the distance. The root is not taken.

    References:
        Villani, *Topics in Optimal Transportation*, AMS 2003, theorem 2.18.

    >>> wasserstein_1d_loss(torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 4.0]]))
    tensor(1.)
    """
    distance = (input.sort(1).values - target.sort(1).values).abs() ** p
    return reduce(distance.sum(1) / max(1, input.shape[1]), weight, reduction)


@signature("prob N C *, prob N C * -> N *", p="[1, inf)")
def earth_mover_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Earth mover's distance of histograms, :math:`\sum_{c < C} |P_c - Q_c|^p` with the cumulative
    sums P and Q.

    For classes in an order, such as ratings and ages, where it costs more to be further off. With
    ``p`` 1 it is what moving the mass costs, one for each class further. With 2 it is the squared
    distance of the paper, whose gradient is gentler near the target.

    Args:
        input: probabilities of the prediction, of shape (N, C, ...), with sum 1 over C.
        target: probabilities, of the shape of ``input``; one-hot for labels.
        p: the power of each difference.

    References:
        Hou, Yu and Samaras, *Squared Earth Mover's Distance-Based Loss for Training Deep Neural
        Networks*, 2016, eq. 7 and 11.

    >>> x, y = torch.tensor([[0.5, 0.0, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> earth_mover_loss(x, y)  # half of the mass is two classes off
    tensor(1.)
    """
    # the last sums are both 1: their difference is rounding
    last = max(0, input.shape[1] - 1)
    moved = (input - target).narrow(1, 0, last).cumsum(1)
    return reduce((moved.abs() ** p).sum(1), weight, reduction)


@signature("real N P D, real N P D -> N", num_projections="int [1, inf)", p="[1, inf)")
def sliced_wasserstein_loss(
    input: Tensor,
    target: Tensor,
    *,
    num_projections: int = 128,
    p: float = 2.0,
    generator: Generator | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Sliced Wasserstein distance of sets of points, :math:`\tfrac1L \sum_l W_p^p(\langle x,
    \theta_l \rangle, \langle y, \theta_l \rangle)` over random directions :math:`\theta_l`.

    For clouds of points, features or samples that should agree as distributions: it sorts where
    :func:`~lossary.sinkhorn_divergence` solves, so it is fast for many points. With D dimensions
    it takes about as many directions to see all of a difference; they are drawn anew on every
    call, the same ones for the whole batch.

    Args:
        input: sets of points, of shape (N, P, D); of one set, use ``unsqueeze(0)``.
        target: as many points.
        num_projections: the number L of directions.
        p: the power of the distance. The root is not taken.

    References:
        Bonneel et al., *Sliced and Radon Wasserstein Barycenters of Measures*, Journal of
        Mathematical Imaging and Vision 2015, eq. 8.

    >>> x, y = torch.tensor([[[3.0], [0.0]]]), torch.tensor([[[1.0], [4.0]]])
    >>> sliced_wasserstein_loss(x, y, p=1.0)  # on a line there is one direction
    tensor(1.)
    """
    shape = (int(num_projections), input.shape[2])
    drawn = torch.randn(shape, generator=generator, device=input.device).to(input.dtype)
    length = root(drawn.square().sum(1, keepdim=True))
    directions = (drawn / torch.where(length == 0, 1.0, length)).T
    x, y = (input @ directions).sort(1).values, (target @ directions).sort(1).values
    distance = ((x - y).abs() ** p).mean(2).sum(1) / max(1, input.shape[1])
    return reduce(distance, weight, reduction)


class Wasserstein1DLoss(FunctionLoss):
    """Module form of :func:`wasserstein_1d_loss`."""

    function = staticmethod(wasserstein_1d_loss)

    def __init__(self, *, p: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, p=p)


class EarthMoverLoss(FunctionLoss):
    """Module form of :func:`earth_mover_loss`."""

    function = staticmethod(earth_mover_loss)

    def __init__(self, *, p: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, p=p)


class SlicedWassersteinLoss(FunctionLoss):
    """Module form of :func:`sliced_wasserstein_loss`."""

    function = staticmethod(sliced_wasserstein_loss)

    def __init__(
        self,
        *,
        num_projections: int = 128,
        p: float = 2.0,
        generator: Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, num_projections=num_projections, p=p, generator=generator)


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC

SPECS = (
    LossSpec(
        function=wasserstein_1d_loss,
        module=Wasserstein1DLoss,
        traits=_TRAITS,
        variants=({}, {"p": 2.0}),
        paper="Villani, Topics in Optimal Transportation, AMS 2003",
    ),
    LossSpec(
        function=earth_mover_loss,
        module=EarthMoverLoss,
        traits=_TRAITS | Trait.CONVEX,
        variants=({}, {"p": 2.0}),
        paper="arXiv:1611.05916",
    ),
    LossSpec(
        function=sliced_wasserstein_loss,
        module=SlicedWassersteinLoss,
        traits=_TRAITS | Trait.RANDOM,
        variants=({"num_projections": 7}, {"num_projections": 3, "p": 1.0}),
        paper="doi:10.1007/s10851-014-0506-3",
    ),
)
