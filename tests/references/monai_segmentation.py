"""MONAI's losses of segmentation, sample by sample."""

import numpy as np
import torch
from monai.losses import (
    DiceCELoss,
    DiceLoss,
    GeneralizedWassersteinDiceLoss,
    MCCLoss,
    SoftclDiceLoss,
    TverskyLoss,
)


def _images(x, y):
    """Yield pairs of (1, C, pixels, 1), the target as shares of the classes."""
    if not y.is_floating_point():
        y = torch.nn.functional.one_hot(y, x.shape[1]).movedim(-1, 1).to(x.dtype)
    for sample, target in zip(x, y, strict=True):
        yield sample.flatten(1)[None, ..., None], target.flatten(1)[None, ..., None]


def _regions(x, y):
    for sample, target in zip(x, y, strict=True):
        yield sample.reshape(1, 1, -1, 1), target.reshape(1, 1, -1, 1)


def _over_classes(make):
    """Average the losses that MONAI gives for each class as this library does."""

    def units(x, y, *, class_weight=None, skip_absent=False, **hyper):
        loss = make(softmax=True, reduction="none", **hyper)
        out = []
        for sample, target in _images(x, y):
            losses = loss(sample, target).reshape(-1)
            w = torch.ones_like(losses) if class_weight is None else class_weight.to(losses)
            if skip_absent:
                w = w * (target.sum((0, 2, 3)) > 0)
            out.append((w * losses).sum() / w.sum())
        return torch.stack(out)

    return units


def _of_region(make, **fixed):
    def units(x, y, **hyper):
        loss = make(**fixed, **hyper)
        return torch.stack([loss(a, b).mean() for a, b in _regions(x, y)])

    return units


def _dice(squared=False, smooth=1e-5, **rest):
    return DiceLoss(squared_pred=squared, smooth_nr=smooth, smooth_dr=smooth, **rest)


def _jaccard(smooth=1e-5, **rest):
    # it adds its constant to twice the areas
    return DiceLoss(jaccard=True, smooth_nr=2 * smooth, smooth_dr=2 * smooth, **rest)


def _tversky(smooth=1e-5, alpha=0.3, beta=0.7, **rest):
    return TverskyLoss(smooth_nr=smooth, smooth_dr=smooth, alpha=alpha, beta=beta, **rest)


def _dice_cross_entropy(
    dice_weight=1.0, cross_entropy_weight=1.0, squared=False, smooth=1e-5, **rest
):
    return DiceCELoss(
        lambda_dice=dice_weight,
        lambda_ce=cross_entropy_weight,
        squared_pred=squared,
        smooth_nr=smooth,
        smooth_dr=smooth,
        **rest,
    )


def _dice_cross_entropy_of_classes(x, y, *, class_weight=None, **hyper):
    if class_weight is None:
        loss = _dice_cross_entropy(softmax=True, **hyper)
        return torch.stack([loss(a, b) for a, b in _images(x, y)])
    # it weighs the classes without dividing by the sum of the weights: part by part
    whole = class_weight.to(x).sum()
    part = {"softmax": True, "weight": class_weight.to(x), **hyper}
    overlap = _dice_cross_entropy(**{**part, "cross_entropy_weight": 0.0})
    entropy = _dice_cross_entropy(**{**part, "dice_weight": 0.0})
    out = []
    for a, b in _images(x, y):
        shares = (b[0, ..., 0] * class_weight.to(x)[:, None]).sum()
        # torch divides by the weights for class indices, by the count of pixels for shares
        out.append(overlap(a, b) * x.shape[1] / whole + entropy(a, b) * b.shape[2] / shares)
    return torch.stack(out)


def _wasserstein(x, y, *, class_distance=None, background=0, smooth=1e-5):
    count = x.shape[1]
    matrix = 1 - torch.eye(count) if class_distance is None else class_distance
    # MONAI's background is class 0: number the classes so that ours is
    order = torch.tensor([background, *(c for c in range(count) if c != background)])
    x, matrix, y = x[:, order], matrix[order][:, order], order.argsort()[y]
    loss = GeneralizedWassersteinDiceLoss(
        matrix.to(x), reduction="none", smooth_nr=smooth, smooth_dr=smooth
    )
    return loss(x, y)


def _cl_dice(iterations=3, smooth=1.0, **rest):
    return SoftclDiceLoss(
        iter_=iterations, smooth_nr=smooth, smooth_dr=smooth, smooth=np.finfo(float).tiny, **rest
    )


def _cl_dice_of_region(x, y, **hyper):
    loss = _cl_dice(sigmoid=True, **hyper)
    images = x.reshape(len(x), 1, 1, -1) if x.ndim == 2 else x.unsqueeze(1)
    targets = y.reshape(images.shape)
    return torch.stack([loss(a[None], b[None]) for a, b in zip(images, targets, strict=True)])


REFERENCES = {
    "dice_loss": _over_classes(_dice),
    "sigmoid_dice_loss": _of_region(_dice, sigmoid=True),
    "probability_dice_loss": _of_region(_dice),
    "jaccard_loss": _over_classes(_jaccard),
    "sigmoid_jaccard_loss": _of_region(_jaccard, sigmoid=True),
    "tversky_loss": _over_classes(_tversky),
    "sigmoid_tversky_loss": _of_region(_tversky, sigmoid=True),
    "dice_cross_entropy_loss": _dice_cross_entropy_of_classes,
    "dice_binary_cross_entropy_loss": _of_region(_dice_cross_entropy, sigmoid=True),
    "matthews_correlation_loss": _of_region(
        lambda **rest: MCCLoss(smooth_nr=0.0, smooth_dr=0.0, **rest), sigmoid=True
    ),
    "cl_dice_loss": _cl_dice_of_region,
    "wasserstein_dice_loss": _wasserstein,
}
