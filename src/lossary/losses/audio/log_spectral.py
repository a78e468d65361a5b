"""Distance between the logarithms of spectra."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from .signal_ratio import DECIBEL
from .stft import _power


@signature(
    "real N T, real N T -> N",
    fft_size="int [2, inf)",
    hop_size="int [1, inf)",
    window_size="int [2, inf)",
    eps="(0, inf)",
)
def log_spectral_distance_loss(
    input: Tensor,
    target: Tensor,
    *,
    fft_size: int = 2048,
    hop_size: int = 512,
    window_size: int = 2048,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Log-spectral distance in decibel, the mean over the frames of :math:`\sqrt{\tfrac1n \sum_f
    \left(10 \log_{10} \frac{|X_f|^2}{|Y_f|^2}\right)^2}` of the short-time Fourier transforms X and
    Y of each waveform.

    A common measure of coded, widened and generated speech, blind to phase. Every frequency counts
    alike, however quiet, so noise below ``eps`` is best left out; :func:`~lossary.stft_loss` adds a
    term for loud parts and is the steadier teacher.

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
        Gray and Markel, *Distance Measures for Speech Processing*, IEEE Transactions on Acoustics,
        Speech, and Signal Processing 1976.

    >>> y = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    >>> log_spectral_distance_loss(10 * y, y, fft_size=2, hop_size=1, window_size=2)
    tensor(20.)
    """
    if window_size > fft_size or input.shape[1] <= fft_size // 2:
        raise ValueError(
            f"log_spectral_distance_loss: a transform of {fft_size} samples must have a window of "
            f"no more samples, got {window_size}, and waveforms of more than {fft_size // 2}, got "
            f"{input.shape[1]}"
        )
    if not len(input):
        return reduce((input - target).sum(1), weight, reduction)
    log_x, log_y = (
        _power(t, int(fft_size), int(hop_size), int(window_size)).clamp(min=eps).log()
        for t in (input, target)
    )
    square = (log_x - log_y).square().mean(2)
    same = square == 0
    distance = torch.where(same, 0.0, torch.where(same, 1.0, square).sqrt())
    return reduce(DECIBEL * distance.mean(1), weight, reduction)


class LogSpectralDistanceLoss(FunctionLoss):
    """Module form of :func:`log_spectral_distance_loss`."""

    function = staticmethod(log_spectral_distance_loss)

    def __init__(
        self,
        *,
        fft_size: int = 2048,
        hop_size: int = 512,
        window_size: int = 2048,
        eps: float = 1e-8,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, fft_size=fft_size, hop_size=hop_size, window_size=window_size, eps=eps
        )


def _example(generator: Generator) -> tuple[object, ...]:
    x, y = torch.randn(2, 4, 14, generator=generator)
    return x, y


SPEC = LossSpec(
    function=log_spectral_distance_loss,
    module=LogSpectralDistanceLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=(
        {"fft_size": 8, "hop_size": 3, "window_size": 6},
        {"fft_size": 7, "hop_size": 2, "window_size": 7, "eps": 1.0},
    ),
    paper="doi:10.1109/TASSP.1976.1162849",
    example=_example,
)
