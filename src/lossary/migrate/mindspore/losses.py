"""The losses of mindspore.nn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

import lossary

from ...reduction import Reduction, reduce
from ...signature import signature
from .base import LossBase


def _units(function: Callable[..., Tensor], *tensors: Tensor, **options: object) -> Tensor:
    """Return the losses of a function of Lossary for labels of any value, as MindSpore does."""
    with lossary.validation("shapes"):
        return function(*tensors, **options, reduction="none")


class _Elementwise(LossBase):
    """A loss of each element of two tensors, which are broadcast to one shape.

    Attributes:
        function: the loss.
        options: which attributes are its hyperparameters.
    """

    function: Callable[..., Tensor]
    options: tuple[str, ...] = ()

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        options = {name: getattr(self, name) for name in self.options}
        pair = torch.broadcast_tensors(logits, labels)
        return self.get_loss(_units(self.function, *pair, **options))


class L1Loss(_Elementwise):
    """Absolute error."""

    function = staticmethod(lossary.l1_loss)


class L1LossExt(L1Loss):
    """Absolute error; :class:`L1Loss` by another name."""


class MAELoss(L1Loss):
    """Absolute error; :class:`L1Loss` by another name."""

    def construct(self, logits: Tensor, label: Tensor) -> Tensor:
        return super().construct(logits, label)


class MSELoss(_Elementwise):
    """Squared error."""

    function = staticmethod(lossary.mse_loss)


class RMSELoss(LossBase):
    """The root of the mean squared error of all elements.

    Where there is no error its gradient is 0; MindSpore's is nan.
    """

    def __init__(self) -> None:
        super().__init__()

    def construct(self, logits: Tensor, label: Tensor) -> Tensor:
        pair = torch.broadcast_tensors(logits, label)
        return _units(lossary.rmse_loss, *(x.reshape(1, -1) for x in pair)).squeeze(0)


class SmoothL1Loss(LossBase):
    """Smooth L1 loss, unreduced by default."""

    def __init__(self, beta: float = 1.0, reduction: str = "none") -> None:
        super().__init__(reduction)
        self.beta = beta

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.get_loss(_units(lossary.smooth_l1_loss, logits, labels, beta=self.beta))


class HuberLoss(_Elementwise):
    """Huber loss."""

    function = staticmethod(lossary.huber_loss)
    options = ("delta",)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta


class SoftMarginLoss(LossBase):
    """Logistic loss of labels -1 and 1."""

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.get_loss(_units(lossary.logistic_loss, logits, labels))


class MarginRankingLoss(LossBase):
    """Hinge of the difference of two scores: ``max(0, margin - target (input1 - input2))``."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def construct(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        tensors = torch.broadcast_tensors(input1, input2, target)
        return self.get_loss(_units(lossary.margin_ranking_loss, *tensors, margin=self.margin))


class SoftmaxCrossEntropyWithLogits(LossBase):
    """Softmax cross-entropy of logits of shape (N, C), unreduced by default.

    With ``sparse`` the labels are class indices of shape (N,). In the mean they must lie in
    [0, C), where MindSpore reads memory that is not its own; else an index that is no class costs
    nothing, as there. Without ``sparse`` they are distributions of shape (N, C), which need not
    add up to 1 and get no gradient.

    As in MindSpore the gradient of the logits is ``softmax(logits) - labels``, which is that of the
    value only where the labels add up to 1.
    """

    def __init__(self, sparse: bool = False, reduction: str = "none") -> None:
        super().__init__(reduction)
        self.sparse = sparse

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.sparse and self.reduction == "mean":
            return lossary.cross_entropy(logits, labels, ignore_index=_NO_LABEL)
        if self.sparse:
            classes = torch.arange(logits.shape[-1], device=labels.device)
            labels = (labels.unsqueeze(-1) == classes).to(logits.dtype)
        labels = labels.detach()
        # the part of the gradient that MindSpore leaves out; 0 of labels that add up to 1
        excess = (labels.sum(-1) - 1) * logits.logsumexp(-1)
        units = _units(lossary.cross_entropy, logits, labels)
        return self.get_loss(units - (excess - excess.detach()))


_NO_LABEL = -(1 << 31)  # MindSpore's loss ignores none


class _OfClasses(LossBase):
    """A loss of class indices, whose weighted mean divides by the weights of their classes."""

    function: Callable[..., Tensor]
    weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight, persistent=False)
        self.ignore_index = ignore_index

    def _of(self, logits: Tensor, labels: Tensor, **options: object) -> Tensor:
        if logits.ndim == 1:
            units = self._units_of(logits.unsqueeze(0), labels.unsqueeze(0), options).squeeze(0)
        else:
            units = self._units_of(logits, labels, options)
        if self.reduction != "mean" or labels.is_floating_point():
            return self.get_loss(units)
        wide = units.to(torch.promote_types(units.dtype, torch.float32))
        ignored = labels == self.ignore_index
        own = torch.ones_like(wide)
        if self.weight is not None:
            own = self.weight[labels.masked_fill(ignored, 0)].to(wide.dtype)
        total = own.masked_fill(ignored, 0).sum()
        return (wide.sum() / torch.where(total == 0, 1, total)).to(units.dtype)

    def _units_of(self, logits: Tensor, labels: Tensor, options: dict[str, Any]) -> Tensor:
        return _units(
            self.function,
            logits,
            labels,
            class_weight=self.weight,
            ignore_index=self.ignore_index,
            **options,
        )


class NLLLoss(_OfClasses):
    """Negative log-likelihood of log-probabilities of shape (N, C, ...), or (C,).

    The mean over labels that are all ignored is 0; MindSpore's is nan.
    """

    function = staticmethod(lossary.nll_loss)

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self._of(logits, labels)


class CrossEntropyLoss(_OfClasses):
    """Cross-entropy of logits of shape (N, C, ...), or (C,).

    Integer labels are class indices, and the mean divides by the weights of their classes, what
    label smoothing adds included. Floating ones are distributions, and the mean divides by their
    number. The mean over labels that are all ignored is 0; MindSpore's is nan.
    """

    function = staticmethod(lossary.cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        self.label_smoothing = label_smoothing

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self._of(logits, labels, label_smoothing=self.label_smoothing)


class BCELoss(LossBase):
    """Binary cross-entropy of probabilities, with logarithms of ``p + 1e-12``.

    So a sure mistake costs 27.6, where torch counts 100. A weight is broadcast, as MindSpore's
    documentation says; on the CPU it reads past the end of one that has another shape. Numbers
    outside [0, 1] are refused, labels may be any.
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight, persistent=False)

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        units = _binary_cross_entropy(logits, labels, reduction="none")
        return self.get_loss(units, 1.0 if self.weight is None else self.weight)


@signature("prob *, real * -> *")
def _binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    log_p, log_rest = (input + 1e-12).log(), (1 - input + 1e-12).log()
    return reduce(-(target * log_p + (1 - target) * log_rest), weight, reduction)


class BCEWithLogitsLoss(LossBase):
    """Binary cross-entropy of logits; ``pos_weight`` multiplies the cost of the label 1."""

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        reduction: str = "mean",
        weight: Tensor | None = None,
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("pos_weight", pos_weight, persistent=False)

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        pos_weight = self.pos_weight
        units = _units(
            lossary.binary_cross_entropy_with_logits, input, target, pos_weight=pos_weight
        )
        return self.get_loss(units, 1.0 if self.weight is None else self.weight)


class MultiLabelSoftMarginLoss(LossBase):
    """Binary cross-entropy of logits, the mean over the last dimension.

    ``weight`` is that of each class. MindSpore's overflows from a logit of 89 on.
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight, persistent=False)

    def construct(self, x: Tensor, target: Tensor) -> Tensor:
        units = _units(lossary.binary_cross_entropy_with_logits, x, target)
        units = units if self.weight is None else units * self.weight
        return self.get_loss(units.mean(-1))


class MultilabelMarginLoss(LossBase):
    """Hinge between the classes of a sample and the others.

    ``target`` lists the classes of each sample and ends with -1. MindSpore has no such loss on the
    CPU, so it is not compared with MindSpore.
    """

    def construct(self, x: Tensor, target: Tensor) -> Tensor:
        return self.get_loss(F.multilabel_margin_loss(x, target.long(), reduction="none"))


class MultiMarginLoss(LossBase):
    """Hinge between the score of the true class and those of the others.

    The weight of the class multiplies the power, though MindSpore's documentation has it inside.
    """

    weight: Tensor | None

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        reduction: str = "mean",
        weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction)
        self.p = p
        self.margin = margin
        self.register_buffer("weight", weight, persistent=False)

    def construct(self, x: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        weight = weight if self.weight is None else self.weight
        options = {"p": self.p, "margin": self.margin, "class_weight": weight}
        return self.get_loss(_units(lossary.multi_margin_loss, x, target, **options))


class HingeEmbeddingLoss(LossBase):
    """The distance where the label is above 0, ``max(0, margin - distance)`` where it is below.

    A label of 0 costs nothing.
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        logits, labels = torch.broadcast_tensors(logits, labels)
        units = _units(lossary.hinge_embedding_loss, logits, labels, margin=self.margin)
        return self.get_loss(units.masked_fill(labels == 0, 0))


class CosineEmbeddingLoss(LossBase):
    """``1 - cos`` where the label is 1, ``max(0, cos - margin)`` where it is -1.

    The cosine is along dimension 1. Another label costs nothing. A zero vector has cosine 0;
    MindSpore's is nan.
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def construct(self, logits_x1: Tensor, logits_x2: Tensor, labels: Tensor) -> Tensor:
        pair = [x.movedim(1, -1).flatten(0, -2) for x in (logits_x1, logits_x2)]
        units = _units(lossary.cosine_embedding_loss, *pair, labels.flatten(), margin=self.margin)
        return self.get_loss(units.reshape(labels.shape).masked_fill(labels.abs() != 1, 0))


class TripletMarginLoss(LossBase):
    """``max(0, d(x, positive) - d(x, negative) + margin)`` with the distance of norm ``p``.

    The margin of a call counts where that of the constructor is 1. MindSpore has no such loss on
    the CPU, so it is not compared with MindSpore.
    """

    def __init__(
        self,
        p: int = 2,
        swap: bool = False,
        eps: float = 1e-06,
        reduction: str = "mean",
        margin: float = 1.0,
    ) -> None:
        super().__init__(reduction)
        self.p = p
        self.swap = swap
        self.eps = eps
        self.margin = margin

    def construct(
        self, x: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0
    ) -> Tensor:
        def distance(a: Tensor, b: Tensor) -> Tensor:
            return F.pairwise_distance(a, b, self.p, self.eps)

        margin = margin if self.margin == 1 else self.margin
        return self.get_loss(_triplets(distance, x, positive, negative, margin, self.swap))


class TripletMarginWithDistanceLoss(LossBase):
    """:class:`TripletMarginLoss` with a distance of your own, by default the Euclidean one."""

    def __init__(
        self,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        swap: bool = False,
        reduction: str = "mean",
        margin: float = 1.0,
    ) -> None:
        super().__init__(reduction)
        self.distance_function = distance_function or _euclidean
        self.swap = swap
        self.margin = margin

    def construct(self, x: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        distance: Callable[[Tensor, Tensor], Tensor] = self.distance_function
        return self.get_loss(_triplets(distance, x, positive, negative, self.margin, self.swap))


def _euclidean(x: Tensor, y: Tensor) -> Tensor:
    distance: Tensor = torch.linalg.vector_norm(x - y, dim=1)
    return distance


def _triplets(
    distance: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float,
    swap: bool,
) -> Tensor:
    near, far = distance(x, positive), distance(x, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return (near - far + margin).clamp(min=0)


class KLDivLoss(LossBase):
    """``labels (log(labels) - logits)`` of each element; the labels get no gradient.

    The mean divides by the number of elements, ``"batchmean"`` by that of samples.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__("none" if reduction == "batchmean" else reduction)
        self.batchmean = reduction == "batchmean"

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        # every element is a distribution of its own
        pair = (x.reshape(-1, 1) for x in torch.broadcast_tensors(logits, labels.detach()))
        units = self.get_loss(_units(lossary.kl_divergence, *pair))
        if self.reduction != "none":
            return units
        return units.sum() / len(logits) if self.batchmean else units.reshape(logits.shape)


class PoissonNLLLoss(LossBase):
    """Poisson likelihood of a logarithmic rate, or of a rate if not ``log_input``."""

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-08,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def construct(self, input: Tensor, target: Tensor) -> Tensor:
        # torch's own, since lossary.poisson_nll_loss goes on as a line from 64 on
        units = F.poisson_nll_loss(
            input,
            target.to(input.dtype),
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction="none",
        )
        return self.get_loss(units)


class GaussianNLLLoss(LossBase):
    """Gaussian likelihood; ``var`` is broadcast, or lacks the last dimension."""

    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def construct(self, logits: Tensor, labels: Tensor, var: Tensor) -> Tensor:
        if var.shape == logits.shape[:-1]:
            var = var.unsqueeze(-1)
        tensors = torch.broadcast_tensors(logits, labels, var)
        return self.get_loss(
            _units(lossary.gaussian_nll_loss, *tensors, full=self.full, eps=self.eps)
        )


class CTCLoss(LossBase):
    """Connectionist temporal classification of log-probabilities of shape (T, N, C), or (T, C).

    ``targets`` has shape (N, S), or (S,). The mean divides each loss by its number of labels
    first. ``zero_infinity`` makes infinite losses 0; MindSpore does so to their gradients alone.
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def construct(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor
    ) -> Tensor:
        single = log_probs.ndim == 2
        if single:
            log_probs, targets = log_probs.unsqueeze(1), targets.reshape(1, -1)
            input_lengths, target_lengths = input_lengths.reshape(1), target_lengths.reshape(1)
        # torch's own, whose gradient takes for granted that the probabilities add up to 1, too
        units = F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            reduction="none",
            zero_infinity=self.zero_infinity,
        )
        if self.reduction == "mean":
            units = units / target_lengths.clamp(min=1)
        return self.get_loss(units.squeeze(0) if single else units)


class DiceLoss(LossBase):
    """Dice loss of all elements together: ``1 - 2 sum(p q) / (sum(p^2) + sum(q^2) + smooth)``.

    MindSpore's documentation has no squares, and the code does.
    """

    def __init__(self, smooth: float = 1e-05) -> None:
        super().__init__()
        self.smooth = smooth

    def construct(self, logits: Tensor, label: Tensor) -> Tensor:
        return _dice(logits, label, self.smooth)


def _dice(p: Tensor, q: Tensor, smooth: float) -> Tensor:
    # lossary.probability_dice_loss has smooth above the line as well
    return 1 - 2 * (p * q).sum() / (p.square().sum() + q.square().sum() + smooth)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": functools.partial(torch.softmax, dim=-1),
    "logsoftmax": functools.partial(torch.log_softmax, dim=-1),
    "relu": F.relu,
    "relu6": F.relu6,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class MultiClassDiceLoss(LossBase):
    """:class:`DiceLoss` of each class, their sum divided by the number of all classes.

    As in MindSpore the softmax is along the last dimension, which is that of the classes only where
    the logits have two; and ``weights`` of shape (C, K) makes K losses.

    Args:
        weights: multiplies the loss of each class.
        ignore_indiex: a class that is left out, but counted, spelled as in MindSpore.
        activation: what makes probabilities of logits: a name, a function, or None.
    """

    weights: Tensor | None

    def __init__(
        self,
        weights: Tensor | None = None,
        ignore_indiex: int | None = None,
        activation: str | Callable[[Tensor], Tensor] | None = "softmax",
    ) -> None:
        super().__init__()
        self.register_buffer("weights", weights, persistent=False)
        self.ignore_indiex = ignore_indiex
        self.activation: Callable[[Tensor], Tensor] | None
        if not isinstance(activation, str):
            self.activation = activation
        elif activation in _ACTIVATIONS:
            self.activation = _ACTIVATIONS[activation]
        else:
            raise ValueError(f"activation must be one of {[*_ACTIVATIONS]}, got {activation!r}")

    def construct(self, logits: Tensor, label: Tensor) -> Tensor:
        if self.activation is not None:
            logits = self.activation(logits)
        total = logits.new_zeros(())
        for i in range(label.shape[1]):
            if i != self.ignore_indiex:
                of_class = _dice(logits[:, i], label[:, i], 1e-05)
                total = total + (of_class if self.weights is None else of_class * self.weights[i])
        return total / label.shape[1]


class FocalLoss(LossBase):
    """Focal loss of logits of shape (N, C), (N, C, L) or (N, C, H, W).

    Labels are class indices of shape (N, 1, ...), and there is one loss per sample; or shares of
    the classes, of the shape of the logits, and there is one per sample and class. The mean is over
    all of them, so it is C times smaller for shares.
    """

    weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, gamma: float = 2.0, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight, persistent=False)
        self.gamma = gamma

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        if labels.shape[1] == 1:
            options = {"gamma": self.gamma, "class_weight": self.weight}
            units = _units(lossary.focal_loss, logits, labels.squeeze(1).long(), **options)
            return self.get_loss(units.reshape(len(units), -1).mean(1))
        log_p = logits.reshape(*logits.shape[:2], -1).log_softmax(1)
        units = -labels.reshape(log_p.shape) * (1 - log_p.exp()) ** self.gamma * log_p
        if self.weight is not None:
            units = units * self.weight.unsqueeze(1)
        return self.get_loss(units.mean(-1))


class SampledSoftmaxLoss(LossBase):
    """Softmax cross-entropy over the true classes and a sample of the others, one per sample.

    ``reduction`` is taken and ignored, as in MindSpore. So are at most 46.05 the losses, because of
    the logarithm of ``p + 1e-20``.

    Args:
        num_sampled: how many classes to draw, all different and all alike likely.
        num_classes: how many classes there are.
        num_true: how many true classes a sample has.
        sampled_values: instead of drawing: the classes, how often the true ones were expected in
            the sample, of the shape of the labels, and how often these were.
        remove_accidental_hits: whether to draw no class that is a label of any sample of the batch;
            where too few others are left, all are drawn from.
        seed: of the draws; 0 for torch's own random numbers. They are not MindSpore's.
        reduction: ignored.
    """

    def __init__(
        self,
        num_sampled: int,
        num_classes: int,
        num_true: int = 1,
        sampled_values: Sequence[Tensor] | None = None,
        remove_accidental_hits: bool = True,
        seed: int = 0,
        reduction: str = "none",
    ) -> None:
        super().__init__(reduction)
        if not 1 <= num_sampled <= num_classes:
            raise ValueError(f"num_sampled must be in [1, {num_classes}], got {num_sampled}")
        if sampled_values is not None and len(sampled_values) != 3:
            raise ValueError(f"sampled_values must be three tensors, got {len(sampled_values)}")
        self.num_sampled = num_sampled
        self.num_classes = num_classes
        self.num_true = num_true
        self.sampled_values = sampled_values
        self.remove_accidental_hits = remove_accidental_hits
        self.generator = Generator().manual_seed(seed) if seed else None

    def construct(self, weights: Tensor, biases: Tensor, labels: Tensor, logits: Tensor) -> Tensor:
        labels = labels.reshape(-1, self.num_true).long()
        own = (logits.unsqueeze(1) * weights[labels]).sum(-1) + biases[labels]
        if self.sampled_values is None:
            # every class is expected equally often, which the softmax does not see
            sampled = self._draw(labels)
            others = logits @ weights[sampled].T + biases[sampled]
        else:
            sampled, true_count, count = self.sampled_values
            others = logits @ weights[sampled].T + biases[sampled] - count.log()
            own = own - true_count.log()
        p = torch.cat([own, others], 1).softmax(1)
        return -(p[:, : self.num_true] + 1e-20).log().mean(1)

    def _draw(self, labels: Tensor) -> Tensor:
        drawable = torch.ones(self.num_classes, dtype=torch.bool)
        if self.remove_accidental_hits:
            drawable[labels.flatten().cpu()] = False
            if drawable.sum() < self.num_sampled:
                drawable[:] = True
        classes = drawable.nonzero().squeeze(1)
        order = torch.randperm(len(classes), generator=self.generator)
        return classes[order[: self.num_sampled]].to(labels.device)
