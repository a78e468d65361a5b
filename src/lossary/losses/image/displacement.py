"""Regularisers of displacement fields, for registration."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import mean_of_all, steps


@signature("real N D H * -> N")
def bending_energy_loss(
    input: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Bending energy, :math:`\sum_i \overline{\|\partial_i^2 u\|^2} + 2 \sum_{i < j}
    \overline{\|\partial_i \partial_j u\|^2}`, of a displacement field :math:`u`.

    As if the image were printed on a thin sheet of metal: shifts, turns and any other linear map
    cost nothing. See :func:`~lossary.diffusion_regularization_loss` for a sheet of rubber. Second
    differences of neighbours, and the mean of each over the places where it exists.

    Args:
        input: displacements, in pixels, of shape (N, D, H, ...): one channel for each direction,
            and one or more dimensions of pixels.

    References:
        Rueckert et al., *Nonrigid Registration Using Free-Form Deformations*, IEEE Transactions on
        Medical Imaging 1999, eq. 8.

    >>> x = torch.tensor([[[0.0, 0.0, 1.0, 2.0]]])  # it bends by 1 at one of two places
    >>> bending_energy_loss(x)
    tensor(0.5000)
    """
    axes = range(2, input.ndim)
    slopes = [steps(input, dim) for dim in axes]
    energy = [_energy(steps(slopes[i], dim)) for i, dim in enumerate(axes)]
    energy += [2 * _energy(steps(slopes[i], dim)) for dim in axes for i in range(dim - 2)]
    return reduce(torch.stack(energy).sum(0), weight, reduction)


@signature("real N D H * -> N")
def diffusion_regularization_loss(
    input: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Diffusion regularisation, :math:`\sum_i \overline{\|\partial_i u\|^2}`, of a displacement
    field :math:`u`.

    Keeps neighbours together. It prefers small deformations to large ones, even if these are
    smooth; where an image is turned or scaled as a whole see :func:`~lossary.bending_energy_loss`.
    Differences of neighbours, and the mean over all pairs of neighbours along each axis.

    Args:
        input: displacements, in pixels, of shape (N, D, H, ...): one channel for each direction,
            and one or more dimensions of pixels.

    References:
        Fischer and Modersitzki, *Fast Diffusion Registration*, Contemporary Mathematics 2002;
        Balakrishnan et al., *VoxelMorph*, IEEE Transactions on Medical Imaging 2019, eq. 7.

    >>> diffusion_regularization_loss(torch.tensor([[[0.0, 0.0, 2.0]]]))
    tensor(2.)
    """
    energy = [_energy(steps(input, dim)) for dim in range(2, input.ndim)]
    return reduce(torch.stack(energy).sum(0), weight, reduction)


def _energy(x: Tensor) -> Tensor:
    """Return the mean over all places of the squared length of a field."""
    return mean_of_all(x.square().sum(1))


class BendingEnergyLoss(FunctionLoss):
    """Module form of :func:`bending_energy_loss`."""

    function = staticmethod(bending_energy_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class DiffusionRegularizationLoss(FunctionLoss):
    """Module form of :func:`diffusion_regularization_loss`."""

    function = staticmethod(diffusion_regularization_loss)

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


def _example(generator: Generator) -> tuple[object, ...]:
    return (torch.randn(5, 3, 4, 3, 2, generator=generator),)


_TRAITS = Trait.NONNEGATIVE | Trait.CONVEX | Trait.SHIFT_INVARIANT

SPECS = (
    LossSpec(
        function=bending_energy_loss,
        module=BendingEnergyLoss,
        traits=_TRAITS,
        paper="doi:10.1109/42.796284",
        example=_example,
        exempt={"keeps_precision": "the law adds a straight line, which does not bend"},
    ),
    LossSpec(
        function=diffusion_regularization_loss,
        module=DiffusionRegularizationLoss,
        traits=_TRAITS,
        paper="arXiv:1809.05231",
    ),
)
