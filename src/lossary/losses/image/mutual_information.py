"""Mutual information of images."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature(
    "real N *, real N * -> N",
    num_bins="int [2, inf)",
    sigma_ratio="(0, inf)",
    data_range="(0, inf)",
)
def mutual_information_loss(
    input: Tensor,
    target: Tensor,
    *,
    num_bins: int = 23,
    sigma_ratio: float = 0.5,
    data_range: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Negative mutual information, :math:`-\sum_{ij} p_{ij} \log \frac{p_{ij}}{p_i p_j}`, in nats,
    of the brightness of the pixels of each image and its target.

    For registration of images of different kinds, CT and MR for instance, whose brightness is
    related in an unknown way. Each pixel belongs to the bins around its brightness by Gaussian
    windows, the share in the bin at c being proportional to :math:`e^{-(x - c)^2 / 2 s^2}`; that
    makes the histogram smooth. It needs many pixels: with few, noise is information too.

    Args:
        input: images, of shape (N, ...), with values from 0 to ``data_range``; others count as the
            nearest of these and get no gradient.
        target: of the shape of ``input``; integers are converted.
        num_bins: the number of bins of each brightness, the first at 0, the last at
            ``data_range``.
        sigma_ratio: the width s of the windows, in bins.
        data_range: the largest brightness.

    References:
        Viola and Wells, *Alignment by Maximization of Mutual Information*, IJCV 1997; Guo,
        *Multi-Modality Image Registration*, MIT 2019, for windows shared out over bins.

    >>> x = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> mutual_information_loss(x, 1 - x, num_bins=2, sigma_ratio=0.1)  # one bit
    tensor(-0.6931)
    """
    p, q = (_shares(t, int(num_bins), sigma_ratio, data_range) for t in (input, target))
    count = max(1, p.shape[1])
    joint = p.mT @ q / count
    information = _entropy(p.sum(1) / count) + _entropy(q.sum(1) / count)
    return reduce(_entropy(joint.flatten(1)) - information, weight, reduction)


def _shares(images: Tensor, bins: int, sigma_ratio: float, data_range: float) -> Tensor:
    """Return how much each pixel belongs to each bin, (N, pixels, bins)."""
    at = images.unsqueeze(-1).flatten(1).unsqueeze(2) / data_range
    centres = torch.arange(bins, dtype=at.dtype, device=at.device) / (bins - 1)
    sigma = sigma_ratio / (bins - 1)
    return (-(at.clamp(0, 1) - centres).square() / (2 * sigma**2)).softmax(2)


def _entropy(p: Tensor) -> Tensor:
    # what is nearly nothing has a second derivative that overflows
    nothing = p < torch.finfo(p.dtype).tiny
    return -(p * torch.where(nothing, 1.0, p).log()).sum(1)


class MutualInformationLoss(FunctionLoss):
    """Module form of :func:`mutual_information_loss`."""

    function = staticmethod(mutual_information_loss)

    def __init__(
        self,
        *,
        num_bins: int = 23,
        sigma_ratio: float = 0.5,
        data_range: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            reduction, num_bins=num_bins, sigma_ratio=sigma_ratio, data_range=data_range
        )


SPEC = LossSpec(
    function=mutual_information_loss,
    module=MutualInformationLoss,
    traits=Trait.SYMMETRIC,
    variants=({}, {"num_bins": 4, "sigma_ratio": 1.0, "data_range": 3.0}),
    paper="doi:10.1023/A:1007958904918",
)
