"""The criteria of ``torch.nn``: its names, arguments, defaults, reductions and numbers.

``import lossary.migrate.torch as nn`` is a drop-in. The criteria are subclasses of torch's, so
constructors, legacy arguments and ``isinstance`` are torch's; what they compute comes from the
losses of Lossary, checked as these are, and is reduced as torch reduces it. The functions of
``torch.nn.functional`` are here by their names too. Every other name is torch's own.

Where torch gives a number, this module gives the same, or an error that says what is wrong:

- Shapes that torch broadcasts, with a warning or silently, are errors; so are labels,
  probabilities, log-probabilities, variances and weights outside their domain. The latter are not
  looked at under ``lossary.validation("shapes")``.
- A class that is listed twice for :class:`MultiLabelMarginLoss` is an error.
- :class:`CTCLoss` gives an error where torch gives infinity. A blank among the labels is an error.
  The gradient of the log-probabilities is that of the formula, where torch's kernel gives the one
  of the logits before the log-softmax; beyond a log-softmax both are the same.
- The functions do not take the ``weight`` that torch 2.13 added to ``l1_loss``, ``mse_loss`` and
  ``huber_loss``. :func:`gaussian_nll_loss` takes its options by name.

Numbers differ only here, nearly always for a finite one or a more exact one:

- the dtype of the result is that of the first tensor, also with a target of a wider one, and half
  precision is computed in single precision;
- :class:`CrossEntropyLoss` with probabilities or smoothing and a logit of -inf: torch gives nan or
  infinity;
- :class:`SoftMarginLoss` beyond -88, where torch overflows in single precision;
- :class:`PoissonNLLLoss` of log-rates above 64, where the exponential goes on as a line;
- :class:`KLDivLoss`: the gradient of a target of 0 is 0, where torch gives nan, and a
  log-target of -inf costs nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import lossary


def _reduced(units: Tensor, reduction: str, count: Tensor | None = None) -> Tensor:
    """Reduce as torch does: the mean of nothing is nan, and ``count`` may be another divisor."""
    if reduction == "none":
        return units
    if reduction == "sum":
        return units.sum()
    if reduction == "mean":
        return units.mean() if count is None else units.sum() / count
    raise ValueError(f"reduction must be 'none', 'mean' or 'sum', got {reduction!r}")


def _weighed(units: Tensor, weight: Tensor | None) -> Tensor:
    return units if weight is None else units * weight.expand_as(units)


def _labelled(
    loss: Callable[..., Tensor], input: Tensor, target: Tensor, **options: object
) -> Tensor:
    """Return the units of a loss of (N, C, ...), also for one sample without a batch."""
    if input.ndim != 1:
        return loss(input, target, **options, reduction="none")
    units = loss(input.unsqueeze(0), target.unsqueeze(0), **options, reduction="none")
    return units.squeeze(0)


def _label_weight(target: Tensor, class_weight: Tensor | None, ignore_index: int) -> Tensor:
    """Return the divisor of a mean over labels: the weights of those that are not ignored."""
    there = target != ignore_index
    if class_weight is None:
        return there.sum()
    return torch.where(there, class_weight[torch.where(there, target, 0)], 0.0).sum()


def _same_shape(name: str, first: Tensor, *others: Tensor) -> None:
    for other in others:
        if other.shape != first.shape:
            raise ValueError(
                f"{name}: all tensors must have one shape, got {tuple(first.shape)} and "
                f"{tuple(other.shape)}"
            )


class L1Loss(nn.L1Loss):
    """See :func:`~lossary.l1_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return _reduced(lossary.l1_loss(input, target, reduction="none"), self.reduction)


class MSELoss(nn.MSELoss):
    """See :func:`~lossary.mse_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return _reduced(lossary.mse_loss(input, target, reduction="none"), self.reduction)


class SmoothL1Loss(nn.SmoothL1Loss):
    """See :func:`~lossary.smooth_l1_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = lossary.smooth_l1_loss(input, target, beta=self.beta, reduction="none")
        return _reduced(units, self.reduction)


class HuberLoss(nn.HuberLoss):
    """See :func:`~lossary.huber_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = lossary.huber_loss(input, target, delta=self.delta, reduction="none")
        return _reduced(units, self.reduction)


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """See :func:`~lossary.cross_entropy`.

    ``weight`` is one number per class. Of class indices the mean divides by the weights of the
    classes, smoothed or not; of probabilities by the number of units, whatever the weights.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = _labelled(
            lossary.cross_entropy,
            input,
            target,
            class_weight=self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )
        if self.reduction != "mean" or target.is_floating_point():
            return _reduced(units, self.reduction)
        count = _label_weight(target, self.weight, self.ignore_index)
        return _reduced(units, self.reduction, count)


class NLLLoss(nn.NLLLoss):
    """See :func:`~lossary.nll_loss`; ``weight`` is one number per class."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        options = {"class_weight": self.weight, "ignore_index": self.ignore_index}
        units = _labelled(lossary.nll_loss, input, target, **options)
        if self.reduction != "mean":
            return _reduced(units, self.reduction)
        count = _label_weight(target, self.weight, self.ignore_index)
        return _reduced(units, self.reduction, count)


class BCELoss(nn.BCELoss):
    """See :func:`~lossary.binary_cross_entropy`; the mean does not divide by ``weight``."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = lossary.binary_cross_entropy(input, target, reduction="none")
        return _reduced(_weighed(units, self.weight), self.reduction)


class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    """See :func:`~lossary.binary_cross_entropy_with_logits`; the mean does not divide by
    ``weight``.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = lossary.binary_cross_entropy_with_logits(
            input, target, pos_weight=self.pos_weight, reduction="none"
        )
        return _reduced(_weighed(units, self.weight), self.reduction)


class MultiLabelSoftMarginLoss(nn.MultiLabelSoftMarginLoss):
    """See :func:`~lossary.multi_label_soft_margin_loss`; ``weight`` is one number per class."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        # from the loss of each label, because the weights are of labels
        units = lossary.binary_cross_entropy_with_logits(input, target, reduction="none")
        return _reduced(_weighed(units, self.weight).mean(-1), self.reduction)


class MultiLabelMarginLoss(nn.MultiLabelMarginLoss):
    """See :func:`~lossary.multi_label_margin_loss`; the target lists classes up to the first
    negative number.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        _same_shape("multilabel_margin_loss", input, target)
        listed = (target < 0).cumsum(-1) == 0
        absent = input.new_zeros(target.shape)
        present = absent.scatter_reduce(
            -1, target.clamp(min=0).long(), listed.to(input.dtype), "sum"
        )
        units = _labelled(lossary.multi_label_margin_loss, input, present)
        return _reduced(units, self.reduction)


class MultiMarginLoss(nn.MultiMarginLoss):
    """See :func:`~lossary.multi_margin_loss`; ``weight`` is one number per class, and the mean
    does not divide by it.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = _labelled(
            lossary.multi_margin_loss,
            input,
            target,
            p=self.p,
            margin=self.margin,
            class_weight=self.weight,
            ignore_index=torch.iinfo(torch.int64).min,  # torch's has none
        )
        return _reduced(units, self.reduction)


class SoftMarginLoss(nn.SoftMarginLoss):
    """See :func:`~lossary.logistic_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return _reduced(lossary.logistic_loss(input, target, reduction="none"), self.reduction)


class HingeEmbeddingLoss(nn.HingeEmbeddingLoss):
    """See :func:`~lossary.hinge_embedding_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        units = lossary.hinge_embedding_loss(input, target, margin=self.margin, reduction="none")
        return _reduced(units, self.reduction)


class MarginRankingLoss(nn.MarginRankingLoss):
    """See :func:`~lossary.margin_ranking_loss`."""

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        units = lossary.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction="none"
        )
        return _reduced(units, self.reduction)


_ADDED = torch.tensor(1e-12, dtype=torch.float32).item()  # torch's kernel holds it so


class CosineEmbeddingLoss(nn.CosineEmbeddingLoss):
    """See :func:`~lossary.cosine_embedding_loss`; as in torch, 1e-12 is added to the squares of
    the lengths.
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        # one more coordinate each, in which the other is 0, lengthens and leaves the product
        more = input1.new_full((*input1.shape[:-1], 1), _ADDED**0.5)
        first = torch.cat([input1, more, 0 * more], -1)
        second = torch.cat([input2, 0 * more, more], -1)
        if input1.ndim == 1:
            first, second, target = first.unsqueeze(0), second.unsqueeze(0), target.unsqueeze(0)
        units = lossary.cosine_embedding_loss(
            first, second, target, margin=self.margin, reduction="none"
        )
        return _reduced(units.squeeze(0) if input1.ndim == 1 else units, self.reduction)


class TripletMarginLoss(nn.TripletMarginLoss):
    """The triplet margin loss with torch's distance, any norm of ``difference + eps``."""

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        distance = nn.PairwiseDistance(self.p, self.eps)
        units = _triplet(distance, anchor, positive, negative, self.margin, self.swap)
        return _reduced(units, self.reduction)


class TripletMarginWithDistanceLoss(nn.TripletMarginWithDistanceLoss):
    """The triplet margin loss with a distance of your own."""

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        distance = self.distance_function or nn.PairwiseDistance()
        units = _triplet(distance, anchor, positive, negative, self.margin, self.swap)
        return _reduced(units, self.reduction)


def _triplet(
    distance: Callable[[Tensor, Tensor], Tensor],
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float,
    swap: bool,
) -> Tensor:
    _same_shape("triplet_margin_loss", anchor, positive, negative)
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return lossary.margin_ranking_loss(
        far, near, torch.ones_like(near), margin=margin, reduction="none"
    )


class PoissonNLLLoss(nn.PoissonNLLLoss):
    """See :func:`~lossary.poisson_nll_loss` and :func:`~lossary.poisson_rate_nll_loss`."""

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        if self.log_input:
            units = lossary.poisson_nll_loss(log_input, target, full=self.full, reduction="none")
        else:
            units = lossary.poisson_rate_nll_loss(
                log_input, target, full=self.full, eps=self.eps, reduction="none"
            )
        return _reduced(units, self.reduction)


class GaussianNLLLoss(nn.GaussianNLLLoss):
    """See :func:`~lossary.gaussian_nll_loss`.

    As in torch, a variance below ``eps`` counts as ``eps`` and keeps its gradient; it may be a
    number, or lack the last dimension or have size 1 there.
    """

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        if not isinstance(var, Tensor):
            var = torch.full_like(input, var)
        if input.ndim and var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        if var.shape[:-1] == input.shape[:-1] and var.shape[-1:] == (1,):
            var = var.expand_as(input)
        # eps with the gradient of the variance, and a smaller eps for the loss, which has none
        held = torch.where(var < self.eps, var - var.detach() + self.eps, var)
        held = torch.where(var < 0, var, held)  # which is an error
        units = lossary.gaussian_nll_loss(
            input, target, held, full=self.full, eps=self.eps / 2, reduction="none"
        )
        return _reduced(units, self.reduction)


class KLDivLoss(nn.KLDivLoss):
    """See :func:`~lossary.kl_divergence`.

    As in torch there is one unit per class, so ``"mean"`` divides by the number of classes too;
    ``"batchmean"`` is the divergence.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        _same_shape("kl_div", input, target)
        q = target.exp() if self.log_target else target
        terms = lossary.kl_divergence(input.reshape(-1, 1), q.reshape(-1, 1), reduction="none")
        if self.reduction == "batchmean":
            return terms.sum() / input.shape[0]
        return _reduced(terms.reshape(input.shape), self.reduction)


Lengths = Tensor | Sequence[int]


class CTCLoss(nn.CTCLoss):
    """See :func:`~lossary.ctc_nll_loss`; here time comes first, and labels may be concatenated.

    The mean is that of the losses divided by the lengths of their targets.
    """

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths
    ) -> Tensor:
        device, single = log_probs.device, log_probs.ndim == 2
        frames = torch.as_tensor(input_lengths, device=device).reshape(-1)
        labels = torch.as_tensor(target_lengths, device=device).reshape(-1)
        if targets.ndim == 1:
            each = targets.split([targets.numel()] if single else labels.tolist())
            targets = nn.utils.rnn.pad_sequence(each, batch_first=True)
        units = lossary.ctc_nll_loss(
            log_probs.unsqueeze(0) if single else log_probs.transpose(0, 1),
            targets.to(device),
            frames,
            labels,
            blank=self.blank,
            infeasible="ignore" if self.zero_infinity else "raise",
            reduction="none",
        )
        if self.reduction == "mean":
            return (units / labels.clamp(min=1)).mean()
        return _reduced(units.squeeze(0) if single else units, self.reduction)


def _function(criterion: Callable[..., Any]) -> Callable[..., Tensor]:
    """Return the function of a criterion: its tensors, then what it is constructed with."""
    names = tuple(inspect.signature(criterion.forward).parameters)[1:]  # type: ignore[attr-defined]  # a class

    def function(*args: Any, **options: Any) -> Tensor:
        missing = names[len(args) :]
        if not options.keys() >= set(missing):
            raise TypeError(
                f"the tensors {', '.join(names)} are wanted, got {len(args)} and {[*options]}"
            )
        tensors = (*args[: len(names)], *(options.pop(name) for name in missing))
        found: Tensor = criterion(*args[len(names) :], **options)(*tensors)
        return found

    return function


l1_loss = _function(L1Loss)
mse_loss = _function(MSELoss)
smooth_l1_loss = _function(SmoothL1Loss)
huber_loss = _function(HuberLoss)
cross_entropy = _function(CrossEntropyLoss)
nll_loss = _function(NLLLoss)
binary_cross_entropy = _function(BCELoss)
binary_cross_entropy_with_logits = _function(BCEWithLogitsLoss)
multilabel_soft_margin_loss = _function(MultiLabelSoftMarginLoss)
multilabel_margin_loss = _function(MultiLabelMarginLoss)
multi_margin_loss = _function(MultiMarginLoss)
soft_margin_loss = _function(SoftMarginLoss)
hinge_embedding_loss = _function(HingeEmbeddingLoss)
margin_ranking_loss = _function(MarginRankingLoss)
cosine_embedding_loss = _function(CosineEmbeddingLoss)
triplet_margin_loss = _function(TripletMarginLoss)
triplet_margin_with_distance_loss = _function(TripletMarginWithDistanceLoss)
poisson_nll_loss = _function(PoissonNLLLoss)
gaussian_nll_loss = _function(GaussianNLLLoss)
kl_div = _function(KLDivLoss)
ctc_loss = _function(CTCLoss)


def __getattr__(name: str) -> Any:
    for module in (nn, nn.functional):
        if hasattr(module, name) and not name.startswith("_"):
            return getattr(module, name)
    raise AttributeError(f"neither torch.nn nor torch.nn.functional has {name!r}")
