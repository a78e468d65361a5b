"""Distances of sets of points by means: of kernels, of distances, of products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._points import mean_of_pairs, root, squared_distances

Kernel = Literal["gaussian", "laplacian"]


@signature("real N P D, real N Q D -> N")
def mmd_loss(
    input: Tensor,
    target: Tensor,
    *,
    kernel: Kernel = "gaussian",
    bandwidths: Sequence[float] = (1.0,),
    unbiased: bool = False,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Squared maximum mean discrepancy of sets of points, :math:`\overline{k(x, x')} +
    \overline{k(y, y')} - 2\, \overline{k(x, y)}`.

    For features of two domains, or generated samples, that should agree as distributions. The
    kernel is blind to differences much smaller than its bandwidth, and to points much further
    apart: take several bandwidths around the usual distance of two points, which grows with the
    root of D. Computes all differences, P x Q x D numbers.

    Args:
        input: sets of points, of shape (N, P, D); of one set, use ``unsqueeze(0)``.
        target: sets of points, of shape (N, Q, D).
        kernel: ``"gaussian"``, :math:`\sum_s e^{-\|x - y\|^2 / 2 s^2}`, or ``"laplacian"``,
            :math:`\sum_s e^{-\|x - y\| / s}`, which has heavier tails.
        bandwidths: the lengths s.
        unbiased: whether the pairs of a point with itself are left out. The result is 0 on average
            for equal distributions then, so it can be negative.

    Raises:
        ValueError: if the kernel is unknown, or a bandwidth is not above 0.

    References:
        Gretton et al., *A Kernel Two-Sample Test*, JMLR 2012, eq. 3 and 5; Li, Swersky and Zemel,
        *Generative Moment Matching Networks*, ICML 2015, for sums of kernels.

    >>> x, y = torch.tensor([[[0.0]]]), torch.tensor([[[1.0]]])
    >>> mmd_loss(x, y)  # 2 - 2 exp(-1 / 2)
    tensor(0.7869)
    """
    if kernel not in ("gaussian", "laplacian"):
        raise ValueError(f"kernel must be 'gaussian' or 'laplacian', got {kernel!r}")
    if not all(s > 0 for s in bandwidths):
        raise ValueError(f"mmd_loss: bandwidths must be above 0, got {tuple(bandwidths)}")
    units = -2 * mean_of_pairs(_kernel(input, target, kernel, bandwidths))
    for points in (input, target):
        pairs = _kernel(points, points, kernel, bandwidths)
        if unbiased:
            count = points.shape[1] * (points.shape[1] - 1)
            others = pairs.sum((1, 2)) - pairs.diagonal(0, 1, 2).sum(1)
            units = units + others / max(1, count)
        else:
            units = units + mean_of_pairs(pairs)
    return reduce(units, weight, reduction)


def _kernel(x: Tensor, y: Tensor, kernel: Kernel, bandwidths: Sequence[float]) -> Tensor:
    squares = squared_distances(x, y)
    if kernel == "laplacian":
        distance = root(squares)
        return sum((torch.exp(-distance / s) for s in bandwidths), torch.zeros_like(squares))
    terms = (torch.exp(-squares / (2 * s**2)) for s in bandwidths)
    return sum(terms, torch.zeros_like(squares))


@signature("real N P D, real N Q D -> N")
def energy_distance_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Energy distance of sets of points, :math:`2\, \overline{\|x - y\|} - \overline{\|x - x'\|} -
    \overline{\|y - y'\|}`.

    As :func:`~lossary.mmd_loss`, without a bandwidth to choose: it sees all scales, and pulls at
    points however far away. Some programs take the root.

    Args:
        input: sets of points, of shape (N, P, D); of one set, use ``unsqueeze(0)``.
        target: sets of points, of shape (N, Q, D).

    References:
        Székely and Rizzo, *Energy Statistics: A Class of Statistics Based on Distances*, Journal
        of Statistical Planning and Inference 2013, eq. 6.1.

    >>> energy_distance_loss(torch.tensor([[[0.0], [2.0]]]), torch.tensor([[[5.0]]]))
    tensor(7.)
    """
    between, within, of_target = (
        mean_of_pairs(root(squared_distances(x, y)))
        for x, y in ((input, target), (input, input), (target, target))
    )
    return reduce(2 * between - within - of_target, weight, reduction)


@signature("real N P D, real N Q D -> N")
def deep_coral_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Deep CORAL loss, :math:`\tfrac{1}{4 D^2} \|C_x - C_y\|_F^2`, with the covariances of two
    sets of features.

    For features of two domains, one of which has no labels: added to a classifier's loss. It sees
    no difference of means and none beyond second moments; for these see
    :func:`~lossary.mmd_loss`. Not the ordinal regression of the same name.

    Args:
        input: features of the source, of shape (N, P, D); of one batch, use ``unsqueeze(0)``.
        target: features of the target, of shape (N, Q, D).

    References:
        Sun and Saenko, *Deep CORAL: Correlation Alignment for Deep Domain Adaptation*, ECCV 2016
        Workshops, eq. 1 to 3.

    >>> deep_coral_loss(torch.tensor([[[0.0], [2.0]]]), torch.tensor([[[5.0], [5.0]]]))
    tensor(1.)
    """
    difference = _covariance(input) - _covariance(target)
    units = difference.square().sum((1, 2)) / (4 * max(1, input.shape[2]) ** 2)
    return reduce(units, weight, reduction)


def _covariance(x: Tensor) -> Tensor:
    x = x - x.sum(1, keepdim=True) / max(1, x.shape[1])
    return x.mT @ x / max(1, x.shape[1] - 1)


class MMDLoss(FunctionLoss):
    """Module form of :func:`mmd_loss`."""

    function = staticmethod(mmd_loss)

    def __init__(
        self,
        *,
        kernel: Kernel = "gaussian",
        bandwidths: Sequence[float] = (1.0,),
        unbiased: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, kernel=kernel, bandwidths=bandwidths, unbiased=unbiased)


class EnergyDistanceLoss(FunctionLoss):
    """Module form of :func:`energy_distance_loss`."""

    function = staticmethod(energy_distance_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class DeepCORALLoss(FunctionLoss):
    """Module form of :func:`deep_coral_loss`."""

    function = staticmethod(deep_coral_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


_TRAITS = Trait.ZERO_AT_TARGET | Trait.SYMMETRIC

SPECS = (
    LossSpec(
        function=mmd_loss,
        module=MMDLoss,
        traits=Trait.SYMMETRIC,
        variants=(
            {},
            {"bandwidths": (1.0, 5.0), "unbiased": True},
            {"kernel": "laplacian", "bandwidths": (2.0,)},
        ),
        paper="Gretton et al., A Kernel Two-Sample Test, JMLR 2012",
    ),
    LossSpec(
        function=energy_distance_loss,
        module=EnergyDistanceLoss,
        traits=_TRAITS | Trait.NONNEGATIVE,
        paper="doi:10.1016/j.jspi.2013.03.018",
    ),
    LossSpec(
        function=deep_coral_loss,
        module=DeepCORALLoss,
        traits=_TRAITS | Trait.NONNEGATIVE,
        paper="arXiv:1607.01719",
    ),
)
