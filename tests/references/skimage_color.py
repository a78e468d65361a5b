"""Differences of colours in scikit-image."""

import torch
from skimage.color import deltaE_ciede2000


def _ciede2000(x, y, *, k_l=1.0, k_c=1.0, k_h=1.0):
    found = deltaE_ciede2000(x.numpy(), y.numpy(), kL=k_l, kC=k_c, kH=k_h, channel_axis=1)
    return torch.as_tensor(found)


REFERENCES = {"ciede2000_loss": _ciede2000}
