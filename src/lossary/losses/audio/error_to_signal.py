"""Energy of the error against that of the signal."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from .signal_ratio import DECIBEL


@signature("real N T, real N T -> N", pre_emphasis="[-1, 1]", eps="(0, inf)")
def error_to_signal_ratio_loss(
    input: Tensor,
    target: Tensor,
    *,
    pre_emphasis: float = 0.85,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Error-to-signal ratio, :math:`\frac{\|h * (x - y)\|^2}{\|h * y\|^2 + \epsilon}` after the
    filter :math:`(h * v)_t = v_t - a v_{t-1}`, which raises high frequencies.

    For models of amplifiers and effects, where the waveform itself is to be met and quiet high
    frequencies are heard as well as loud low ones: the squared error in units of the signal. Its
    logarithm without filter is :func:`~lossary.snr_loss`. A constant offset costs little after the
    filter; add a loss of the means if it matters. A silent target counts as one of the energy
    ``eps``, which makes the loss large.

    Args:
        input: waveforms, of shape (N, T).
        target: of the shape of ``input``; integers are converted.
        pre_emphasis: the coefficient a of the filter, before which the waveform is silent; 0 for
            none. The default is for 44.1 kHz.
        eps: what is added to the energy of the target.

    References:
        Wright and Välimäki, *Perceptual Loss Function for Neural Modelling of Audio Systems*,
        ICASSP 2020.

    >>> x, y = torch.tensor([[2.0, 1.0]]), torch.tensor([[2.0, 3.0]])  # errors 0, 2; filtered 0, 2
    >>> error_to_signal_ratio_loss(x, y, pre_emphasis=0.5)  # 4 / (2 ** 2 + 2 ** 2)
    tensor(0.5000)
    """
    noise, signal = (_emphasized(t, pre_emphasis).square().sum(1) for t in (input - target, target))
    return reduce(noise / (signal + eps), weight, reduction)


def _emphasized(x: Tensor, coefficient: float) -> Tensor:
    return torch.cat([x[:, :1], x[:, 1:] - coefficient * x[:, :-1]], 1)


@signature("real N T, real N T -> N", eps="(0, inf)")
def sd_sdr_loss(
    input: Tensor,
    target: Tensor,
    *,
    zero_mean: bool = True,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative scale-dependent signal-to-distortion ratio in decibel, :math:`10 \log_{10}
    \frac{\|x - y\|^2}{\|a y\|^2}` with :math:`a = \langle x, y \rangle / \|y\|^2`.

    As :func:`~lossary.si_sdr_loss`, but a wrong loudness counts as distortion: a quiet prediction
    has less signal, a loud one more error. :func:`~lossary.snr_loss` does not punish the former.
    All energies have ``eps`` added.

    Args:
        input: waveforms, of shape (N, T).
        target: of the shape of ``input``; integers are converted.
        zero_mean: whether the mean of each waveform is taken away first, as the paper assumes.
        eps: the energy that counts as silence.

    References:
        Le Roux et al., *SDR: Half-Baked or Well Done?*, ICASSP 2019, section 4.

    >>> x, y = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> sd_sdr_loss(x, y, zero_mean=False)  # 1 to 4
    tensor(-6.0206)
    """
    if zero_mean:
        size = max(1, input.shape[1])
        input, target = (t - t.sum(1, keepdim=True) / size for t in (input, target))
    energy = target.square().sum(1)
    scale = (input * target).sum(1) / (energy + eps)
    noise, signal = (input - target).square().sum(1), scale.square() * energy
    return reduce(DECIBEL * ((noise + eps).log() - (signal + eps).log()), weight, reduction)


class ErrorToSignalRatioLoss(FunctionLoss):
    """Module form of :func:`error_to_signal_ratio_loss`."""

    function = staticmethod(error_to_signal_ratio_loss)

    def __init__(
        self, *, pre_emphasis: float = 0.85, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, pre_emphasis=pre_emphasis, eps=eps)


class SDSDRLoss(FunctionLoss):
    """Module form of :func:`sd_sdr_loss`."""

    function = staticmethod(sd_sdr_loss)

    def __init__(
        self, *, zero_mean: bool = True, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, zero_mean=zero_mean, eps=eps)


SPECS = (
    LossSpec(
        function=error_to_signal_ratio_loss,
        module=ErrorToSignalRatioLoss,
        traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.CONVEX,
        variants=({}, {"pre_emphasis": 0.0, "eps": 0.1}),
        paper="arXiv:1911.08922",
    ),
    LossSpec(
        function=sd_sdr_loss,
        module=SDSDRLoss,
        variants=({}, {"zero_mean": False, "eps": 0.1}),
        paper="arXiv:1811.02508",
    ),
)
