"""What people run instead: torch's own functions, and the formulas as they are usually written."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

TORCH: dict[str, Callable[..., Tensor]] = {
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "cosine_embedding_loss": F.cosine_embedding_loss,
    "cross_entropy": F.cross_entropy,
    "gaussian_nll_loss": F.gaussian_nll_loss,
    "hinge_embedding_loss": F.hinge_embedding_loss,
    "huber_loss": F.huber_loss,
    "kl_divergence": lambda x, y: F.kl_div(x, y, reduction="batchmean"),
    "l1_loss": F.l1_loss,
    "logistic_loss": F.soft_margin_loss,
    "mse_loss": F.mse_loss,
    "multi_margin_loss": F.multi_margin_loss,
    "multi_label_soft_margin_loss": F.multilabel_soft_margin_loss,
    "nll_loss": F.nll_loss,
    "poisson_nll_loss": F.poisson_nll_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "triplet_margin_loss": F.triplet_margin_loss,
}


def _focal(x: Tensor, y: Tensor) -> Tensor:
    cost = F.cross_entropy(x, y, reduction="none")
    return ((1 - torch.exp(-cost)) ** 2 * cost).mean()


def _sigmoid_focal(x: Tensor, y: Tensor) -> Tensor:
    p = torch.sigmoid(x)
    cost = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    p_t = p * y + (1 - p) * (1 - y)
    alpha = 0.25 * y + 0.75 * (1 - y)
    return (alpha * (1 - p_t) ** 2 * cost).mean()


def _crammer_singer(x: Tensor, y: Tensor) -> Tensor:
    right = x.gather(1, y[:, None])
    margins = (x - right + 1).scatter(1, y[:, None], 0.0)
    return margins.amax(1).mean()


def _minimax(real: Tensor, fake: Tensor) -> Tensor:
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    cost = F.binary_cross_entropy_with_logits(real, ones)
    return cost + F.binary_cross_entropy_with_logits(fake, zeros)


def _balanced(x: Tensor, y: Tensor) -> Tensor:
    cost = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    return ((0.5 * y + 0.5 * (1 - y)) * cost).mean()


def _least_squares(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


def _dice(x: Tensor, y: Tensor) -> Tensor:
    p, q = x.softmax(1), F.one_hot(y, x.shape[1]).movedim(-1, 1).float()
    both, all_of = (p * q).flatten(2).sum(2), (p + q).flatten(2).sum(2)
    return (1 - (2 * both + 1e-5) / (all_of + 1e-5)).mean()


def _sigmoid_dice(x: Tensor, y: Tensor) -> Tensor:
    p = x.sigmoid()
    both, all_of = (p * y).flatten(1).sum(1), (p + y).flatten(1).sum(1)
    return (1 - (2 * both + 1e-5) / (all_of + 1e-5)).mean()


NAIVE: dict[str, Callable[..., Tensor]] = {
    "balanced_binary_cross_entropy": _balanced,
    "crammer_singer_loss": _crammer_singer,
    "entropy": lambda x: -(x.softmax(1) * x.log_softmax(1)).sum(1).mean(),
    "charbonnier_loss": lambda x, y: torch.sqrt((x - y) ** 2 + 1e-6).mean(),
    "dice_loss": _dice,
    "exponential_loss": lambda x, y: torch.exp(-y * x).mean(),
    "focal_loss": _focal,
    "hinge_loss": lambda x, y: (1 - y * x).clamp(min=0).mean(),
    "least_squares_discriminator_loss": _least_squares,
    "least_squares_generator_loss": lambda f: 0.5 * ((f - 1) ** 2).mean(),
    "loss_sensitive_discriminator_loss": lambda r, f, d: (r + (d + r - f).clamp(min=0)).mean(),
    "loss_sensitive_generator_loss": lambda f: f.mean(),
    "minimax_discriminator_loss": _minimax,
    "minimax_generator_loss": lambda f: torch.log(1 - torch.sigmoid(f)).mean(),
    "non_saturating_generator_loss": lambda f: F.binary_cross_entropy_with_logits(
        f, torch.ones_like(f)
    ),
    "sigmoid_dice_loss": _sigmoid_dice,
    "sigmoid_focal_loss": _sigmoid_focal,
    "quantile_loss": lambda x, y: torch.max(0.5 * (y - x), -0.5 * (y - x)).mean(),
    "squared_hinge_loss": lambda x, y: ((1 - y * x).clamp(min=0) ** 2).mean(),
    "wasserstein_discriminator_loss": lambda r, f: f.mean() - r.mean(),
    "wasserstein_generator_loss": lambda f: -f.mean(),
}
