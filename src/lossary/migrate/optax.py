"""The losses of ``optax.losses``: its names, arguments, defaults and numbers, on torch tensors.

``import lossary.migrate.optax as optax``. As in Optax nothing is reduced, but for the few
functions that say so: one loss per element, or per sample.

Where Optax gives a number, this module gives the same, or an error that says what is wrong:

- Tensors that broadcast are errors, but for ``where``.
- Class indices out of range are errors; Optax gives nan, or counts negative ones from the end. So
  are targets outside [0, 1], signs other than -1 and 1, and a label that ``where`` excludes.
- :func:`ctc_loss` gives an error where labels do not fit into the frames; Optax gives about 1e5.
  Its ``log_epsilon`` stands for the logarithm of zero, which is exact here, so it is not an
  argument.
- :func:`dice_loss` has no ``axis``.

Numbers differ only here, each time for a finite one or a more exact one:

- a logit of -inf, log-probability of -inf or log-target of -inf, where the target is 0;
- at kinks, such as a margin just met, JAX halves the gradient between its two sides;
- half precision, which is computed in single precision here.

Kept although it is not what the name says: :func:`triplet_margin_loss` takes no absolute value
below an odd power, so its distance of an odd ``norm_degree`` is none.

Left out: ``ctc_loss_with_forward_probs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import lossary

from ..losses.segmentation._regions import Maps, class_maps, pixels, region_maps, tversky

Axis = int | tuple[int, ...] | None
Reducer = Callable[[Tensor], Tensor]

NO_LABEL = torch.iinfo(torch.int64).min  # Optax ignores no label


def _same_shape(loss: str, names: str, first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        raise ValueError(
            f"{loss}: {names} must have one shape, got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )


def _axes(axis: Axis, x: Tensor) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return (axis,) if isinstance(axis, int) else axis


def _last(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Bring axes last and make them one."""
    moved = x.movedim(axes, tuple(range(-len(axes), 0)))
    return moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)


def _mask(where: Tensor | None, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return ``where`` as booleans laid out as :func:`_last` lays out ``x``."""
    if where is None:
        return torch.ones_like(_last(x, axes), dtype=torch.bool)
    if where.ndim != x.ndim:
        for axis in sorted(a % x.ndim for a in axes):
            where = where.unsqueeze(axis)
    return _last(where.bool().expand_as(x), axes)


def _rows(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[-1])


def _logits(x: Tensor, mask: Tensor) -> Tensor:
    """Give the classes that do not take part no probability, unless none does."""
    return x.masked_fill(~mask & mask.any(-1, keepdim=True), -torch.inf)


def squared_error(predictions: Tensor, targets: Tensor | None = None) -> Tensor:
    """See :func:`~lossary.mse_loss`; without targets, of 0."""
    return lossary.mse_loss(predictions, _or_zero(targets, predictions), reduction="none")


def l2_loss(predictions: Tensor, targets: Tensor | None = None) -> Tensor:
    """See :func:`~lossary.half_mse_loss`; without targets, of 0."""
    return lossary.half_mse_loss(predictions, _or_zero(targets, predictions), reduction="none")


def huber_loss(predictions: Tensor, targets: Tensor | None = None, *, delta: float = 1.0) -> Tensor:
    """See :func:`~lossary.huber_loss`; without targets, of 0."""
    targets = _or_zero(targets, predictions)
    return lossary.huber_loss(predictions, targets, delta=delta, reduction="none")


def log_cosh(predictions: Tensor, targets: Tensor | None = None) -> Tensor:
    """See :func:`~lossary.log_cosh_loss`; without targets, of 0."""
    return lossary.log_cosh_loss(predictions, _or_zero(targets, predictions), reduction="none")


def _or_zero(targets: Tensor | None, predictions: Tensor) -> Tensor:
    return torch.zeros_like(predictions) if targets is None else targets


def cosine_similarity(
    predictions: Tensor,
    targets: Tensor,
    *,
    epsilon: float = 0.0,
    axis: Axis = -1,
    where: Tensor | None = None,
) -> Tensor:
    """The cosine, with squared lengths of at least ``epsilon``; of a vector of zero it is nan.

    :func:`~lossary.cosine_distance_loss` is one minus it, and finite.
    """
    _same_shape("cosine_similarity", "predictions and targets", predictions, targets)
    axes = _axes(axis, predictions)
    mask = _mask(where, predictions, axes)
    a, b = (_last(x, axes).masked_fill(~mask, 0.0) for x in (predictions, targets))
    return (_unit(a, epsilon) * _unit(b, epsilon)).sum(-1)


def _unit(x: Tensor, epsilon: float) -> Tensor:
    return x / x.square().sum(-1, keepdim=True).clamp(min=epsilon).sqrt()


def cosine_distance(
    predictions: Tensor,
    targets: Tensor,
    *,
    epsilon: float = 0.0,
    axis: Axis = -1,
    where: Tensor | None = None,
) -> Tensor:
    """One minus :func:`cosine_similarity`."""
    return 1 - cosine_similarity(predictions, targets, epsilon=epsilon, axis=axis, where=where)


def sigmoid_binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """See :func:`~lossary.binary_cross_entropy_with_logits`."""
    return lossary.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def sigmoid_focal_loss(
    logits: Tensor, labels: Tensor, *, alpha: float | None = None, gamma: float = 2.0
) -> Tensor:
    """See :func:`~lossary.sigmoid_focal_loss`; of labels between 0 and 1 the factor is that of the
    expected miss, not the expected loss.
    """
    labels = labels.to(logits.dtype)
    miss = torch.logaddexp(
        F.logsigmoid(logits) + (1 - labels).log(), F.logsigmoid(-logits) + labels.log()
    )
    units = sigmoid_binary_cross_entropy(logits, labels) * torch.exp(gamma * miss)
    return units if alpha is None else (alpha * labels + (1 - alpha) * (1 - labels)) * units


def hinge_loss(predictor_outputs: Tensor, targets: Tensor) -> Tensor:
    """See :func:`~lossary.hinge_loss`."""
    return lossary.hinge_loss(predictor_outputs, targets, reduction="none")


def perceptron_loss(predictor_outputs: Tensor, targets: Tensor) -> Tensor:
    """See :func:`~lossary.perceptron_loss`."""
    return lossary.perceptron_loss(predictor_outputs, targets, reduction="none")


def sparsemax_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Sparsemax loss of two classes: a quarter of :func:`~lossary.modified_huber_loss`."""
    signs = 2 * labels.to(logits.dtype) - 1
    return lossary.modified_huber_loss(logits, signs, reduction="none") / 4


def softmax_cross_entropy(
    logits: Tensor, labels: Tensor, axis: Axis = -1, where: Tensor | None = None
) -> Tensor:
    """See :func:`~lossary.cross_entropy`; here of shares of the classes."""
    _same_shape("softmax_cross_entropy", "logits and labels", logits, labels)
    axes = _axes(axis, logits)
    mask = _mask(where, logits, axes)
    x, y = _logits(_last(logits, axes), mask), _last(labels, axes).masked_fill(~mask, 0)
    y = _rows(y.to(x.dtype))
    return lossary.cross_entropy(_rows(x), y, reduction="none").reshape(x.shape[:-1])


def safe_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The same as :func:`softmax_cross_entropy`, which is safe here."""
    return softmax_cross_entropy(logits, labels)


def softmax_cross_entropy_with_integer_labels(
    logits: Tensor,
    labels: Tensor,
    axis: int | tuple[int, ...] = -1,
    where: Tensor | None = None,
) -> Tensor:
    """See :func:`~lossary.cross_entropy`; a unit without any class that takes part costs 0."""
    axes = _axes(axis, logits)
    mask = _mask(where, logits, axes)
    x = _logits(_last(logits, axes), mask)
    units = _labelled("cross_entropy", lossary.cross_entropy, x, labels)
    return units if where is None else torch.where(mask.any(-1), units, 0.0)


def _labelled(name: str, loss: Callable[..., Tensor], scores: Tensor, labels: Tensor) -> Tensor:
    """Return a loss of scores (..., C) and class indices (...)."""
    _same_shape(name, "labels, and logits without their classes,", labels, scores[..., 0])
    flat = loss(_rows(scores), labels.reshape(-1), ignore_index=NO_LABEL, reduction="none")
    return flat.reshape(labels.shape)


def multiclass_hinge_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """See :func:`~lossary.crammer_singer_loss`."""
    return _labelled("multiclass_hinge_loss", lossary.crammer_singer_loss, scores, labels)


def multiclass_perceptron_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """See :func:`~lossary.multi_class_perceptron_loss`."""
    loss = lossary.multi_class_perceptron_loss
    return _labelled("multiclass_perceptron_loss", loss, scores, labels)


def multiclass_sparsemax_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """See :func:`~lossary.sparsemax_loss`."""
    return _labelled("multiclass_sparsemax_loss", lossary.sparsemax_loss, scores, labels)


def poly_loss_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    epsilon: float = 2.0,
    axis: Axis = -1,
    where: Tensor | None = None,
) -> Tensor:
    """See :func:`~lossary.poly_cross_entropy`; here of shares of the classes."""
    axes = _axes(axis, logits)
    mask = _mask(where, logits, axes)
    units = softmax_cross_entropy(logits, labels, axis, where)
    missed = 1 - _logits(_last(logits, axes), mask).softmax(-1)
    return units + epsilon * (_last(labels, axes).masked_fill(~mask, 0) * missed).sum(-1)


def kl_divergence(
    log_predictions: Tensor, targets: Tensor, axis: Axis = -1, where: Tensor | None = None
) -> Tensor:
    """See :func:`~lossary.kl_divergence`."""
    _same_shape("kl_divergence", "log_predictions and targets", log_predictions, targets)
    axes = _axes(axis, log_predictions)
    mask = _mask(where, log_predictions, axes)
    x, q = (_last(t, axes).masked_fill(~mask, 0.0) for t in (log_predictions, targets))
    return lossary.kl_divergence(_rows(x), _rows(q), reduction="none").reshape(x.shape[:-1])


def kl_divergence_with_log_targets(
    log_predictions: Tensor, log_targets: Tensor, axis: Axis = -1, where: Tensor | None = None
) -> Tensor:
    """:func:`kl_divergence` of the logarithms of targets."""
    return kl_divergence(log_predictions, log_targets.exp(), axis, where)


def generalized_kl_divergence(
    log_predictions: Tensor, targets: Tensor, axis: Axis = -1, where: Tensor | None = None
) -> Tensor:
    """Kullback-Leibler divergence of measures that need not sum to 1.

    :func:`~lossary.kl_divergence` is of probabilities, so the formula is here:
    ``q (log q - log p) + p - q``.
    """
    loss = "generalized_kl_divergence"
    _same_shape(loss, "log_predictions and targets", log_predictions, targets)
    axes = _axes(axis, log_predictions)
    mask = _mask(where, log_predictions, axes)
    x, q = (_last(t, axes) for t in (log_predictions, targets))
    nothing = q == 0
    ratio = q.masked_fill(nothing, 1.0).log() - x.masked_fill(nothing, 0.0)
    return (q * ratio + x.exp() - q).masked_fill(~mask, 0.0).sum(-1)


def convex_kl_divergence(
    log_predictions: Tensor, targets: Tensor, axis: Axis = -1, where: Tensor | None = None
) -> Tensor:
    """The former name of :func:`generalized_kl_divergence`."""
    return generalized_kl_divergence(log_predictions, targets, axis, where)


def ctc_loss(
    logits: Tensor,
    logit_paddings: Tensor,
    labels: Tensor,
    label_paddings: Tensor,
    *,
    blank_id: int = 0,
) -> Tensor:
    """See :func:`~lossary.ctc_loss`; paddings, at the ends only, are 1 and the rest is 0."""
    _same_shape(
        "ctc_loss", "logit_paddings, and logits without classes,", logit_paddings, logits[..., 0]
    )
    _same_shape("ctc_loss", "labels and label_paddings", labels, label_paddings)
    frames, said = ((padding == 0).sum(1) for padding in (logit_paddings, label_paddings))
    return lossary.ctc_loss(logits, labels, frames, said, blank=blank_id, reduction="none")


def make_fenchel_young_loss(max_fun: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the loss ``max_fun(scores) - <targets, scores>`` over the last dimension.

    Args:
        max_fun: a function of a vector of scores, such as a log-sum-exp.
    """

    def fenchel_young_loss(scores: Tensor, targets: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        _same_shape("fenchel_young_loss", "scores and targets", scores, targets)
        each = torch.vmap(lambda row: max_fun(row, *args, **kwargs))(_rows(scores))
        return each.reshape(scores.shape[:-1]) - (targets * scores).sum(-1)

    return fenchel_young_loss


def ranking_softmax_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    where: Tensor | None = None,
    weights: Tensor | None = None,
    reduce_fn: Reducer | None = torch.mean,
) -> Tensor:
    """See :func:`~lossary.ranking_softmax_loss`.

    Args:
        logits: scores of the items, which the last dimension counts.
        labels: their relevances, none below 0.
        where: which items there are.
        weights: factors of the labels.
        reduce_fn: how lists are reduced, of those that have items; None leaves them.
    """
    _same_shape("ranking_softmax_loss", "logits and labels", logits, labels)
    labels = labels.to(logits.dtype)
    labels = labels if weights is None else labels * weights
    there = torch.ones_like(labels, dtype=torch.bool) if where is None else where.bool()
    relevance = torch.where(there, labels, -1.0)  # which marks padding
    units = lossary.ranking_softmax_loss(_rows(logits), _rows(relevance), reduction="none")
    units, there = units.reshape(logits.shape[:-1]), there.any(-1)
    if reduce_fn is None:
        return units
    chosen = units[there]
    return reduce_fn(chosen) if chosen.numel() else units.sum()


def smooth_labels(
    labels: Tensor, alpha: float, *, axis: Axis = -1, where: Tensor | None = None
) -> Tensor:
    """Spread the part ``alpha`` of labels evenly over the classes, or those of ``where``."""
    axes = _axes(axis, labels)
    if where is None:
        return (1 - alpha) * labels + alpha / _last(labels, axes).shape[-1]
    return (1 - alpha) * labels + alpha / where.sum(axes, keepdim=True)


def dice_loss(
    predictions: Tensor,
    targets: Tensor,
    *,
    class_weights: Tensor | None = None,
    smooth: float = 1.0,
    alpha: float = 0.5,
    beta: float = 0.5,
    apply_softmax: bool = True,
    reduction: str = "mean",
    ignore_background: bool = False,
) -> Tensor:
    """See :func:`~lossary.tversky_loss`; here classes come last, and ``smooth`` is a half of what
    it is in :func:`~lossary.dice_loss`.

    Args:
        predictions: logits, of shape (N, ..., C); of one class they go through a sigmoid.
        targets: shares of the classes, of the same shape.
        class_weights: factors of the losses of the classes, by whose sum nothing is divided.
        smooth: added above and below.
        alpha: the weight of false alarms.
        beta: the weight of misses.
        apply_softmax: whether ``predictions`` are logits, or probabilities that sum to 1.
        reduction: how the losses of the classes become one per sample: ``"mean"``, ``"sum"`` or
            ``"none"``.
        ignore_background: whether to leave out class 0.
    """
    if predictions.ndim == targets.ndim - 1:
        predictions = predictions.unsqueeze(-1)
    if targets.ndim == predictions.ndim - 1:
        targets = targets.unsqueeze(-1)
    _same_shape("dice_loss", "predictions and targets", predictions, targets)
    x, q = predictions.movedim(-1, 1), targets.to(predictions.dtype).movedim(-1, 1)
    if not apply_softmax:
        sums = x.sum(1)
        if not torch.allclose(sums, torch.ones_like(sums), rtol=1e-5):
            raise ValueError("dice_loss: predictions must sum to 1 where apply_softmax=False")
        p = pixels(x, 2)
        maps = Maps(p, p, 1 - p, pixels(q, 2), None)
    elif x.shape[1] == 1:
        one = region_maps(x[:, 0], q[:, 0], None)
        parts = [part.unsqueeze(1) for part in (one.logits, one.p, one.rest, one.q)]
        maps = Maps(parts[0], parts[1], parts[2], parts[3], None)
    else:
        maps = class_maps(x, q, None)
    units = tversky(maps, alpha=alpha, beta=beta, smooth=smooth)
    if class_weights is not None:
        units = units * class_weights
    if ignore_background and units.shape[1] > 1:
        units = units[:, 1:]
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction must be 'none', 'mean' or 'sum', got {reduction!r}")
    return {"none": units, "mean": units.mean(-1), "sum": units.sum(-1)}[reduction]


def multiclass_generalized_dice_loss(
    predictions: Tensor,
    targets: Tensor,
    *,
    smooth: float = 1.0,
    apply_softmax: bool = True,
    ignore_background: bool = False,
) -> Tensor:
    """The mean of :func:`dice_loss` with classes weighed by the inverse squares of their sizes in
    the batch.

    :func:`~lossary.generalized_dice_loss` puts the weights above and below one fraction.
    """
    _same_shape("multiclass_generalized_dice_loss", "predictions and targets", predictions, targets)
    sizes = targets.to(predictions.dtype).flatten(0, -2).sum(0)
    shares = 1 / (sizes**2 + 1e-7)
    units = dice_loss(
        predictions,
        targets,
        class_weights=shares / shares.sum() * len(shares),
        smooth=smooth,
        apply_softmax=apply_softmax,
        reduction="none",
        ignore_background=ignore_background,
    )
    return units.mean()


def binary_dice_loss(
    predictions: Tensor, targets: Tensor, *, smooth: float = 1.0, apply_sigmoid: bool = True
) -> Tensor:
    """See :func:`~lossary.sigmoid_dice_loss`; ``smooth`` as in :func:`dice_loss`."""
    if predictions.ndim == targets.ndim and predictions.shape[-1] != 1:
        predictions, targets = predictions.unsqueeze(-1), targets.unsqueeze(-1)
    return dice_loss(predictions, targets, smooth=smooth, apply_softmax=apply_sigmoid)


def ntxent(embeddings: Tensor, labels: Tensor, temperature: float = 0.07) -> Tensor:
    """Normalised temperature-scaled cross-entropy, the mean over all pairs of one class.

    Each pair is held against the other classes. That is :func:`~lossary.tuplet_margin_loss`
    without a margin, but for the mean; without any pair it is nan.
    """
    scale = 1 / temperature
    units = lossary.tuplet_margin_loss(
        embeddings, labels, margin=0.0, scale=scale, reduction="none"
    )
    pairs = (labels.unsqueeze(1) == labels).sum(1) - 1
    return (pairs * units).sum() / pairs.sum()


def triplet_margin_loss(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor,
    axis: int = -1,
    norm_degree: float = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
) -> Tensor:
    """See :func:`~lossary.triplet_margin_loss`; here the distance is
    ``(sum(d ** p) + eps) ** (1 / p)``.
    """
    _same_shape("triplet_margin_loss", "anchors and positives", anchors, positives)
    _same_shape("triplet_margin_loss", "anchors and negatives", anchors, negatives)
    near, far = (
        (((anchors - other) ** norm_degree).sum(axis) + eps) ** (1 / norm_degree)
        for other in (positives, negatives)
    )
    sign = torch.ones_like(near)
    return lossary.margin_ranking_loss(far, near, sign, margin=margin, reduction="none")
