"""The losses of ``keras.losses`` (Keras 3): its names, arguments, reductions and numbers.

``import lossary.migrate.keras as losses``: classes and functions take ``y_true`` before ``y_pred``;
the functions give one loss per sample, the mean over the last axis; a class computes in
``dtype``, which is float32 unless told otherwise, whatever dtype comes, and reduces as Keras
does. Probabilities are held between 1e-7 and 1 - 1e-7, where they have no gradient.

Where Keras gives a number, this module gives the same, or an error that says what is wrong:

- ``y_true`` and ``y_pred`` that broadcast are an error, but for a last dimension of size 1 that
  one of them lacks; so is a ``sample_weight`` without the shape of the losses, or size 1 where it
  repeats.
- Labels that are no class, targets outside [0, 1], negative counts and rates, and labels of the
  hinge losses other than -1 and 1, or 0 and 1 throughout, are errors.
- :class:`CTC` gives an error where labels do not fit into the frames; Keras gives infinity.
- Masks come from ``ignore_class`` and :class:`Circle`, as in Keras, not from layers.

Kept although Keras says otherwise of itself:

- :class:`Tversky`: ``alpha`` weighs what is missed and ``beta`` false alarms, the reverse of
  the documentation.
- :class:`Dice` and :class:`Tversky` overlap the whole batch, unless ``axis`` says otherwise, so
  there is nothing left to reduce; a ``sample_weight`` multiplies that one number.
- ``"sum_over_batch_size"`` divides by the number of losses, not of samples, and not by the weights.
- :class:`CategoricalGeneralizedCrossEntropy` does not renormalise probabilities, as the other
  cross-entropies do.

Numbers differ only where Keras has no finite gradient: vectors of zero in
:func:`cosine_similarity`; and in half precision, which is computed in single precision here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import lossary

from ..losses.classification.cross_entropy import units_of

EPSILON = 1e-7

Axis = int | tuple[int, ...] | None

REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")


def _level(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Add or drop a last dimension of size 1 that one of two tensors lacks, as Keras does."""
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        return (first, second.unsqueeze(-1)) if second.ndim == 1 else (first.squeeze(-1), second)
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        return (first.unsqueeze(-1), second) if first.ndim == 1 else (first, second.squeeze(-1))
    return first, second


def _pair(loss: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the dtype of the prediction and in one shape."""
    y_true, y_pred = _level(y_true.to(y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{loss}: y_true must have the shape of y_pred, {tuple(y_pred.shape)}, got "
            f"{tuple(y_true.shape)}"
        )
    return y_true, y_pred


def _clip(p: Tensor) -> Tensor:
    return p.clamp(EPSILON, 1 - EPSILON)


def _shares(y_pred: Tensor, axis: int) -> Tensor:
    """Renormalise and clip the probabilities of classes."""
    return _clip(y_pred / y_pred.sum(axis, keepdim=True))


def _smooth(y_true: Tensor, label_smoothing: float, share: float) -> Tensor:
    return y_true * (1 - label_smoothing) + label_smoothing * share


def _rows(x: Tensor, axis: int = -1) -> Tensor:
    """Bring an axis last, and make one dimension of all others."""
    return x.movedim(axis, -1).reshape(-1, x.shape[axis])


def _without(x: Tensor, axis: int) -> torch.Size:
    """Return the shape of a tensor without one of its axes."""
    return x.movedim(axis, -1).shape[:-1]


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.mse_loss`."""
    y_true, y_pred = _pair("mean_squared_error", y_true, y_pred)
    return lossary.mse_loss(y_pred, y_true, reduction="none").mean(-1)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.l1_loss`."""
    y_true, y_pred = _pair("mean_absolute_error", y_true, y_pred)
    return lossary.l1_loss(y_pred, y_true, reduction="none").mean(-1)


def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.absolute_percentage_loss`; of 100, and targets below 1e-7 count as it."""
    y_true, y_pred = _pair("mean_absolute_percentage_error", y_true, y_pred)
    units = lossary.absolute_percentage_loss(y_pred, y_true, eps=EPSILON, reduction="none")
    return 100 * units.mean(-1)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.msle_loss`; numbers below 1e-7, negative ones too, count as it."""
    y_true, y_pred = _pair("mean_squared_logarithmic_error", y_true, y_pred)
    y_true, y_pred = y_true.clamp(min=EPSILON), y_pred.clamp(min=EPSILON)
    return lossary.msle_loss(y_pred, y_true, reduction="none").mean(-1)


def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Minus the cosine; see :func:`~lossary.cosine_distance_loss`."""
    y_true, y_pred = _pair("cosine_similarity", y_true, y_pred)
    distance = lossary.cosine_distance_loss(
        _rows(y_pred, axis), _rows(y_true, axis), reduction="none"
    )
    return (distance - 1).reshape(_without(y_pred, axis))


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """See :func:`~lossary.huber_loss`."""
    y_true, y_pred = _pair("huber", y_true, y_pred)
    return lossary.huber_loss(y_pred, y_true, delta=delta, reduction="none").mean(-1)


def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.log_cosh_loss`."""
    y_true, y_pred = _pair("log_cosh", y_true, y_pred)
    return lossary.log_cosh_loss(y_pred, y_true, reduction="none").mean(-1)


def _signs(y_true: Tensor) -> Tensor:
    """Turn labels 0 and 1 into -1 and 1, if there are no others in the whole tensor."""
    binary = ((y_true == 0) | (y_true == 1)).all()
    return torch.where(binary, 2 * y_true - 1, y_true)


def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.hinge_loss`; labels 0 and 1 throughout are taken for -1 and 1."""
    y_true, y_pred = _pair("hinge", y_true, y_pred)
    return lossary.hinge_loss(y_pred, _signs(y_true), reduction="none").mean(-1)


def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.squared_hinge_loss`; labels as in :func:`hinge`."""
    y_true, y_pred = _pair("squared_hinge", y_true, y_pred)
    return lossary.squared_hinge_loss(y_pred, _signs(y_true), reduction="none").mean(-1)


def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.categorical_hinge_loss`; here of one-hot labels, or of shares."""
    y_true, y_pred = _pair("categorical_hinge", y_true, y_pred)
    lead = (y_true * y_pred).sum(-1) - ((1 - y_true) * y_pred).amax(-1)
    return lossary.hinge_loss(lead, torch.ones_like(lead), reduction="none")


def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.kl_divergence`; here of probabilities, both held between 1e-7 and 1."""
    y_true, y_pred = _pair("kl_divergence", y_true, y_pred)
    p, q = _rows(y_pred.clamp(EPSILON, 1)), _rows(y_true.clamp(EPSILON, 1))
    return lossary.kl_divergence(p.log(), q, reduction="none").reshape(y_pred.shape[:-1])


def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.poisson_rate_nll_loss`."""
    y_true, y_pred = _pair("poisson", y_true, y_pred)
    units = lossary.poisson_rate_nll_loss(y_pred, y_true, eps=EPSILON, reduction="none")
    return units.mean(-1)


def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """See :func:`~lossary.binary_cross_entropy` and
    :func:`~lossary.binary_cross_entropy_with_logits`.
    """
    y_true, y_pred = _pair("binary_crossentropy", y_true, y_pred)
    y_true = _smooth(y_true, label_smoothing, 0.5)
    if from_logits:
        units = lossary.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none")
    else:
        units = lossary.binary_cross_entropy(_clip(y_pred), y_true, reduction="none")
    return units.mean(axis)


def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary cross-entropy times ``(1 - p_t) ** gamma``, with ``p_t`` not clipped.

    :func:`~lossary.sigmoid_focal_loss` is the same of labels 0 and 1, without clipping.
    """
    y_true, y_pred = _pair("binary_focal_crossentropy", y_true, y_pred)
    y_true = _smooth(y_true, label_smoothing, 0.5)
    p = y_pred.sigmoid() if from_logits else y_pred
    units = lossary.binary_cross_entropy(_clip(p), y_true, reduction="none")
    units = (1 - (y_true * p + (1 - y_true) * (1 - p))) ** gamma * units
    if apply_class_balancing:
        units = (y_true * alpha + (1 - y_true) * (1 - alpha)) * units
    return units.mean(axis)


def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """See :func:`~lossary.cross_entropy`; here of shares of the classes, and of probabilities."""
    y_true, y_pred = _pair("categorical_crossentropy", y_true, y_pred)
    y_true = _rows(_smooth(y_true, label_smoothing, 1 / y_true.shape[-1]), axis)
    if from_logits:
        units = lossary.cross_entropy(_rows(y_pred, axis), y_true, reduction="none")
    else:
        units, _ = units_of(_rows(_shares(y_pred, axis), axis).log(), y_true, None, 0.0)
    return units.reshape(_without(y_pred, axis))


def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy whose terms are multiplied by ``alpha * (1 - p_c) ** gamma``.

    Of class indices, without clipping and with ``alpha`` as class weights, this is
    :func:`~lossary.focal_loss`. A sequence ``alpha`` goes with the last axis.
    """
    y_true, y_pred = _pair("categorical_focal_crossentropy", y_true, y_pred)
    y_true = _smooth(y_true, label_smoothing, 1 / y_true.shape[-1])
    p = _shares(y_pred.softmax(axis) if from_logits else y_pred, axis)
    factor = torch.as_tensor(alpha, dtype=p.dtype, device=p.device) * (1 - p) ** gamma
    units, _ = units_of(_rows(p, axis).log(), _rows(y_true * factor, axis), None, 0.0)
    return units.reshape(_without(p, axis))


def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """See :func:`~lossary.cross_entropy` and :func:`~lossary.nll_loss`; units of the ignored class
    cost nothing.
    """
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = y_true.squeeze(axis)
    if y_true.shape != _without(y_pred, axis):
        raise ValueError(
            "sparse_categorical_crossentropy: y_true must have the shape of y_pred without its "
            f"classes, {tuple(_without(y_pred, axis))}, got {tuple(y_true.shape)}"
        )
    labels = y_true.long().reshape(-1)
    ignore = -100 if ignore_class is None else ignore_class  # as Keras does on torch
    options: dict[str, Any] = {"ignore_index": ignore, "reduction": "none"}
    if from_logits:
        units = lossary.cross_entropy(_rows(y_pred, axis), labels, **options)
    else:
        # in place of what is ignored something that has a logarithm
        there = (y_true != ignore).unsqueeze(axis)
        log_p = _rows(_shares(torch.where(there, y_pred, 1.0), axis), axis).log()
        units = lossary.nll_loss(log_p, labels, **options)
    return units.reshape(y_true.shape)


def categorical_generalized_cross_entropy(y_true: Tensor, y_pred: Tensor, q: float) -> Tensor:
    """``(1 - p_y ** q) / q``: :func:`~lossary.generalized_cross_entropy` of probabilities."""
    own = y_pred.gather(-1, y_true.long().unsqueeze(-1)).squeeze(-1)
    return (1 - own**q) / q


def ctc(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """See :func:`~lossary.ctc_loss`; class 0 is the blank, and pads the labels."""
    labels = y_true.long()
    frames = labels.new_full((len(y_pred),), y_pred.shape[1])
    return lossary.ctc_loss(y_pred, labels, frames, (labels != 0).sum(-1), reduction="none")


def _overlap(
    y_true: Tensor, y_pred: Tensor, missed: float, false: float, axis: Axis, eps: float
) -> Tensor:
    # unlike Lossary's smoothing this eps stands below alone: without any target the loss is 1
    dims = tuple(range(y_pred.ndim)) if axis is None else axis
    hits = (y_true * y_pred).sum(dims)
    apart = missed * (y_true * (1 - y_pred)).sum(dims) + false * ((1 - y_true) * y_pred).sum(dims)
    return 1 - hits / (hits + apart + eps)


def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> Tensor:
    """See :func:`~lossary.probability_dice_loss`; over the whole batch unless ``axis`` is given."""
    y_true, y_pred = _pair("dice", y_true, y_pred)
    return _overlap(y_true, y_pred, 0.5, 0.5, axis, EPSILON / 2)


def tversky(
    y_true: Tensor, y_pred: Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None
) -> Tensor:
    """See :func:`~lossary.tversky_loss`; here ``alpha`` weighs what is missed."""
    y_true, y_pred = _pair("tversky", y_true, y_pred)
    return _overlap(y_true, y_pred, alpha, beta, axis, EPSILON)


def circle(
    y_true: Tensor,
    y_pred: Tensor,
    ref_labels: Tensor | None = None,
    ref_embeddings: Tensor | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Circle loss of products that are not normalised, and of at most 1.

    The weights of the similarities have gradients here. :func:`~lossary.circle_loss` normalises,
    and holds the weights fixed as the paper does; of embeddings of length 1 the values agree.
    """
    others = y_pred if ref_embeddings is None else ref_embeddings
    labels, own = (
        (y_true if ref_labels is None else ref_labels).reshape(1, -1),
        y_true.reshape(-1, 1),
    )
    alike = own == labels
    unlike = ~alike
    if remove_diagonal:
        alike = alike & ~torch.eye(*alike.shape, dtype=torch.bool, device=alike.device)
    distance = (1 - y_pred @ others.T).clamp(min=0)
    near = -gamma * (margin + distance).clamp(min=0) * (margin - distance)
    far = gamma * (1 + margin - distance).clamp(min=0) * (1 - margin - distance)
    none = -torch.inf
    return nn.functional.softplus(
        torch.where(alike, near, none).logsumexp(1) + torch.where(unlike, far, none).logsumexp(1)
    )


class Loss(nn.Module):
    """The base class: a loss of your own defines ``call``.

    Args:
        name: a name, for nothing but to be read.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (the sum divided by the number of
            losses), ``"sum"``, ``"mean_with_sample_weight"`` (divided by the sum of the weights),
            ``"none"`` or None.
        dtype: what everything is converted to; None is float32.
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {REDUCTIONS}, got {reduction!r}")
        self.name = name or type(self).__name__
        self.reduction = reduction
        found = getattr(torch, dtype) if isinstance(dtype, str) else dtype or torch.float32
        self.dtype: torch.dtype = found

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # a loss of the user's defines it; without it Keras, too, fails when it is called
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def mask(self, y_true: Tensor, losses: Tensor) -> Tensor | None:
        """Return which losses take part, or None if all do."""
        return None

    def forward(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        y_pred = torch.as_tensor(y_pred, dtype=self.dtype)
        y_true = torch.as_tensor(y_true, dtype=self.dtype, device=y_pred.device)
        losses = self.call(y_true, y_pred)
        weight = self._weight(sample_weight, self.mask(y_true, losses), losses)
        if weight is not None:
            losses, weight = _level(losses, weight)
            sizes = zip(weight.shape, losses.shape, strict=False)
            fits = weight.ndim == losses.ndim and all(w in (1, n) for w, n in sizes)
            if weight.ndim and losses.ndim and not fits:
                raise ValueError(
                    f"{self.name}: sample_weight must have the shape of the losses, "
                    f"{tuple(losses.shape)}, or size 1 where it repeats, got {tuple(weight.shape)}"
                )
            losses = losses * weight
        if self.reduction in (None, "none") or losses.shape in ((), (0,)):
            return losses
        total = losses.sum()
        if self.reduction == "sum":
            return total
        count = total.new_tensor(losses.numel())
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            count = weight.sum()
        return torch.where(count == 0, 0.0, total / torch.where(count == 0, 1.0, count))

    def _weight(self, given: Any, mask: Tensor | None, losses: Tensor) -> Tensor | None:
        """Merge mask and weights; under a plain mean those who are there weigh for the others."""
        weight = None
        if given is not None:
            weight = torch.as_tensor(given, dtype=losses.dtype, device=losses.device)
        if mask is None:
            return weight
        there = mask.to(losses.dtype)
        if self.reduction in ("mean", "sum_over_batch_size"):
            there = there * (mask.numel() / there.sum().clamp(min=1))
        if weight is None:
            return there
        there, weight = _level(there, weight)
        return weight * there

    def extra_repr(self) -> str:
        return f"name={self.name!r}, reduction={self.reduction!r}"


class _FunctionLoss(Loss):
    """A function of this module with its options bound."""

    function: Callable[..., Tensor]

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name or self.function.__name__, reduction, dtype)
        self.options = options
        for option, value in options.items():
            setattr(self, option, value)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.function(*_level(y_true, y_pred), **self.options)


class _PlainLoss(_FunctionLoss):
    """A loss without options."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)


class MeanSquaredError(_PlainLoss):
    """Class of :func:`mean_squared_error`."""

    function = staticmethod(mean_squared_error)


class MeanAbsoluteError(_PlainLoss):
    """Class of :func:`mean_absolute_error`."""

    function = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(_PlainLoss):
    """Class of :func:`mean_absolute_percentage_error`."""

    function = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_PlainLoss):
    """Class of :func:`mean_squared_logarithmic_error`."""

    function = staticmethod(mean_squared_logarithmic_error)


class LogCosh(_PlainLoss):
    """Class of :func:`log_cosh`."""

    function = staticmethod(log_cosh)


class Hinge(_PlainLoss):
    """Class of :func:`hinge`."""

    function = staticmethod(hinge)


class SquaredHinge(_PlainLoss):
    """Class of :func:`squared_hinge`."""

    function = staticmethod(squared_hinge)


class CategoricalHinge(_PlainLoss):
    """Class of :func:`categorical_hinge`."""

    function = staticmethod(categorical_hinge)


class KLDivergence(_PlainLoss):
    """Class of :func:`kl_divergence`."""

    function = staticmethod(kl_divergence)


class Poisson(_PlainLoss):
    """Class of :func:`poisson`."""

    function = staticmethod(poisson)


class CTC(_PlainLoss):
    """Class of :func:`ctc`."""

    function = staticmethod(ctc)


class CosineSimilarity(_FunctionLoss):
    """Class of :func:`cosine_similarity`."""

    function = staticmethod(cosine_similarity)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype, axis=axis)


class Huber(_FunctionLoss):
    """Class of :func:`huber`."""

    function = staticmethod(huber)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype, delta=delta)


class BinaryCrossentropy(_FunctionLoss):
    """Class of :func:`binary_crossentropy`."""

    function = staticmethod(binary_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, **options)


class BinaryFocalCrossentropy(_FunctionLoss):
    """Class of :func:`binary_focal_crossentropy`."""

    function = staticmethod(binary_focal_crossentropy)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        focal = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        super().__init__(reduction, name, dtype, **options, **focal)


class CategoricalCrossentropy(_FunctionLoss):
    """Class of :func:`categorical_crossentropy`."""

    function = staticmethod(categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, **options)


class CategoricalFocalCrossentropy(_FunctionLoss):
    """Class of :func:`categorical_focal_crossentropy`."""

    function = staticmethod(categorical_focal_crossentropy)

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, alpha=alpha, gamma=gamma, **options)


class SparseCategoricalCrossentropy(_FunctionLoss):
    """Class of :func:`sparse_categorical_crossentropy`; a mean counts what is not ignored."""

    function = staticmethod(sparse_categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(reduction, name, dtype, **options)

    def mask(self, y_true: Tensor, losses: Tensor) -> Tensor | None:
        ignored = self.options["ignore_class"]
        return None if ignored is None else y_true.ne(ignored).reshape(losses.shape)


class CategoricalGeneralizedCrossEntropy(_FunctionLoss):
    """Class of :func:`categorical_generalized_cross_entropy`."""

    function = staticmethod(categorical_generalized_cross_entropy)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be in (0, 1), got {q}")
        super().__init__(reduction, name, dtype, q=q)


class Dice(_FunctionLoss):
    """Class of :func:`dice`."""

    function = staticmethod(dice)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Axis = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype, axis=axis)


class Tversky(_FunctionLoss):
    """Class of :func:`tversky`."""

    function = staticmethod(tversky)

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Axis = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(_FunctionLoss):
    """Class of :func:`circle`; samples without loss do not count in a mean."""

    function = staticmethod(circle)

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        options = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(reduction, name, dtype, **options)

    def mask(self, y_true: Tensor, losses: Tensor) -> Tensor | None:
        return losses > 0
