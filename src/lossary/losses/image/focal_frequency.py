"""Distance between the spectra of images."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait


@signature("real N C H W, real N C H W -> N", alpha="[0, inf)")
def focal_frequency_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Focal frequency loss, the mean over all frequencies of :math:`w\, |F_x - F_y|^2` with
    :math:`w = |F_x - F_y|^\alpha / \max |F_x - F_y|^\alpha` and the orthonormal Fourier transforms
    F of each channel.

    Added to a loss of pixels where a generator leaves out frequencies that are hard for it: each
    frequency counts by how wrong it is. The weights w carry no gradient. A small shift of a
    texture costs much, so it does not suit images that are not aligned.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``; integers are converted.
        alpha: how much more the worst frequencies count; 0 is the mean squared error.

    References:
        Jiang et al., *Focal Frequency Loss for Image Reconstruction and Synthesis*, ICCV 2021,
        eq. 8 to 10.

    >>> x = torch.tensor([[[[3.0, 1.0]]]])  # its transform is (4, 2) / sqrt(2)
    >>> focal_frequency_loss(x, torch.zeros(1, 1, 1, 2))  # (8 * 1 + 2 * 1 / 2) / 2
    tensor(4.5000)
    """
    if not input.numel():
        return reduce((input - target).flatten(1).sum(1), weight, reduction)
    spectrum = torch.view_as_real(torch.fft.fft2(input - target, norm="ortho"))
    power = spectrum.square().sum(-1)
    largest = power.detach().amax((2, 3), keepdim=True)
    share = power.detach() / torch.where(largest == 0, 1.0, largest)
    units = (share ** (alpha / 2) * power).mean((1, 2, 3))
    return reduce(units, weight, reduction)


class FocalFrequencyLoss(FunctionLoss):
    """Module form of :func:`focal_frequency_loss`."""

    function = staticmethod(focal_frequency_loss)

    def __init__(self, *, alpha: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction, alpha=alpha)


SPEC = LossSpec(
    function=focal_frequency_loss,
    module=FocalFrequencyLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"alpha": 0.5}, {"alpha": 2.0}),
    paper="arXiv:2012.12821",
    exempt={
        "gradient": "the weights of the frequencies get no gradient, by definition",
        "second_gradient": "the weights of the frequencies get no gradient, by definition",
    },
)
