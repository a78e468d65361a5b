"""Redescending costs: nothing beyond a threshold pulls."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real *, real * -> *", scale="(0, inf)")
def tukey_biweight_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 4.685,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tukey's biweight loss, :math:`\tfrac{c^2}{6} (1 - (1 - (d / c)^2)^3)` if :math:`|d| \le c`,
    else :math:`c^2 / 6`, with :math:`d = x - y`.

    Errors beyond ``scale`` cost a constant and pull with no force: outliers are cut off
    altogether. Give errors in units of their own spread (4.685 then has 95 % efficiency on
    Gaussian data), and start near the answer.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: the error :math:`c`, in the unit of the target, from which on nothing pulls.

    References:
        Beaton and Tukey, *The Fitting of Power Series, Meaning Polynomials, Illustrated on
        Band-Spectroscopic Data*, Technometrics 1974.

    >>> tukey_biweight_loss(torch.tensor([1.0, 9.0]), torch.tensor([0.0, 0.0]), scale=2.0)
    tensor(0.5260)
    """
    squares = ((input - target) / scale).square().clamp(max=1)
    # 1 - (1 - u)^3, multiplied out: near the target it would have no digits
    units = scale**2 / 6 * squares * (3 - squares * (3 - squares))
    return reduce(units, weight, reduction)


@signature("real *, real * -> *", scale="(0, inf)")
def andrews_wave_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float = 1.339,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Andrews' wave loss, :math:`c^2 (1 - \cos(d / c))` if :math:`|d| \le \pi c`, else :math:`2
    c^2`, with :math:`d = x - y`.

    Like :func:`~lossary.tukey_biweight_loss` with a sine for its force. At the default, 95 %
    efficient on errors that are Gaussian with deviation 1.

    Args:
        input: predictions, of any shape.
        target: of the shape of ``input``; integers are converted.
        scale: :math:`c`, in the unit of the target; beyond :math:`\pi c` nothing pulls.

    References:
        Andrews, *A Robust Method for Multiple Linear Regression*, Technometrics 1974.

    >>> andrews_wave_loss(torch.tensor([1.0, 9.0]), torch.tensor([0.0, 0.0]), scale=1.0)
    tensor(1.2298)
    """
    angle = ((input - target) / scale).clamp(-math.pi, math.pi)
    return reduce(2 * scale**2 * torch.sin(angle / 2).square(), weight, reduction)


class TukeyBiweightLoss(FunctionLoss):
    """Module form of :func:`tukey_biweight_loss`."""

    function = staticmethod(tukey_biweight_loss)

    def __init__(self, *, scale: float = 4.685, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


class AndrewsWaveLoss(FunctionLoss):
    """Module form of :func:`andrews_wave_loss`."""

    function = staticmethod(andrews_wave_loss)

    def __init__(self, *, scale: float = 1.339, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, scale=scale)


SPECS = (
    LossSpec(
        function=tukey_biweight_loss,
        module=TukeyBiweightLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"scale": 1.5}),
        paper="doi:10.1080/00401706.1974.10489171",
    ),
    LossSpec(
        function=andrews_wave_loss,
        module=AndrewsWaveLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
        variants=({}, {"scale": 0.5}),
        paper="doi:10.1080/00401706.1974.10489233",
    ),
)
