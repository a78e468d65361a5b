"""The package pytorch-msssim, with windows of double precision.

Its multi-scale loss takes no images as small as these; see the papers' equations.
"""

import torch
from pytorch_msssim import ssim
from torch.nn.functional import pad


def _ssim(x, y, *, window_size=11, sigma=1.5, k1=0.01, k2=0.03, data_range=1.0, padding="valid"):
    if padding == "reflect":
        margin = (window_size // 2,) * 4
        x, y = pad(x, margin, "reflect"), pad(y, margin, "reflect")
    at = torch.arange(window_size, dtype=torch.float64) - window_size // 2
    window = torch.exp(-at.square() / (2 * sigma**2))
    window = (window / window.sum()).repeat(x.shape[1], 1, 1, 1)
    return 1 - ssim(x, y, data_range=data_range, size_average=False, win=window, K=(k1, k2))


REFERENCES = {"ssim_loss": _ssim}
