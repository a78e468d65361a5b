"""Loss between the census transforms of images."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import mean_of_all

THRESHOLD = (
    0.9  # of 255 grey levels: differences of about this size are neither brighter nor darker
)
SOFT = 0.1  # the squared difference of two marks that counts as half


@signature("real N C H W, real N C H W -> N", size="int [1, inf)", data_range="(0, inf)")
def census_loss(
    input: Tensor,
    target: Tensor,
    *,
    size: int = 7,
    data_range: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Census loss, the mean over the pixels p and their neighbours q of :math:`\frac{d^2}{0.1 +
    d^2}` with :math:`d = t(x_q - x_p) - t(y_q - y_p)` and the soft mark :math:`t(v) = v /
    \sqrt{0.9^2 + v^2}`, which says whether q is darker than p, alike or brighter.

    Compares the pattern around each pixel and not its brightness: for optical flow, stereo and
    interpolation of frames where light and exposure change. It is blind to contrast beyond the
    first few grey levels, and has hardly a gradient where patterns differ altogether; begin near,
    or coarse. Channels are averaged first. The paper sums over the neighbours and puts a robust
    function around the sum.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``, a warped frame for instance; integers are converted.
        size: the side of the square of neighbours, odd. Only pixels whose square lies inside the
            image take part.
        data_range: the largest value less the smallest that pixels can have: 1, or 255, or 2.

    Raises:
        ValueError: if ``size`` is even.

    References:
        Meister, Hur and Roth, *UnFlow: Unsupervised Learning of Optical Flow with a Bidirectional
        Census Loss*, AAAI 2018, whose program has the constants; Stein, *Efficient Computation of
        Optical Flow Using the Census Transform*, DAGM 2004.

    >>> x = torch.zeros(1, 1, 3, 3)
    >>> y = x.clone()
    >>> y[0, 0, 1, 1] = 1.0  # all eight neighbours are darker: d = 1.0, nearly
    >>> census_loss(x, y, size=3)  # 1 / 1.1
    tensor(0.9091)
    """
    if size % 2 != 1:
        raise ValueError(f"census_loss: size must be odd, got {size!r}")
    height, width = input.shape[2] - int(size) + 1, input.shape[3] - int(size) + 1
    if height < 1 or width < 1 or size == 1:
        return reduce(mean_of_all((input - target)[:, :, :0]), weight, reduction)
    x, y = (t.sum(1) * (255 / data_range / max(1, t.shape[1])) for t in (input, target))
    middle = int(size) // 2
    total = torch.zeros_like(x[:, :height, :width])
    for i in range(int(size)):
        for j in range(int(size)):
            if i != middle or j != middle:
                marks = [
                    _mark(_part(t, i, j, height, width) - _part(t, middle, middle, height, width))
                    for t in (x, y)
                ]
                square = (marks[0] - marks[1]).square()
                total = total + square / (SOFT + square)
    return reduce(mean_of_all(total / (int(size) ** 2 - 1)), weight, reduction)


def _part(x: Tensor, i: int, j: int, height: int, width: int) -> Tensor:
    return x[:, i : i + height, j : j + width]


def _mark(step: Tensor) -> Tensor:
    # the length of two numbers, whose squares could overflow
    return step / torch.hypot(step, torch.full_like(step, THRESHOLD))


class CensusLoss(FunctionLoss):
    """Module form of :func:`census_loss`."""

    function = staticmethod(census_loss)

    def __init__(
        self, *, size: int = 7, data_range: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, size=size, data_range=data_range)


SPEC = LossSpec(
    function=census_loss,
    module=CensusLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({"size": 3}, {"size": 3, "data_range": 255.0}),
    paper="arXiv:1711.07837",
)
