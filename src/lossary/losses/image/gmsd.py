"""Gradient magnitude similarity deviation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...base import FunctionLoss
from ...reduction import Reduction, reduce
from ...signature import signature
from ...spec import LossSpec, Trait
from ._filters import root


@signature("real N C H W, real N C H W -> N", data_range="(0, inf)", c="(0, inf)")
def gmsd_loss(
    input: Tensor,
    target: Tensor,
    *,
    data_range: float = 1.0,
    c: float = 170 / 255**2,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Gradient magnitude similarity deviation, the standard deviation over the pixels of
    :math:`\frac{2 m_x m_y + c}{m_x^2 + m_y^2 + c}`, where :math:`m` is the length of Prewitt's
    gradient of an image of half the size.

    How unevenly an image is distorted, which people mind: a cheap measure of quality, added to a
    loss of pixels. By itself it is blind to brightness and to a distortion that is everywhere
    the same. For colours the paper takes the luminance; here channels are averaged.

    Args:
        input: images, of shape (N, C, H, W).
        target: of the shape of ``input``; integers are converted.
        data_range: the largest value less the smallest that pixels can have: 1, or 255, or 2.
        c: the constant that steadies the comparison, for a range of 1; the paper's 170 is for 255.

    References:
        Xue et al., *Gradient Magnitude Similarity Deviation: A Highly Efficient Perceptual Image
        Quality Index*, IEEE Transactions on Image Processing 2014, eq. 1 to 5.

    >>> x = torch.tensor([[[[0.0, 0.0, 3.0, 3.0], [0.0, 0.0, 3.0, 3.0]]]])  # halved: 0 and 3
    >>> gmsd_loss(x, torch.zeros(1, 1, 2, 4), c=1.0)  # gradients 1 and 0: similarities 0.5 and 1
    tensor(0.2500)
    """
    m_x, m_y = _magnitude(input / data_range), _magnitude(target / data_range)
    similarity = (2 * m_x * m_y + c) / (m_x.square() + m_y.square() + c)
    count = max(1, similarity.shape[2] * similarity.shape[3])
    mean = similarity.sum((2, 3), keepdim=True) / count
    deviation = root((similarity - mean).square().sum((2, 3)) / count)
    return reduce(deviation.sum(1) / max(1, input.shape[1]), weight, reduction)


def _magnitude(images: Tensor) -> Tensor:
    """Return the length of the gradient (N, C, H / 2, W / 2), with zeros around the image."""
    height, width = images.shape[2:]
    images = F.pad(images, (0, width % 2, 0, height % 2))
    rows = images[:, :, 0::2] + images[:, :, 1::2]
    halved = F.pad((rows[..., 0::2] + rows[..., 1::2]) / 4, (1, 1, 1, 1))
    tall = halved[:, :, :-2] + halved[:, :, 1:-1] + halved[:, :, 2:]
    wide = halved[..., :-2] + halved[..., 1:-1] + halved[..., 2:]
    across = (tall[..., :-2] - tall[..., 2:]) / 3
    along = (wide[:, :, :-2] - wide[:, :, 2:]) / 3
    return root(across.square() + along.square())


class GMSDLoss(FunctionLoss):
    """Module form of :func:`gmsd_loss`."""

    function = staticmethod(gmsd_loss)

    def __init__(
        self,
        *,
        data_range: float = 1.0,
        c: float = 170 / 255**2,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction, data_range=data_range, c=c)


SPEC = LossSpec(
    function=gmsd_loss,
    module=GMSDLoss,
    traits=Trait.NONNEGATIVE | Trait.ZERO_AT_TARGET | Trait.SYMMETRIC,
    variants=({}, {"data_range": 2.0, "c": 0.5}),
    paper="arXiv:1308.3052",
)
