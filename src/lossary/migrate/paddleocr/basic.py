"""Losses that the others are made of; called with tensors, not with a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import paddle

Batch = Sequence[Any]
Losses = dict[str, Tensor]


def chosen(option: str, value: str, known: Sequence[str]) -> str:
    """Return ``value``, or raise ValueError unless it is one of ``known``."""
    if value not in known:
        raise ValueError(f"{option} must be one of {', '.join(known)}, got {value!r}")
    return value


def mean_divergence(log_p: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence, summed over all but the first dimension, and its mean."""
    return (target * ((target + 1e-10).log() - log_p)).sum() / target.shape[0]


class CELoss(nn.Module):
    """Cross-entropy; this is ``basic_loss.CELoss``, not the one of recognition.

    Labels of the size of the scores are scores too, and go through a softmax. With ``epsilon``
    they are probabilities or indices, smoothed, and the result is not reduced.
    """

    def __init__(self, epsilon: float | None = None) -> None:
        super().__init__()
        self.epsilon = epsilon if epsilon is not None and 0 < epsilon < 1 else None

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Return the loss of scores ``x``."""
        classes = x.shape[-1]
        soft = label.shape[-1] == classes
        if self.epsilon is None:
            label = label.softmax(-1) if soft else label
            return paddle.functional.cross_entropy(x, label, soft_label=soft)
        target = label if soft else F.one_hot(label.long(), classes)
        target = (1 - self.epsilon) * target + self.epsilon / classes
        return -(x.log_softmax(-1) * target.reshape(-1, classes)).sum(-1)


class KLJSLoss:
    """Half the sum of the two divergences, of each sample: symmetric, whatever ``mode`` says.

    ``"kl"`` compares the two distributions with each other, ``"js"`` each with their mean.
    """

    def __init__(self, mode: str = "kl") -> None:
        self.mode = chosen("mode", mode, ("kl", "js", "KL", "JS")).lower()

    def __call__(
        self, p1: Tensor, p2: Tensor, reduction: str | None = "mean", eps: float = 1e-5
    ) -> Tensor:
        """Return the divergence of probabilities (N, T, C), for each sample or element."""
        if self.mode == "kl":
            ratios = (p2 + eps) / (p1 + eps), (p1 + eps) / (p2 + eps)
        else:
            both = p1 + p2 + eps
            ratios = (2 * p2 + eps) / both, (2 * p1 + eps) / both
        units = 0.5 * (p2 * (ratios[0] + eps).log() + p1 * (ratios[1] + eps).log())
        if reduction in ("none", None):
            return units
        return units.mean((1, 2)) if reduction == "mean" else units.sum((1, 2))


class DMLLoss(nn.Module):
    """Deep mutual learning: the symmetric divergence of two outputs.

    With ``use_log`` it is a number; without, one number for each sample.
    """

    def __init__(self, act: str | None = None, use_log: bool = False) -> None:
        super().__init__()
        if act is not None:
            chosen("act", act, ("softmax", "sigmoid"))
        self.act = act
        self.use_log = use_log

    def forward(self, out1: Tensor, out2: Tensor) -> Tensor:
        """Return the loss of the outputs of two networks."""
        if self.act is not None:
            out1, out2 = (
                (x.softmax(-1) if self.act == "softmax" else x.sigmoid()) + 1e-10
                for x in (out1, out2)
            )
        if not self.use_log:
            return KLJSLoss()(out1, out2)
        return (mean_divergence(out1.log(), out2) + mean_divergence(out2.log(), out1)) / 2


class DistanceLoss(nn.Module):
    """L1, L2 or Huber loss, the latter by the name of ``"smooth_l1"``."""

    losses: ClassVar[dict[str, type[nn.Module]]] = {
        "l1": paddle.L1Loss,
        "l2": paddle.MSELoss,
        "smooth_l1": paddle.SmoothL1Loss,
    }

    def __init__(self, mode: str = "l2", **kargs: Any) -> None:
        super().__init__()
        self.loss_func = self.losses[chosen("mode", mode, list(self.losses))](**kargs)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the distance of ``x`` and ``y``."""
        distance: Tensor = self.loss_func(x, y)
        return distance


class LossFromOutput(nn.Module):
    """A loss that the network itself has computed."""

    def __init__(self, key: str | None = "loss", reduction: str = "none") -> None:
        super().__init__()
        self.key = key
        self.reduction = reduction

    def forward(self, predicts: Any, batch: Batch) -> Losses:
        """Return the loss that is among the predictions."""
        if self.key is not None and isinstance(predicts, Mapping):
            predicts = predicts[self.key]
        if self.reduction in ("mean", "sum"):
            predicts = paddle.functional.reduced(predicts, self.reduction)
        return {"loss": predicts}


class KLDivLoss(nn.Module):
    """Divergence of a student's logits from a teacher's.

    The mean is over the first dimension; with a ``mask`` over the tokens it holds.
    """

    def forward(self, logits_s: Tensor, logits_t: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the loss of the student's logits (N, T, C)."""
        log_p, target = logits_s.log_softmax(-1), logits_t.softmax(-1)
        if mask is None:
            return mean_divergence(log_p, target)
        units = target * ((target + 1e-10).log() - log_p)
        return units.flatten(0, 1).sum(1)[mask].mean()


class DKDLoss(nn.Module):
    """Decoupled distillation of tokens (N, T, C); ``mask`` is taken and not used, as there."""

    def __init__(self, temperature: float = 1.0, alpha: float = 1.0, beta: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.alpha = alpha
        self.beta = beta

    def forward(
        self,
        logits_student: Tensor,
        logits_teacher: Tensor,
        target: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of the student's logits."""
        hot = F.one_hot(target.reshape(-1).long(), logits_student.shape[-1])
        scores = [x.flatten(0, 1) / self.temperature for x in (logits_student, logits_teacher)]
        own, others = (
            torch.stack([(p * hot).sum(1), (p * (1 - hot)).sum(1)], 1)
            for p in (x.softmax(1) for x in scores)
        )
        binary = mean_divergence(own.log(), others)
        rest = [x - 1000.0 * hot for x in scores]
        between = mean_divergence(rest[0].log_softmax(1), rest[1].softmax(1))
        return (self.alpha * binary + self.beta * between) * self.temperature**2


class DiceLoss(nn.Module):
    """Dice loss of all elements of the batch that ``mask`` holds."""

    def __init__(self, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps

    def forward(
        self, pred: Tensor, gt: Tensor, mask: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Return the loss of probabilities; all tensors have one shape."""
        mask = mask if weights is None else mask * weights
        if not pred.shape == gt.shape == mask.shape:
            raise ValueError(
                "pred, gt and mask must have the same shape, got "
                f"{tuple(pred.shape)}, {tuple(gt.shape)} and {tuple(mask.shape)}"
            )
        size = (pred * mask).sum() + (gt * mask).sum() + self.eps
        return 1 - 2 * (pred * gt * mask).sum() / size


class MaskedFocalLoss(nn.Module):
    """Sigmoid focal loss of probabilities, the mean of the elements that ``mask`` holds.

    Not kept: the gradient of a probability of exactly a half, where Paddle's is wrong: see
    :func:`lossary.migrate.paddle.functional.sigmoid_focal_loss`.
    """

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.alpha = alpha
        self.gamma = gamma
        self.eps = eps

    def forward(self, pred: Tensor, gt: Tensor, mask: Tensor) -> Tensor:
        """Return the loss of ``pred``, which is kept ``eps`` away from 0 and 1."""
        units = paddle.functional.sigmoid_focal_loss(
            pred.clamp(self.eps, 1 - self.eps).logit(),
            gt,
            alpha=self.alpha,
            gamma=self.gamma,
            reduction="none",
        )
        return (units * mask).sum() / (mask.sum() + self.eps)


class DiceFocalLoss(nn.Module):
    """A weighted sum of :class:`DiceLoss` and :class:`MaskedFocalLoss`."""

    def __init__(
        self,
        dice_weight: float = 1.0,
        focal_weight: float = 1.0,
        focal_alpha: float = 0.75,
        focal_gamma: float = 2.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.dice_weight = dice_weight
        self.focal_weight = focal_weight
        self.dice_loss = DiceLoss(eps)
        self.focal_loss = MaskedFocalLoss(focal_alpha, focal_gamma, eps)

    def forward(self, pred: Tensor, gt: Tensor, mask: Tensor) -> Tensor:
        """Return the loss of probabilities; all tensors have one shape."""
        dice: Tensor = self.dice_loss(pred, gt, mask)
        focal: Tensor = self.focal_loss(pred, gt, mask)
        return self.dice_weight * dice + self.focal_weight * focal


class MaskL1Loss(nn.Module):
    """Mean absolute error of the elements that ``mask`` holds."""

    def __init__(self, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, pred: Tensor, gt: Tensor, mask: Tensor) -> Tensor:
        """Return the loss of ``pred``."""
        return ((pred - gt).abs() * mask).sum() / (mask.sum() + self.eps)


class BCELoss(nn.Module):
    """Binary cross-entropy of probabilities; ``mask`` and ``weight`` are taken and not used."""

    def __init__(self, reduction: Literal["mean", "sum", "none"] = "mean") -> None:
        super().__init__()
        self.reduction: Literal["mean", "sum", "none"] = reduction

    def forward(
        self,
        input: Tensor,
        label: Tensor,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        name: str | None = None,
    ) -> Tensor:
        """Return the loss of ``input``."""
        return paddle.functional.binary_cross_entropy(input, label, reduction=self.reduction)


class BalanceLoss(nn.Module):
    """The loss of the positives, and of so many times as many negatives, those that cost most.

    With a loss that is one number for all elements, such as the Dice loss, every element counts
    that number. ``"CrossEntropy"`` and ``"Euclidean"`` cannot be called there, and are refused.
    """

    losses = ("DiceLoss", "BCELoss", "MaskL1Loss")

    def __init__(
        self,
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        negative_ratio: float = 3,
        return_origin: bool = False,
        eps: float = 1e-6,
        **kwargs: object,
    ) -> None:
        super().__init__()
        chosen("main_loss_type", main_loss_type, self.losses)
        self.balance_loss = balance_loss
        self.main_loss_type = main_loss_type
        self.negative_ratio = negative_ratio
        self.return_origin = return_origin
        self.eps = eps
        self.loss: nn.Module = (
            BCELoss("none")
            if main_loss_type == "BCELoss"
            else {"DiceLoss": DiceLoss, "MaskL1Loss": MaskL1Loss}[main_loss_type](eps)
        )

    def forward(self, pred: Tensor, gt: Tensor, mask: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the loss, with ``return_origin`` the unbalanced one too."""
        positive, negative = gt * mask, (1 - gt) * mask
        positives = int(positive.sum())
        negatives = int(min(float(negative.sum()), positives * self.negative_ratio))
        loss: Tensor = self.loss(pred, gt, mask=mask)
        if not self.balance_loss:
            return loss
        hardest = (negative * loss).flatten().sort(descending=True).values[:negatives]
        count = positives + negatives + self.eps
        balanced = ((positive * loss).sum() + hardest.sum()) / count
        return (balanced, loss) if self.return_origin else balanced
