"""Losses of text detection: ``loss(predicts, labels)``, where ``labels`` starts with the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .basic import BalanceLoss, Batch, DiceFocalLoss, DiceLoss, Losses, MaskL1Loss, chosen


class DBLoss(nn.Module):
    """Differentiable binarization: shrunk map, threshold map and binary map.

    Args:
        balance_loss: whether the shrunk map counts the hardest negatives alone.
        main_loss_type: the loss of the shrunk map, see :class:`.basic.BalanceLoss`; with
            ``"DiceFocalLoss"`` that of the binary map too. PaddleOCR of 2026 refuses others.
        alpha: the weight of the shrunk map.
        beta: the weight of the threshold map.
        ohem_ratio: how many negatives there are to a positive.
        eps: in the denominators, but for the shrunk map's.
        aux_weight_p4: the weight of ``aux_maps_p4``, if there are any.
        aux_weight_p3: the weight of ``aux_maps_p3``.
        aux_weight_p2: the weight of ``aux_maps_p2``.
        focal_alpha: the share of the positives in the focal loss.
        focal_gamma: its strength.
        dice_weight: the weight of the Dice loss beside it.
        focal_weight: the weight of the focal loss.
        kwargs: ignored.
    """

    def __init__(
        self,
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        alpha: float = 5,
        beta: float = 10,
        ohem_ratio: float = 3,
        eps: float = 1e-6,
        aux_weight_p4: float = 0.0,
        aux_weight_p3: float = 0.0,
        aux_weight_p2: float = 0.0,
        focal_alpha: float = 0.25,
        focal_gamma: float = 2.0,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.aux_weights = {"p4": aux_weight_p4, "p3": aux_weight_p3, "p2": aux_weight_p2}
        self.l1_loss = MaskL1Loss(eps)
        self.bce_loss: nn.Module = DiceFocalLoss(
            dice_weight, focal_weight, focal_alpha, focal_gamma, eps
        )
        self.dice_loss: nn.Module = self.bce_loss
        if main_loss_type != "DiceFocalLoss":
            self.bce_loss = BalanceLoss(balance_loss, main_loss_type, ohem_ratio)
            self.dice_loss = DiceLoss(eps)

    def forward(self, predicts: Mapping[str, Tensor], labels: Batch) -> Losses:
        """Return the losses; ``loss`` has shape (1,) unless there are ``distance_maps``."""
        shrink, shrink_mask = labels[3:]
        shrunk, between, binary = self._maps(predicts["maps"], labels)
        if "distance_maps" in predicts:
            boundary = self.bce_loss(predicts["cbn_maps"][:, 0], shrink, shrink_mask)
        else:
            boundary = shrunk.new_zeros(1)
        losses = {
            "loss": shrunk + between + binary + boundary,
            "loss_shrink_maps": shrunk,
            "loss_threshold_maps": between,
            "loss_binary_maps": binary,
            "loss_cbn": boundary,
        }
        for level, weight in self.aux_weights.items():
            key = f"aux_maps_{level}"
            if weight > 0 and key in predicts:
                losses[f"loss_{key}"] = auxiliary = sum(self._maps(predicts[key], labels))
                losses["loss"] = losses["loss"] + weight * auxiliary
        return losses

    def _maps(self, maps: Tensor, labels: Batch) -> tuple[Tensor, Tensor, Tensor]:
        threshold, threshold_mask, shrink, shrink_mask = labels[1:]
        return (
            self.alpha * self.bce_loss(maps[:, 0], shrink, shrink_mask),
            self.beta * self.l1_loss(maps[:, 1], threshold, threshold_mask),
            self.dice_loss(maps[:, 2], shrink, shrink_mask),
        )


class EASTLoss(nn.Module):
    """A hundredth of the Dice loss of the scores, and a broken Huber loss of the corners.

    It is the square within a distance of ``score``, so 1 at text, and the distance less a half
    beyond, without the half before the square: it jumps at 1 from 1 to a half.
    """

    def __init__(self, eps: float = 1e-6, **kwargs: object) -> None:
        super().__init__()
        self.dice_loss = DiceLoss(eps)

    def forward(self, predicts: Mapping[str, Tensor], labels: Batch) -> Losses:
        """Return the losses of ``f_score`` (N, 1, H, W) and ``f_geo`` (N, 8, H, W)."""
        score, corners, mask = labels[1:]
        dice = 0.01 * self.dice_loss(predicts["f_score"], score, mask)
        far = (corners[:, :8] - predicts["f_geo"]).abs()
        units = torch.where(far < score, far * far, far - 0.5)
        smooth = (corners[:, 8:] / 8 * units * score).sum(1, keepdim=True)
        smooth = (smooth * score).mean()
        return {"loss": dice + smooth, "dice_loss": dice, "smooth_l1_loss": smooth}


class SASTLoss(nn.Module):
    """Dice loss of scores, Huber losses of borders, corners, centres; ``eps`` has no effect."""

    def __init__(self, eps: float = 1e-6, **kwargs: object) -> None:
        super().__init__()

    def forward(self, predicts: Mapping[str, Tensor], labels: Batch) -> Losses:
        """Return the losses of ``f_score``, ``f_border``, ``f_tvo`` and ``f_tco``."""
        score, border, mask, tvo, tco = labels[1:]
        given = predicts["f_score"] * mask
        size = given.sum() + (score * mask).sum() + 1e-5
        losses = {"score_loss": 1 - 2 * (given * score).sum() / size}
        weight = score * mask
        for name, label in (("border", border), ("tvo", tvo), ("tco", tco)):
            units = F.huber_loss(predicts[f"f_{name}"], label[:, :-1], reduction="none")
            count = weight.sum() * (label.shape[1] - 1) + 1e-5
            losses[f"{name}_loss"] = (label[:, -1:] * units * weight).sum() / count
        score_loss, border_loss, tvo_loss, tco_loss = losses.values()
        return {"loss": score_loss + border_loss + 1.5 * (tvo_loss + tco_loss)} | losses


class PSELoss(nn.Module):
    """Dice losses of the text and of its shrunk kernels, with overlaps to look at.

    Args:
        alpha: the weight of the text; the kernels have the rest.
        ohem_ratio: without effect: there are 3 negatives to a positive.
        kernel_sample_mask: whether kernels are compared where ``"gt"`` or ``"pred"`` is text.
        reduction: over the samples of the batch, of every loss and overlap.
        eps: in the denominators.
        kwargs: ignored.
    """

    def __init__(
        self,
        alpha: float,
        ohem_ratio: float = 3,
        kernel_sample_mask: str = "pred",
        reduction: Literal["sum", "mean", "none"] = "sum",
        eps: float = 1e-6,
        **kwargs: object,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.kernel_sample_mask = chosen("kernel_sample_mask", kernel_sample_mask, ("gt", "pred"))
        self.reduction = chosen("reduction", reduction, ("sum", "mean", "none"))
        self.eps = eps

    def forward(self, outputs: Mapping[str, Tensor], labels: Batch) -> Losses:
        """Return the losses of ``maps``, whose sides are a quarter of the labels'."""
        maps = F.interpolate(outputs["maps"], scale_factor=4.0)
        text, kernels = maps[:, 0], maps[:, 1:]
        texts, targets, masks = labels[1:]
        chosen_pixels = torch.stack(
            [_hard(*sample) for sample in zip(text, texts, masks, strict=True)]
        )
        loss_text = self._dice(text, texts, chosen_pixels)
        inside = texts if self.kernel_sample_mask == "gt" else (text.sigmoid() > 0.5).float()
        pairs = zip(kernels.unbind(1), targets.unbind(1), strict=True)
        each = [self._dice(kernel, target, inside * masks) for kernel, target in pairs]
        loss_kernels = torch.stack(each, 1).mean(1)
        losses = {
            "loss_text": loss_text,
            "iou_text": _overlap(text, texts, masks),
            "loss_kernels": loss_kernels,
            "iou_kernel": _overlap(kernels[:, -1], targets[:, -1], masks * texts),
            "loss": self.alpha * loss_text + (1 - self.alpha) * loss_kernels,
        }
        if self.reduction == "none":
            return losses
        total = torch.sum if self.reduction == "sum" else torch.mean
        return {name: total(loss) for name, loss in losses.items()}

    def _dice(self, scores: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        p, q = ((x * mask).flatten(1) for x in (scores.sigmoid(), target))
        size = p.square().sum(1) + q.square().sum(1) + 2 * self.eps
        return 1 - 2 * (p * q).sum(1) / size


def _hard(scores: Tensor, text: Tensor, mask: Tensor) -> Tensor:
    """Return the text, and the three times as many other pixels that look most like it."""
    positive = text > 0.5
    positives = int((positive & (mask > 0.5)).sum())
    others = scores[~positive]
    negatives = min(3 * positives, len(others))
    if negatives == 0:
        return mask.float()
    threshold = others.sort(descending=True).values[negatives - 1]
    return (((scores >= threshold) | positive) & (mask > 0.5)).float()


def _overlap(scores: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over both classes of intersection over union, of each sample."""
    guess, valid = scores > 0, mask == 1
    overlaps = []
    for kind in (0, 1):
        is_guess, is_target = (guess == bool(kind)) & valid, (target == kind) & valid
        shared = (is_guess & is_target).flatten(1).sum(1)
        overlaps.append(shared / ((is_guess | is_target).flatten(1).sum(1) + 1e-6))
    return (overlaps[0] + overlaps[1]) / 2
