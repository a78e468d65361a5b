"""Kornia's losses and filters of images."""

import torch
from kornia.filters import spatial_gradient
from kornia.losses import inverse_depth_smoothness_loss

REFERENCES = {
    "sobel_loss": lambda x, y: spatial_gradient(x - y).abs().sum(2).mean((1, 2, 3)),
    "edge_aware_smoothness_loss": lambda d, image: torch.stack(
        [inverse_depth_smoothness_loss(d[n : n + 1, None], image[n : n + 1]) for n in range(len(d))]
    ),
}
