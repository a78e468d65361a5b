"""MONAI's loss for registration, with windows of double precision and almost no smoothing."""

import torch
from monai.losses import GlobalMutualInformationLoss


def _mutual_information(x, y, *, num_bins=23, sigma_ratio=0.5, data_range=1.0):
    loss = GlobalMutualInformationLoss(
        num_bins=num_bins, reduction="none", smooth_nr=1e-300, smooth_dr=1e-300
    )
    loss.bin_centers = torch.linspace(0, 1, num_bins, dtype=torch.float64)[None, None]
    loss.preterm = torch.tensor((num_bins - 1) ** 2 / (2 * sigma_ratio**2), dtype=torch.float64)
    return loss(x / data_range, y / data_range)


REFERENCES = {"mutual_information_loss": _mutual_information}
