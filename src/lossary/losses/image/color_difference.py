"""How different two colours look."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import root

DULL = 1e-12  # what a and b are below which a colour has no hue: its gradient would overflow
GREY = 1e-20  # a product of chromas below which hues do not differ: they would by less than 1e-9


@signature("real N C *, real N C * -> N *", k_l="(0, inf)", k_c="(0, inf)", k_h="(0, inf)")
def ciede2000_loss(
    input: Tensor,
    target: Tensor,
    *,
    k_l: float = 1.0,
    k_c: float = 1.0,
    k_h: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Colour difference CIEDE2000, :math:`\sqrt{D_L^2 + D_C^2 + D_H^2 + R_T D_C D_H}` with the
    differences of lightness, chroma and hue, :math:`D_i = \Delta_i / (k_i S_i)`, in steps that
    people see alike.

    For colours that have to look right: correction, printing, restoring and painting of pictures.
    Colours are in CIELAB; the plain distance there, CIE76, is
    :func:`~lossary.end_point_error_loss`, and overrates differences of vivid colours. The formula
    was fitted to small differences, below about 5, and jumps where hues are opposite; there, and
    for colours unlike each other, begin with the plain distance. As of all distances, the gradient
    does not fade near the target; it is 0 where colours are equal.

    Args:
        input: colours (L, a, b), L from 0 to 100, of shape (N, 3, ...).
        target: of the shape of ``input``.
        k_l: what a difference of lightness is divided by, 2 for textiles.
        k_c: what a difference of chroma is divided by.
        k_h: what a difference of hue is divided by.

    Raises:
        ValueError: if there are not three channels.

    References:
        Sharma, Wu and Dalal, *The CIEDE2000 Color-Difference Formula: Implementation Notes,
        Supplementary Test Data, and Mathematical Observations*, Color Research and Application
        2005, eq. 2 to 22.

    >>> x, y = torch.tensor([[50.0, 2.6772, -79.7751]]), torch.tensor([[50.0, 0.0, -82.7485]])
    >>> ciede2000_loss(x, y)  # the first pair of the paper's table 1
    tensor(2.0425)
    """
    for name, colours in (("input", input), ("target", target)):
        if colours.shape[1] != 3:
            raise ValueError(
                f"ciede2000_loss: {name} must have the channels L, a, b as its second dimension, "
                f"got {tuple(colours.shape)}"
            )
    (l1, a1, b1), (l2, a2, b2) = input.unbind(1), target.unbind(1)
    chroma = (root(a1.square() + b1.square()) + root(a2.square() + b2.square())) / 2
    stretch = 1 + (1 - _saturation(chroma)) / 2
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = root(a1.square() + b1.square()), root(a2.square() + b2.square())
    chroma, lightness = (c1 + c2) / 2, (l1 + l2) / 2 - 50
    hue = _mean_hue(a1, b1, a2, b2)
    t = (
        1
        - 0.17 * (hue - math.radians(30)).cos()
        + 0.24 * (2 * hue).cos()
        + 0.32 * (3 * hue + math.radians(6)).cos()
        - 0.20 * (4 * hue - math.radians(63)).cos()
    )
    square = lightness.square()
    d_l = (l2 - l1) / (k_l * (1 + 0.015 * square / (20 + square).sqrt()))
    d_c = (c2 - c1) / (k_c * (1 + 0.045 * chroma))
    d_h = _hue_difference(a1, b1, a2, b2, c1 * c2) / (k_h * (1 + 0.015 * chroma * t))
    blue = (hue.rad2deg() - 275) / 25
    turn = -2 * _saturation(chroma) * (math.radians(60) * (-blue.square()).exp()).sin()
    units = root(d_l.square() + d_c.square() + d_h.square() + turn * d_c * d_h)
    return reduce(units, weight, reduction)


def _saturation(chroma: Tensor) -> Tensor:
    """Return the root of C^7 / (C^7 + 25^7), whose powers would overflow."""
    return (F.logsigmoid(7 * (chroma / 25).clamp(min=1e-6).log()) / 2).exp()


def _mean_hue(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensor:
    """Return the angle between two hues, in [0, 2 pi); that of grey is the hue of the other."""
    (h1, grey1), (h2, grey2) = _hue(a1, b1), _hue(a2, b2)
    far = h2 - h1
    # the shorter way round; of hues that are opposite, the mean of the numbers
    apart = far - 2 * math.pi * ((far > math.pi).to(far.dtype) - (far < -math.pi).to(far.dtype))
    mean = torch.where(grey1, h2, torch.where(grey2, h1, h1 + apart / 2))
    mean = torch.where(mean < 0, mean + 2 * math.pi, mean)
    return torch.where(mean >= 2 * math.pi, mean - 2 * math.pi, mean)


def _hue(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hue in [0, 2 pi), and whether there is none."""
    grey = (a.abs() < DULL) & (b.abs() < DULL)
    hue = torch.atan2(torch.where(grey, 0.0, b), torch.where(grey, 1.0, a))
    return torch.where(hue < 0, hue + 2 * math.pi, hue), grey


def _hue_difference(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor, chromas: Tensor) -> Tensor:
    """Return 2 sqrt(C1 C2) sin(h / 2) of the angle h, which needs neither angle nor cancels."""
    cross, dot = a1 * b2 - b1 * a2, a1 * a2 + b1 * b2
    some, near = chromas >= GREY, dot >= 0
    close = cross * (torch.where(some & near, chromas + dot, 1.0) / 2).rsqrt()
    wide = (2 * torch.where(some & ~near, chromas - dot, 1.0)).sqrt()
    # of hues that are opposite, the sign of the difference of the numbers
    later = (b2 < b1) | ((b2 == b1) & (a2 < a1))
    wide = torch.where((cross > 0) | ((cross == 0) & later), wide, -wide)
    return torch.where(some, torch.where(near, close, wide), 0.0)


class CIEDE2000Loss(FunctionLoss):
    """Module form of :func:`ciede2000_loss`."""

    function = staticmethod(ciede2000_loss)

    def __init__(
        self,
        *,
        k_l: float = 1.0,
        k_c: float = 1.0,
        k_h: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, k_l=k_l, k_c=k_c, k_h=k_h)


def _example(generator: Generator) -> tuple[object, ...]:
    """Make colours and others near to them, in all quarters, greyish ones too."""
    colours = torch.randn(4, 3, 2, 5, generator=generator) * 20
    colours[:, 0] = colours[:, 0] + 50
    other = colours + torch.randn(4, 3, 2, 5, generator=generator) * 8
    return other, colours


SPEC = LossSpec(
    function=ciede2000_loss,
    module=CIEDE2000Loss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"k_l": 2.0, "k_c": 0.5, "k_h": 1.5}),
    paper="doi:10.1002/col.20070",
    example=_example,
)
