"""Ratios of signal to noise, in decibel."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec

DECIBEL = 10 / math.log(10)
SOURCES = 16  # whose 2^16 sets can be gone through


@signature("real N T, real N T -> N", eps="(0, inf)")
def snr_loss(
    input: Tensor,
    target: Tensor,
    *,
    zero_mean: bool = False,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative signal-to-noise ratio in decibel, :math:`10 \log_{10} \frac{\|x - y\|^2}{\|y\|^2}`.

    For waveforms whose loudness matters: enhancement, echo cancellation. If the loudness of the
    prediction is free, see :func:`~lossary.si_sdr_loss`. Both energies have ``eps`` added, which
    keeps silence finite; a silent target is a bad teacher all the same.

    Args:
        input: waveforms, of shape (N, T).
        target: of the shape of ``input``; integers are converted.
        zero_mean: whether the mean of each waveform is taken away first.
        eps: the energy that counts as silence.

    References:
        Vincent, Gribonval and Févotte, *Performance Measurement in Blind Audio Source Separation*,
        IEEE Transactions on Audio, Speech and Language Processing 2006, eq. 13 without
        interference.

    >>> snr_loss(torch.tensor([[9.0, 0.0]]), torch.tensor([[10.0, 0.0]]))  # 100 to 1
    tensor(-20.)
    """
    if zero_mean:
        input, target = _centred(input), _centred(target)
    noise, signal = _energy(input - target), _energy(target)
    return reduce(DECIBEL * ((noise + eps).log() - (signal + eps).log()), weight, reduction)


@signature("real N T, real N T -> N", eps="(0, inf)")
def si_sdr_loss(
    input: Tensor,
    target: Tensor,
    *,
    zero_mean: bool = True,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative scale-invariant signal-to-distortion ratio in decibel, :math:`10 \log_{10}
    \frac{\|x - a y\|^2}{\|a y\|^2}` with :math:`a = \langle x, y \rangle / \|y\|^2`.

    For separation and enhancement of waveforms, where the loudness of the prediction is free. That
    freedom is there in training too: a network may drift in loudness, and the sign of the waveform
    is free as well. For several sources in unknown order see :func:`~lossary.pit_si_sdr_loss`.
    All energies have ``eps`` added; below it nothing is invariant to scale any more.

    Args:
        input: waveforms, of shape (N, T).
        target: of the shape of ``input``; integers are converted.
        zero_mean: whether the mean of each waveform is taken away first, as the paper assumes.
        eps: the energy that counts as silence.

    References:
        Le Roux et al., *SDR: Half-Baked or Well Done?*, ICASSP 2019, eq. 2 and 3.

    >>> x, y = torch.tensor([[3.0, 0.3, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    >>> si_sdr_loss(x, y, zero_mean=False)  # 3 of the target, 0.3 of something else
    tensor(-20.)
    """
    return reduce(_si_sdr(input, target, zero_mean, eps), weight, reduction)


@signature("real N S T, real N S T -> N", eps="(0, inf)")
def pit_si_sdr_loss(
    input: Tensor,
    target: Tensor,
    *,
    zero_mean: bool = True,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Permutation-invariant SI-SDR loss, :math:`\min_\pi \tfrac1S \sum_s L(x_{\pi(s)}, y_s)`
    with the loss L of :func:`~lossary.si_sdr_loss`, over the orders :math:`\pi` of the sources of
    each mixture.

    For separating sources of one kind, several voices for instance, where nobody can say which
    output should be whose. It takes time and memory in proportion to :math:`2^S`.

    Args:
        input: the separated waveforms, of shape (N, S, T).
        target: of the shape of ``input``; integers are converted.
        zero_mean: whether the mean of each waveform is taken away first.
        eps: the energy that counts as silence; see :func:`~lossary.si_sdr_loss`.

    Raises:
        ValueError: if there are more than 16 sources.

    References:
        Yu et al., *Permutation Invariant Training of Deep Models for Speaker-Independent
        Multi-Talker Speech Separation*, ICASSP 2017; Le Roux et al., *SDR: Half-Baked or Well
        Done?*, ICASSP 2019, eq. 3.

    >>> x = torch.tensor([[[0.3, 3.0, 0.0], [5.0, 0.0, 0.5]]])
    >>> y = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> pit_si_sdr_loss(x, y, zero_mean=False)  # the second is the first: 20 dB each
    tensor(-20.)
    """
    sources = input.shape[1]
    if sources > SOURCES:
        raise ValueError(
            f"pit_si_sdr_loss: input holds {sources} sources, at most {SOURCES} can be put in order"
        )
    if not sources:
        return reduce((input - target).flatten(1).sum(1), weight, reduction)
    pairs = _si_sdr(input.unsqueeze(2), target.unsqueeze(1), zero_mean, eps)  # (N, S, S)
    return reduce(_best_order(pairs) / sources, weight, reduction)


def _best_order(costs: Tensor) -> Tensor:
    """Return the least sum over the columns of (N, S, S) that takes each row once, of shape (N,).

    The best order of some rows ends in one of them, behind the best order of the others: 2^S sets
    of rows instead of S! orders.
    """
    rows = range(costs.shape[1])
    best = costs.new_zeros(len(costs), 1)  # of each set of as many rows as there were columns
    for column in rows:
        before = {rest: at for at, rest in enumerate(itertools.combinations(rows, column))}
        sets = list(itertools.combinations(rows, column + 1))
        others = [
            [before[chosen[:i] + chosen[i + 1 :]] for i in range(len(chosen))] for chosen in sets
        ]
        ends = costs[:, torch.tensor(sets, device=costs.device), column]
        best = (best[:, torch.tensor(others, device=costs.device)] + ends).amin(2)
    return best.squeeze(1)


def _si_sdr(input: Tensor, target: Tensor, zero_mean: bool, eps: float) -> Tensor:
    if zero_mean:
        input, target = _centred(input), _centred(target)
    scale = (input * target).sum(-1) / (_energy(target) + eps)
    wanted = scale.unsqueeze(-1) * target
    return DECIBEL * ((_energy(input - wanted) + eps).log() - (_energy(wanted) + eps).log())


def _energy(x: Tensor) -> Tensor:
    return x.square().sum(-1)


def _centred(x: Tensor) -> Tensor:
    return x - x.sum(-1, keepdim=True) / max(1, x.shape[-1])


class SNRLoss(FunctionLoss):
    """Module form of :func:`snr_loss`."""

    function = staticmethod(snr_loss)

    def __init__(
        self, *, zero_mean: bool = False, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, zero_mean=zero_mean, eps=eps)


class SISDRLoss(FunctionLoss):
    """Module form of :func:`si_sdr_loss`."""

    function = staticmethod(si_sdr_loss)

    def __init__(
        self, *, zero_mean: bool = True, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, zero_mean=zero_mean, eps=eps)


class PITSISDRLoss(FunctionLoss):
    """Module form of :func:`pit_si_sdr_loss`."""

    function = staticmethod(pit_si_sdr_loss)

    def __init__(
        self, *, zero_mean: bool = True, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, zero_mean=zero_mean, eps=eps)


SPECS = (
    LossSpec(
        function=snr_loss,
        module=SNRLoss,
        variants=({}, {"zero_mean": True, "eps": 0.1}),
        paper="doi:10.1109/TSA.2005.858005",
    ),
    LossSpec(
        function=si_sdr_loss,
        module=SISDRLoss,
        variants=({}, {"zero_mean": False, "eps": 0.1}),
        paper="arXiv:1811.02508",
    ),
    LossSpec(
        function=pit_si_sdr_loss,
        module=PITSISDRLoss,
        variants=({}, {"zero_mean": False, "eps": 0.1}),
        paper="arXiv:1607.00325",
    ),
)
