"""Distance between the spectrograms of waveforms, at one resolution and at several."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N T, real N T -> N",
    fft_size="int [2, inf)",
    hop_size="int [1, inf)",
    window_size="int [2, inf)",
    eps="(0, inf)",
)
def stft_loss(
    input: Tensor,
    target: Tensor,
    *,
    fft_size: int = 1024,
    hop_size: int = 120,
    window_size: int = 600,
    eps: float = 1e-7,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""STFT loss, spectral convergence and the distance of logarithms, :math:`\frac{\| |Y| - |X|
    \|_F}{\| |Y| \|_F} + \tfrac1n \| \log |Y| - \log |X| \|_1`, of the magnitudes of the short-time
    Fourier transforms X and Y of each waveform.

    For generated waveforms, whose phase is not asked for: vocoders, enhancement. The first term
    looks at loud parts, the second at quiet ones. A network can learn the artefacts that one
    resolution does not see; see :func:`~lossary.multi_resolution_stft_loss`.

    Hann windows are centred on every ``hop_size``-th sample, and the waveform is mirrored at its
    ends.

    Args:
        input: waveforms, of shape (N, T), of more than half of ``fft_size`` samples.
        target: of the shape of ``input``; integers are converted.
        fft_size: the number of samples of each transform.
        hop_size: the number of samples from one transform to the next.
        window_size: the length of the window, at most ``fft_size``.
        eps: the smallest power of a frequency; what is below counts as this.

    Raises:
        ValueError: if the waveform is too short, or the window longer than the transform.

    References:
        Yamamoto, Song and Kim, *Parallel WaveGAN*, ICASSP 2020, eq. 3 to 5.

    >>> y = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    >>> stft_loss(2 * y, y, fft_size=2, hop_size=1, window_size=2)  # 1 + log 2
    tensor(1.6931)
    """
    units = _units("stft_loss", input, target, fft_size, hop_size, window_size, eps)
    return reduce(units, weight, reduction)


@signature("real N T, real N T -> N", eps="(0, inf)")
def multi_resolution_stft_loss(
    input: Tensor,
    target: Tensor,
    *,
    fft_sizes: Sequence[int] = (1024, 2048, 512),
    hop_sizes: Sequence[int] = (120, 240, 50),
    window_sizes: Sequence[int] = (600, 1200, 240),
    eps: float = 1e-7,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Multi-resolution STFT loss, :math:`\tfrac1M \sum_m L_m(x, y)`, the mean of
    :func:`~lossary.stft_loss` over several resolutions.

    For generated waveforms. Short transforms see when something happens, long ones which
    frequencies it has; together they leave no room for artefacts of either kind.

    Args:
        input: waveforms, of shape (N, T), of more than half of the largest transform.
        target: of the shape of ``input``; integers are converted.
        fft_sizes: the number of samples of each transform, for each resolution.
        hop_sizes: the number of samples from one transform to the next, for each resolution.
        window_sizes: the length of the window, for each resolution.
        eps: the smallest power of a frequency; what is below counts as this.

    Raises:
        ValueError: if the waveform is too short, a window longer than its transform, or the three
            sequences differ in length or are empty.

    References:
        Yamamoto, Song and Kim, *Parallel WaveGAN*, ICASSP 2020, eq. 6.

    >>> y = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    >>> loss = multi_resolution_stft_loss(2 * y, y, fft_sizes=[2], hop_sizes=[1], window_sizes=[2])
    >>> loss == stft_loss(2 * y, y, fft_size=2, hop_size=1, window_size=2)
    tensor(True)
    """
    count = len(fft_sizes)
    if not count or not count == len(hop_sizes) == len(window_sizes):
        raise ValueError(
            "multi_resolution_stft_loss: fft_sizes, hop_sizes and window_sizes must have as many "
            f"numbers, at least one, got {count}, {len(hop_sizes)} and {len(window_sizes)}"
        )
    resolutions = zip(fft_sizes, hop_sizes, window_sizes, strict=True)
    units = [_units("multi_resolution_stft_loss", input, target, *r, eps) for r in resolutions]
    return reduce(torch.stack(units).mean(0), weight, reduction)


def _units(
    loss: str, x: Tensor, y: Tensor, fft_size: int, hop_size: int, window_size: int, eps: float
) -> Tensor:
    if window_size > fft_size or x.shape[1] <= fft_size // 2:
        raise ValueError(
            f"{loss}: a transform of {fft_size} samples must have a window of no more samples, got "
            f"{window_size}, and waveforms of more than {fft_size // 2}, got {x.shape[1]}"
        )
    if not len(x):
        return (x - y).sum(1)
    sizes = int(fft_size), int(hop_size), int(window_size)
    power_x, power_y = _power(x, *sizes).clamp(min=eps), _power(y, *sizes).clamp(min=eps)
    difference = (power_y.sqrt() - power_x.sqrt()).square().sum((1, 2))
    same = difference == 0
    distance = torch.where(same, 0.0, torch.where(same, 1.0, difference).sqrt())
    convergence = distance * power_y.sum((1, 2)).rsqrt()
    return convergence + (power_y.log() - power_x.log()).abs().mean((1, 2)) / 2


def _power(x: Tensor, fft_size: int, hop_size: int, window_size: int) -> Tensor:
    """Return the squared magnitudes (N, frames, frequencies)."""
    at = torch.arange(window_size, dtype=x.dtype, device=x.device)
    before = (fft_size - window_size) // 2
    hann = torch.sin(at * (torch.pi / window_size)).square()
    window = F.pad(hann, (before, fft_size - window_size - before))
    half = fft_size // 2
    mirrored = F.pad(x.unsqueeze(1), (half, half), "reflect").unsqueeze(1)
    frames = F.unfold(mirrored, (1, fft_size), stride=(1, hop_size))
    return torch.view_as_real(torch.fft.rfft(frames.mT * window)).square().sum(-1)


class STFTLoss(FunctionLoss):
    """Module form of :func:`stft_loss`."""

    function = staticmethod(stft_loss)

    def __init__(
        self,
        *,
        fft_size: int = 1024,
        hop_size: int = 120,
        window_size: int = 600,
        eps: float = 1e-7,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, fft_size=fft_size, hop_size=hop_size, window_size=window_size, eps=eps
        )


class MultiResolutionSTFTLoss(FunctionLoss):
    """Module form of :func:`multi_resolution_stft_loss`."""

    function = staticmethod(multi_resolution_stft_loss)

    def __init__(
        self,
        *,
        fft_sizes: Sequence[int] = (1024, 2048, 512),
        hop_sizes: Sequence[int] = (120, 240, 50),
        window_sizes: Sequence[int] = (600, 1200, 240),
        eps: float = 1e-7,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction,
            fft_sizes=fft_sizes,
            hop_sizes=hop_sizes,
            window_sizes=window_sizes,
            eps=eps,
        )


def _example(generator: Generator) -> tuple[object, ...]:
    x, y = torch.randn(2, 4, 14, generator=generator)
    return x, y


_TRAITS = Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET

SPECS = (
    LossSpec(
        function=stft_loss,
        module=STFTLoss,
        traits=_TRAITS,
        variants=(
            {"fft_size": 8, "hop_size": 3, "window_size": 6},
            {"fft_size": 7, "hop_size": 2, "window_size": 7, "eps": 1.0},
        ),
        paper="arXiv:1910.11480",
        example=_example,
    ),
    LossSpec(
        function=multi_resolution_stft_loss,
        module=MultiResolutionSTFTLoss,
        traits=_TRAITS,
        variants=({"fft_sizes": (8, 4), "hop_sizes": (2, 1), "window_sizes": (8, 3), "eps": 0.01},),
        paper="arXiv:1910.11480",
        example=_example,
    ),
)
