"""Structural similarity of images, on one scale and on several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import blur, gaussian

Padding = Literal["valid", "reflect"]
WANG_2003 = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@signature(
    "real N C H W, real N C H W -> N",
    window_size="int [1, inf)",
    sigma="(0, inf)",
    k1="(0, inf)",
    k2="(0, inf)",
    data_range="(0, inf)",
)
def ssim_loss(
    input: Tensor,
    target: Tensor,
    *,
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
    padding: Padding = "valid",
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Structural similarity loss, one minus the mean over all pixels and channels of
    :math:`\frac{2 \mu_x \mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1} \cdot
    \frac{2 \sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2}`, with means, variances and
    covariance under a Gaussian window, :math:`c_i = (k_i R)^2` and the range R of the data.

    For images that should agree in structure, as people see it, more than in the value of each
    pixel: restoration, compression, self-supervised depth. It is not convex and hardly minds a
    change of colour; it is mostly mixed with :func:`~lossary.l1_loss`. A wrong ``data_range``
    spoils it silently. Some libraries halve it.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``; integers are converted.
        window_size: the number of pixels along each side of the window.
        sigma: the standard deviation of the window, in pixels.
        k1: the constant that steadies the comparison of means.
        k2: the constant that steadies the comparison of structure.
        data_range: the largest value less the smallest that pixels can have: 1, or 255, or 2.
        padding: ``"valid"`` takes windows that lie inside the image, ``"reflect"`` one around
            every pixel, with the image mirrored at its edges.

    Raises:
        ValueError: if the images are smaller than the window, or ``padding`` is unknown.

    References:
        Wang et al., *Image Quality Assessment: From Error Visibility to Structural Similarity*,
        IEEE Transactions on Image Processing 2004, eq. 13 to 17.

    >>> x, y = torch.zeros(1, 1, 11, 11), torch.full((1, 1, 11, 11), 0.01)
    >>> ssim_loss(x, y)  # no structure, and a mean of 0.01 instead of 0: 1 - 1 / 2
    tensor(0.5000)
    """
    if padding not in ("valid", "reflect"):
        raise ValueError(f"padding must be 'valid' or 'reflect', got {padding!r}")
    before, after = (window_size - 1) // 2, window_size // 2
    least = window_size if padding == "valid" else after + 1
    _check_size("ssim_loss", input, int(least), "one window")
    if padding == "reflect":
        margin = (before, after, before, after)
        input, target = F.pad(input, margin, "reflect"), F.pad(target, margin, "reflect")
    window = gaussian(int(window_size), sigma, input)
    means, structure = _compare(
        input, target, window, (k1 * data_range) ** 2, (k2 * data_range) ** 2
    )
    return reduce(1 - (means * structure).mean((1, 2, 3)), weight, reduction)


@signature(
    "real N C H W, real N C H W -> N",
    window_size="int [1, inf)",
    sigma="(0, inf)",
    k1="(0, inf)",
    k2="(0, inf)",
    data_range="(0, inf)",
)
def ms_ssim_loss(
    input: Tensor,
    target: Tensor,
    *,
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
    scale_weights: Sequence[float] = WANG_2003,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-scale structural similarity loss, :math:`1 - l_M^{\beta_M} \prod_{j=1}^M
    s_j^{\beta_j}`, where :math:`s_j` compares structure and :math:`l_M` means, as in
    :func:`~lossary.ssim_loss`, after halving the images :math:`j - 1` times.

    As :func:`~lossary.ssim_loss`, for images seen from no particular distance. Each channel has a
    product of its own, and the mean is taken over the channels. A channel whose structure is
    opposed to the target's at some scale, :math:`s_j \le 0`, has similarity 0 and no gradient; mix
    it with a loss of pixels, which leads out of there.

    Args:
        input: images, of shape (N, C, H, W); with five scales and a window of 11, of at least 176
            by 176 pixels.
        target: of the shape of ``input``; integers are converted.
        window_size: the number of pixels along each side of the window.
        sigma: the standard deviation of the window, in pixels.
        k1: the constant that steadies the comparison of means.
        k2: the constant that steadies the comparison of structure.
        data_range: the largest value less the smallest that pixels can have.
        scale_weights: the exponents :math:`\beta_j`, from the finest scale to the coarsest; as
            many as there are scales.

    Raises:
        ValueError: if the images of the coarsest scale are smaller than the window.

    References:
        Wang, Simoncelli and Bovik, *Multi-Scale Structural Similarity for Image Quality
        Assessment*, Asilomar 2003, eq. 7.

    >>> x, y = torch.zeros(1, 1, 22, 22), torch.full((1, 1, 22, 22), 0.01)
    >>> ms_ssim_loss(x, y, scale_weights=(0.5, 0.5))  # 1 - sqrt(1 / 2)
    tensor(0.2929)
    """
    scales = len(scale_weights)
    _check_size("ms_ssim_loss", input, int(window_size) * 2 ** (scales - 1), f"{scales} scales")
    window = gaussian(int(window_size), sigma, input)
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    similarity = input.new_ones(input.shape[:2])
    for j, beta in enumerate(scale_weights):
        if j:
            input, target = F.avg_pool2d(input, 2), F.avg_pool2d(target, 2)
        means, structure = _compare(input, target, window, c1, c2)
        last = j == scales - 1
        found = (means * structure if last else structure).mean((2, 3))
        opposed = found <= 0
        factor = torch.where(opposed, 1.0, found) ** beta
        similarity = similarity * torch.where(opposed, 0.0, factor)
    return reduce(1 - similarity.mean(1), weight, reduction)


def _compare(x: Tensor, y: Tensor, window: Tensor, c1: float, c2: float) -> tuple[Tensor, Tensor]:
    """Return the similarities of means and of structure of every window, (N, C, H, W) each."""
    # a variance is small against the squared mean: without the level of the image, which it does
    # not depend on, it keeps its digits
    level = ((x + y) / 2).mean((2, 3), keepdim=True).detach()
    a, b = (x - level).flatten(0, 1), (y - level).flatten(0, 1)
    stacked = blur(torch.cat([a, b, a * a, b * b, a * b]), window)
    shape = (5, x.shape[0], x.shape[1], *stacked.shape[1:])
    mean_a, mean_b, aa, bb, ab = stacked.view(shape).unbind(0)
    spread = (aa - mean_a.square()).clamp(min=0) + (bb - mean_b.square()).clamp(min=0)
    structure = (2 * (ab - mean_a * mean_b) + c2) / (spread + c2)
    mean_x, mean_y = mean_a + level, mean_b + level
    means = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    return means, structure


def _check_size(loss: str, images: Tensor, least: int, why: str) -> None:
    _, channels, height, width = images.shape
    if not channels or height < least or width < least:
        raise ValueError(
            f"{loss}: input must have a channel and at least {least} x {least} pixels for {why}, "
            f"got {channels} x {height} x {width}; use a smaller window_size, or fewer scales"
        )


class SSIMLoss(FunctionLoss):
    """Module form of :func:`ssim_loss`."""

    function = staticmethod(ssim_loss)

    def __init__(
        self,
        *,
        window_size: int = 11,
        sigma: float = 1.5,
        k1: float = 0.01,
        k2: float = 0.03,
        data_range: float = 1.0,
        padding: Padding = "valid",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            window_size=window_size,
            sigma=sigma,
            k1=k1,
            k2=k2,
            data_range=data_range,
            padding=padding,
        )


class MSSSIMLoss(FunctionLoss):
    """Module form of :func:`ms_ssim_loss`."""

    function = staticmethod(ms_ssim_loss)

    def __init__(
        self,
        *,
        window_size: int = 11,
        sigma: float = 1.5,
        k1: float = 0.01,
        k2: float = 0.03,
        data_range: float = 1.0,
        scale_weights: Sequence[float] = WANG_2003,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            window_size=window_size,
            sigma=sigma,
            k1=k1,
            k2=k2,
            data_range=data_range,
            scale_weights=scale_weights,
        )


def _example(generator: Generator) -> tuple[object, ...]:
    x, noise = torch.rand(2, 3, 2, 6, 5, generator=generator)
    return x, (2 * x + noise) / 3


def _example_of_scales(generator: Generator) -> tuple[object, ...]:
    x, noise = torch.rand(2, 3, 2, 8, 9, generator=generator)
    return x, (2 * x + noise) / 3


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC

SPECS = (
    LossSpec(
        function=ssim_loss,
        module=SSIMLoss,
        traits=_TRAITS,
        variants=(
            {"window_size": 5},
            {
                "window_size": 3,
                "sigma": 0.8,
                "data_range": 2.0,
                "k1": 0.1,
                "padding": "reflect",
                "k2": 0.2,
            },
        ),
        paper="doi:10.1109/TIP.2003.819861",
        example=_example,
    ),
    LossSpec(
        function=ms_ssim_loss,
        module=MSSSIMLoss,
        traits=_TRAITS,
        variants=(
            {"window_size": 2, "scale_weights": (0.2, 0.3, 0.5)},
            {
                "window_size": 3,
                "sigma": 0.8,
                "k2": 0.3,
                "scale_weights": (0.7, 0.3),
                "k1": 0.1,
                "data_range": 2.0,
            },
        ),
        paper="doi:10.1109/ACSSC.2003.1292216",
        example=_example_of_scales,
    ),
)
