"""The functions of ``paddle.nn.functional``: their names, arguments, defaults and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import lossary

Reduction = Literal["mean", "sum", "none"]


def reduced(units: Tensor, reduction: str) -> Tensor:
    """Reduce as Paddle does: over all elements, whatever they weigh; the mean of nothing is nan."""
    if reduction == "mean":
        return units.mean()
    if reduction == "sum":
        return units.sum()
    if reduction == "none":
        return units
    raise ValueError(f"reduction must be 'sum', 'mean' or 'none', got {reduction!r}")


def _weighted(units: Tensor, weight: Tensor | None) -> Tensor:
    return units if weight is None else units * weight


def cross_entropy(
    input: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    soft_label: bool = False,
    axis: int = -1,
    use_softmax: bool = True,
    label_smoothing: float = 0.0,
    name: str | None = None,
) -> Tensor:
    """Cross-entropy of logits, or of probabilities where ``use_softmax`` is False.

    Kept, though it is not what one expects:

    - the mean without ``weight`` divides by all rows, the ignored ones too, if ``ignore_index`` is
      negative, and by those that are not ignored otherwise;
    - soft labels and label smoothing multiply the whole loss of a row by the mean weight of its
      classes, and the mean divides by the sum of these;
    - label smoothing keeps ignored rows, and with an ``ignore_index`` from 0 the mean divides by
      the number of rows and classes;
    - ``reduction="none"`` keeps the class axis, with size 1, if the labels had it or were smoothed.

    Not kept: Paddle's CPU kernel cuts logits off 64 below the greatest, so its loss is at most
    about 64; its gradient is the one here. Its gradient of soft labels that do not sum up to 1 is
    that of labels that do. A probability of 0 gives inf here, 1e20 there. Label smoothing works
    with any ``axis`` here, with the last there.
    """
    if soft_label and ignore_index > 0:
        raise ValueError(
            f"ignore_index must be -100 where soft_label is True, got {ignore_index}: soft labels "
            "have no index"
        )
    bare = label.ndim == input.ndim - 1
    if not bare and label.ndim != input.ndim:
        raise ValueError(
            f"label must have as many dimensions as input, {input.ndim}, or one less, got "
            f"{label.ndim}"
        )
    classes = input.shape[axis]
    rows = input.movedim(axis, -1).reshape(-1, classes)
    label = label.reshape(-1, 1) if bare else label.movedim(axis, -1).reshape(-1, label.shape[axis])
    smooth = label_smoothing > 0
    if smooth and bare:
        label = F.one_hot(label.squeeze(1).long(), classes)
    soft = soft_label or smooth
    if label.shape[1] != (classes if soft else 1):
        raise ValueError(
            f"label must have size {classes if soft else 1} along the axis of the classes, got "
            f"{label.shape[1]}"
        )
    if soft:
        label = label.detach().to(input.dtype)
        label = (1 - label_smoothing) * label + label_smoothing / classes
        log_p = rows.log_softmax(1) if use_softmax else rows.log()
        units = -torch.where(label == 0, 0.0, label * log_p).sum(1)
        share = None if weight is None else label.to(weight.dtype) @ weight
    else:
        label = label.squeeze(1).long()
        if use_softmax:
            units = lossary.cross_entropy(rows, label, ignore_index=ignore_index, reduction="none")
        else:
            units = F.nll_loss(rows.log(), label, ignore_index=ignore_index, reduction="none")
        known = label != ignore_index
        share = None if weight is None else weight[label * known] * known
    units = _weighted(units, share)
    if reduction == "mean" and input.numel() and (ignore_index >= 0 or share is not None):
        counted = torch.ones_like(units)
        if ignore_index >= 0:  # of soft labels the numbers are compared with the index
            counted = (label != ignore_index).to(units.dtype)
            counted = counted.sum(1) if soft else counted
        total = _weighted(counted, share).sum()
        return units.sum() / torch.where(total == 0, 1.0, total)
    if reduction == "none":
        units = units.reshape(input.movedim(axis, -1).shape[:-1])
        units = units if bare and not smooth else units.unsqueeze(axis)
    return reduced(units, reduction)


def softmax_with_cross_entropy(
    logits: Tensor,
    label: Tensor,
    soft_label: bool = False,
    ignore_index: int = -100,
    numeric_stable_mode: bool = True,
    return_softmax: bool = False,
    axis: int = -1,
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy of each row, with the class axis kept; deprecated in Paddle too."""
    index = -100 if soft_label else ignore_index
    units = cross_entropy(logits, label, None, index, "none", soft_label, axis)
    units = units if units.ndim == logits.ndim else units.unsqueeze(axis)
    return (units, logits.softmax(axis)) if return_softmax else units


def nll_loss(
    input: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Negative log-likelihood of log-probabilities; the mean of nothing is 0, unlike elsewhere."""
    units = F.nll_loss(input, label.long(), weight, ignore_index=ignore_index, reduction="none")
    if reduction != "mean":
        return reduced(units, reduction)
    known = label != ignore_index
    total = known.sum() if weight is None else (weight[label * known] * known).sum()
    return units.sum() / torch.where(total == 0, 1, total)


def binary_cross_entropy(
    input: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Binary cross-entropy of probabilities, at most 100; weights do not divide the mean."""
    units = F.binary_cross_entropy(input, label, reduction="none")
    return reduced(_weighted(units, weight), reduction)


def binary_cross_entropy_with_logits(
    logit: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    pos_weight: Tensor | None = None,
    name: str | None = None,
) -> Tensor:
    """Binary cross-entropy of logits; a label of -100 gives 0, which Paddle does not document.

    Not kept: without ``pos_weight``, Paddle's gradient at a logit of exactly 0 is too small by 1.
    """
    units = F.binary_cross_entropy_with_logits(
        logit, label, pos_weight=pos_weight, reduction="none"
    )
    return reduced(_weighted(torch.where(label == -100, 0.0, units), weight), reduction)


def sigmoid_focal_loss(
    logit: Tensor,
    label: Tensor,
    normalizer: Tensor | None = None,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: Reduction = "sum",
    name: str | None = None,
) -> Tensor:
    """Sigmoid focal loss, divided by ``normalizer``; the default is the sum.

    Not kept: the gradient of a logit of exactly 0, as in
    :func:`binary_cross_entropy_with_logits`.
    """
    p = logit.sigmoid()
    p_other = p + label - 2 * p * label
    alpha_t = alpha * label + (1 - alpha) * (1 - label)
    units = F.binary_cross_entropy_with_logits(logit, label, reduction="none")
    units = alpha_t * p_other**gamma * units
    return reduced(units if normalizer is None else units / normalizer, reduction)


def log_loss(
    input: Tensor, label: Tensor, epsilon: float = 0.0001, name: str | None = None
) -> Tensor:
    """Binary cross-entropy with ``epsilon`` added to both probabilities, not reduced."""
    return -label * (input + epsilon).log() - (1 - label) * (1 - input + epsilon).log()


def dice_loss(
    input: Tensor, label: Tensor, epsilon: float = 0.00001, name: str | None = None
) -> Tensor:
    """Dice loss of class probabilities (N, ..., C) and indices (N, ..., 1), mean over samples.

    ``epsilon`` is added to the denominator alone; the formula Paddle documents has it in both.
    """
    one_hot = F.one_hot(label.squeeze(-1).long(), input.shape[-1])
    shared = (input * one_hot).flatten(1).sum(1)
    size = input.flatten(1).sum(1) + one_hot.flatten(1).sum(1)
    return (1 - 2 * shared / (size + epsilon)).mean()


def npair_loss(anchor: Tensor, positive: Tensor, labels: Tensor, l2_reg: float = 0.002) -> Tensor:
    """N-pair loss, with a quarter of ``l2_reg`` times the mean squared norms."""
    same = (labels.reshape(-1, 1) == labels.reshape(1, -1)).to(anchor.dtype)
    same = same / same.sum(1, keepdim=True)
    norms = anchor.square().sum(1).mean() + positive.square().sum(1).mean()
    return 0.25 * l2_reg * norms + cross_entropy(anchor @ positive.T, same, soft_label=True)


def l1_loss(
    input: Tensor, label: Tensor, reduction: Reduction = "mean", name: str | None = None
) -> Tensor:
    """Absolute error; shapes broadcast, as everywhere in Paddle."""
    return reduced(
        lossary.l1_loss(*torch.broadcast_tensors(input, label), reduction="none"), reduction
    )


def mse_loss(
    input: Tensor, label: Tensor, reduction: Reduction = "mean", name: str | None = None
) -> Tensor:
    """Squared error."""
    return reduced(square_error_cost(input, label), reduction)


def square_error_cost(input: Tensor, label: Tensor) -> Tensor:
    """Squared error, not reduced."""
    return lossary.mse_loss(*torch.broadcast_tensors(input, label), reduction="none")


def smooth_l1_loss(
    input: Tensor,
    label: Tensor,
    reduction: Reduction = "mean",
    delta: float = 1.0,
    is_huber: bool = True,
    name: str | None = None,
) -> Tensor:
    """Huber loss, whatever its name says; smooth L1, the same by ``delta``, if not ``is_huber``."""
    units = lossary.huber_loss(input, label, delta=delta, reduction="none")
    return reduced(units if is_huber else units / delta, reduction)


def kl_div(
    input: Tensor,
    label: Tensor,
    reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
    log_target: bool = False,
    name: str | None = None,
) -> Tensor:
    """Kullback-Leibler divergence by element; a label that is not positive gives 0."""
    if log_target:
        units = label.exp() * (label - input)
    else:
        some = label > 0
        safe = torch.where(some, label, 1.0)
        units = torch.where(some, safe * (safe.log() - input), 0.0)
    return units.sum() / input.shape[0] if reduction == "batchmean" else reduced(units, reduction)


def poisson_nll_loss(
    input: Tensor,
    label: Tensor,
    log_input: bool = True,
    full: bool = False,
    epsilon: float = 1e-8,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Poisson negative log-likelihood of the logarithm of the rate, or of the rate."""
    if epsilon <= 0:
        raise ValueError(f"epsilon must be positive, got {epsilon}")
    units = F.poisson_nll_loss(input, label, log_input, full, eps=epsilon, reduction="none")
    return reduced(units, reduction)


def gaussian_nll_loss(
    input: Tensor,
    label: Tensor,
    variance: Tensor,
    full: bool = False,
    epsilon: float = 1e-6,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Gaussian negative log-likelihood.

    Not kept: in Paddle the variance gets no gradient, so a network cannot learn it.
    """
    if variance.shape == input.shape[:-1] != input.shape:
        variance = variance.unsqueeze(-1)
    input, label, variance = torch.broadcast_tensors(input, label, variance)
    units = lossary.gaussian_nll_loss(
        input, label, variance, full=full, eps=epsilon, reduction="none"
    )
    return reduced(units, reduction)


def margin_ranking_loss(
    input: Tensor,
    other: Tensor,
    label: Tensor,
    margin: float = 0.0,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """``relu(margin - label * (input - other))``."""
    return reduced(((other - input) * label + margin).relu(), reduction)


def hinge_embedding_loss(
    input: Tensor,
    label: Tensor,
    margin: float = 1.0,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Distance of like pairs, its lack of unlike ones; labels other than 1 and -1 give 0."""
    units = torch.where(label == 1, input, 0.0)
    return reduced(units + torch.where(label == -1, (margin - input).relu(), 0.0), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    label: Tensor,
    margin: float = 0,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """One minus the cosine of like pairs, ``max(0, cosine - margin)`` of unlike ones.

    Paddle documents ``max(0, cosine) - margin``, and computes this.
    """
    if label.ndim != 1 or input1.ndim > 2 or input1.shape != input2.shape:
        raise ValueError(
            "input1 and input2 must have the same shape, (N, D) or (D,), and label (N,), got "
            f"{tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(label.shape)}"
        )
    squares = (input1.square().sum(-1) + 1e-11) * (input2.square().sum(-1) + 1e-11)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    units = torch.where(label == 1, 1 - cosine, 0.0)
    return reduced(units + torch.where(label == -1, (cosine - margin).clamp(min=0), 0.0), reduction)


def triplet_margin_with_distance_loss(
    input: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Triplet loss with a distance of one's own; the Euclidean one by default."""

    def checked(x: Tensor, y: Tensor) -> Tensor:
        if distance_function is None:
            return F.pairwise_distance(x, y)
        distances = distance_function(x, y)
        if bool((distances < 0).any()):
            raise ValueError("distance_function must not give negative distances")
        return distances

    return reduced(_triplet(input, positive, negative, checked, margin, swap), reduction)


def _triplet(
    input: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
) -> Tensor:
    if margin < 0:
        raise ValueError(f"margin must not be negative, got {margin}")
    if not input.shape == positive.shape == negative.shape:
        raise ValueError(
            "input, positive and negative must have the same shape, got "
            f"{tuple(input.shape)}, {tuple(positive.shape)} and {tuple(negative.shape)}"
        )
    near, far = distance(input, positive), distance(input, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return (near - far + margin).clamp(min=0)


def triplet_margin_loss(
    input: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    epsilon: float = 1e-6,
    swap: bool = False,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Triplet loss with the p-norm of the difference plus ``epsilon``."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return F.pairwise_distance(x, y, p, epsilon)

    return reduced(_triplet(input, positive, negative, distance, margin, swap), reduction)


def multi_margin_loss(
    input: Tensor,
    label: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Multi-class margin loss; the weights of the classes do not divide the mean."""
    units = lossary.multi_margin_loss(
        input,
        label.reshape(-1),
        p=p,
        margin=margin,
        class_weight=weight,
        ignore_index=-1,  # which Paddle refuses, and so does the line below
        reduction="none",
    )
    return reduced(units, reduction)


def multi_label_margin_loss(
    input: Tensor, label: Tensor, reduction: Reduction = "mean", name: str | None = None
) -> Tensor:
    """Multi-label margin loss; the labels are class indices, up to the first -1 in each row."""
    return reduced(F.multilabel_margin_loss(input, label.long(), reduction="none"), reduction)


def multi_label_soft_margin_loss(
    input: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Binary cross-entropy of logits, mean over the labels of a sample."""
    units = F.binary_cross_entropy_with_logits(input, label, reduction="none")
    return reduced(_weighted(units, weight).mean(-1), reduction)


def soft_margin_loss(
    input: Tensor, label: Tensor, reduction: Reduction = "mean", name: str | None = None
) -> Tensor:
    """``log(1 + exp(-label * input))``, as written: it overflows from 89 on, as in Paddle.

    :func:`lossary.logistic_loss` does not.
    """
    if input.shape != label.shape:
        raise ValueError(
            f"label must have the shape of input, {tuple(input.shape)}, got {tuple(label.shape)}"
        )
    return reduced((1 + (-label.to(input.dtype) * input).exp()).log(), reduction)


def ctc_loss(
    log_probs: Tensor,
    labels: Tensor,
    input_lengths: Tensor,
    label_lengths: Tensor,
    blank: int = 0,
    reduction: Reduction = "mean",
    norm_by_times: bool = False,
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification, of logits (T, N, C), whatever their name says.

    The mean divides by the length of each label first, also by 0. Labels that do not fit into the
    frames give 0, with and without ``zero_infinity``. ``norm_by_times`` divides the gradient by
    the number of frames, and leaves the value.
    """
    frames = log_probs.transpose(0, 1)
    units = lossary.ctc_loss(
        frames,
        labels,
        input_lengths,
        label_lengths,
        blank=blank,
        infeasible="ignore",
        reduction="none",
    )
    if norm_by_times:
        value = units.detach()
        units = value + (units - value) / input_lengths
    return reduced(
        units / label_lengths.to(units.dtype) if reduction == "mean" else units, reduction
    )


def rnnt_loss(
    input: Tensor,
    label: Tensor,
    input_lengths: Tensor,
    label_lengths: Tensor,
    blank: int = 0,
    fastemit_lambda: float = 0.001,
    reduction: Reduction = "mean",
    name: str | None = None,
) -> Tensor:
    """Transducer loss of log-probabilities (N, T, U + 1, C).

    Here they are normalised, which changes nothing of log-probabilities nor of the gradient of
    the logits they came from. Paddle's CPU kernel adds up what it is given: of logits its value
    means nothing.
    """
    units = lossary.rnnt_loss(
        input,
        label,
        input_lengths,
        label_lengths,
        blank=blank,
        fastemit=fastemit_lambda,
        reduction="none",
    )
    return reduced(units, reduction)


def hsigmoid_loss(
    input: Tensor,
    label: Tensor,
    num_classes: int,
    weight: Tensor,
    bias: Tensor | None = None,
    path_table: Tensor | None = None,
    path_code: Tensor | None = None,
    is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Hierarchical sigmoid loss of each sample, (N, 1), along the path of its label in a tree.

    Kept, though the formula has neither: a path shorter than the longest adds ``log 2`` for every
    step it lacks, so the probabilities of the classes do not sum up to 1, and scores are cut off
    at -40 and 40, with their gradient. :func:`lossary.hierarchical_softmax_loss` does neither.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    if path_table is None or path_code is None:
        # the leaf of class c is node c + C of a complete tree, whose root is node 1 and row 0
        leaf = label.reshape(-1, 1) + num_classes
        up = torch.arange((num_classes - 1).bit_length(), device=label.device)
        path_table, path_code = (leaf >> (up + 1)) - 1, (leaf >> up) & 1
    row = path_table.clamp(min=0)
    score = (weight[row] @ input.unsqueeze(2)).squeeze(2)
    score = score if bias is None else score + bias.reshape(-1)[row]
    score = torch.where(path_table < 0, 0.0, score)
    score = score + (score.clamp(-40, 40) - score).detach()
    return (F.softplus(score) - path_code * score).sum(1, keepdim=True)


def adaptive_log_softmax_with_loss(
    input: Tensor,
    label: Tensor,
    head_weight: Tensor,
    tail_weights: Sequence[Sequence[Tensor]],
    cutoffs: Sequence[int],
    head_bias: Tensor | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probability of each label, and the mean loss; the last of ``cutoffs`` ends the classes.

    Weights are (in, out), the transpose of torch's.
    """
    if input.ndim != label.ndim + 1 or label.ndim > 1:
        raise ValueError(
            "input must have shape (N, D) and label (N,), or (D,) and (), got "
            f"{tuple(input.shape)} and {tuple(label.shape)}"
        )
    rows, labels = (input, label) if label.ndim else (input.unsqueeze(0), label.unsqueeze(0))
    if bool(((labels < 0) | (labels >= cutoffs[-1])).any()):
        raise ValueError(f"label must hold classes from 0 to {cutoffs[-1] - 1}")
    log_p = adaptive_log_prob(rows, head_weight, tail_weights, cutoffs, head_bias)
    output = log_p.gather(1, labels.long().unsqueeze(1)).squeeze(1)
    return (output if label.ndim else output.squeeze(0)), -output.mean()


def adaptive_log_prob(
    input: Tensor,
    head_weight: Tensor,
    tail_weights: Sequence[Sequence[Tensor]],
    cutoffs: Sequence[int],
    head_bias: Tensor | None = None,
) -> Tensor:
    """Return the log-probabilities of all classes: of the short list, then of each cluster."""
    head = input @ head_weight
    head = (head if head_bias is None else head + head_bias).log_softmax(1)
    tails = [
        (input @ project @ classify).log_softmax(1) + head[:, cutoffs[0] + i : cutoffs[0] + i + 1]
        for i, (project, classify) in enumerate(tail_weights)
    ]
    return torch.cat([head[:, : cutoffs[0]], *tails], 1)
