"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import mean_of_all


@signature("real N *, real N * -> N", data_range="(0, inf)", eps="(0, inf)")
def psnr_loss(
    input: Tensor,
    target: Tensor,
    *,
    data_range: float = 1.0,
    eps: float = 1e-8,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative peak signal-to-noise ratio in decibel, :math:`10 \log_{10}(\mathrm{MSE}(x, y) / R^2
    + \epsilon)` of each image, with the range R of the data.

    For restoration that is judged by this number. The logarithm gives an image the more weight the
    better it is already, so :func:`~lossary.mse_loss` is the calmer start.

    Args:
        input: images, of shape (N, ...).
        target: of the shape of ``input``; integers are converted.
        data_range: the largest value less the smallest that pixels can have: 1, or 255, or 2.
        eps: what keeps equal images finite; 1e-8 limits the ratio to 80 dB.

    References:
        Huynh-Thu and Ghanbari, *Scope of Validity of PSNR in Image/Video Quality Assessment*,
        Electronics Letters 2008, eq. 1 and 2.

    >>> psnr_loss(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.4, 0.6]]))  # errors of 0.1: 20 dB
    tensor(-20.0000)
    """
    error = mean_of_all(((input - target) / data_range).square())
    return reduce((error + eps).log() * (10 / math.log(10)), weight, reduction)


class PSNRLoss(FunctionLoss):
    """Module form of :func:`psnr_loss`."""

    function = staticmethod(psnr_loss)

    def __init__(
        self, *, data_range: float = 1.0, eps: float = 1e-8, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction, data_range=data_range, eps=eps)


SPEC = LossSpec(
    function=psnr_loss,
    module=PSNRLoss,
    traits=Trait.SYMMETRIC,
    variants=({}, {"data_range": 4.0, "eps": 0.1}),
    paper="doi:10.1049/el:20080522",
)
