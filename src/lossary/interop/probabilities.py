"""Probabilities: what the outputs of a network say, by the loss that it was trained with."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..spec import LossSpec, Trait
from .coding import coding_of, name_of, operands_of, spec_of

NO_PROBABILITIES = "has no probabilities: "


def softmax(output: Tensor) -> Tensor:
    """Return softmax over the classes."""
    return output.softmax(1)


def as_it_is(output: Tensor) -> Tensor:
    """Return what is a probability already."""
    return output


def _twice(score: Tensor) -> Tensor:
    return torch.sigmoid(2 * score)


def _clipped(score: Tensor) -> Tensor:
    return (score.clamp(-1, 1) + 1) / 2


def _tangent(score: Tensor) -> Tensor:
    return (torch.atan(score) + 0.5).clamp(0, 1)


def _evidence(output: Tensor) -> Tensor:
    return (output + 1) / (output + 1).sum(1, keepdim=True)


def _passed(probability: Tensor) -> Tensor:
    """Turn the probabilities to pass each threshold into those of the classes between them."""
    ends = probability.narrow(1, 0, 1)
    above = torch.cat([torch.ones_like(ends), probability, torch.zeros_like(ends)], 1)
    between = (above[:, :-1] - above[:, 1:]).clamp(min=0)
    return between / between.sum(1, keepdim=True)


def _entmax(loss: Any, output: Tensor) -> Tensor:
    """Return the mapping behind an entmax loss: the slope of the loss is mapping less label."""
    spec = spec_of(loss)
    assert spec is not None
    with torch.enable_grad():
        free = output.detach().requires_grad_()
        label = torch.zeros_like(free[:, 0], dtype=torch.int64)
        options = {n: _option(loss, n) for n in spec.signature.intervals}
        cost = spec.function(free, label, **options, reduction="sum")
        (slope,) = torch.autograd.grad(cost, free)
    slope[:, 0] += 1
    return slope.clamp(0, 1)


def _of_one_length(loss: Any, output: Tensor) -> Tensor:
    temperature: float = _option(loss, "temperature")
    return (F.normalize(output, dim=1) / temperature).softmax(1)


def _option(loss: Any, name: str) -> Any:
    """Return a hyperparameter of a Module, or the default of its class or function."""
    spec = spec_of(loss)
    assert spec is not None
    default = inspect.signature(spec.function).parameters[name].default
    return getattr(loss, name, default) if isinstance(loss, nn.Module) else default


def _independent(output: Tensor) -> Tensor:
    return _passed(torch.sigmoid(output))


def _conditional(output: Tensor) -> Tensor:
    return _passed(torch.sigmoid(output).cumprod(1))


# Where the signature does not say it. For a margin loss it is the share of label 1 at which a
# score is best: for the exponential and the savage loss the score is half of the log odds.
LINKS: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic_loss": torch.sigmoid,
    "exponential_loss": _twice,
    "savage_loss": _twice,
    "squared_hinge_loss": _clipped,
    "modified_huber_loss": _clipped,
    "tangent_loss": _tangent,
    "multi_positive_cross_entropy_loss": softmax,
    "evidential_loss": _evidence,
    "coral_loss": _independent,
    "corn_loss": _conditional,
}

_BY_LOSS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "entmax_loss": _entmax,
    "entmax15_loss": _entmax,
    "sparsemax_loss": _entmax,
    "logit_norm_loss": _of_one_length,
}

# Why the outputs of these are scores, where neither signature nor family tells.
_SCORES = "it orders the classes by scores, and no score stands for a probability"
NONE: dict[str, str] = {
    "ordinal_hinge_loss": _SCORES,
    "zero_one_loss": "it is a metric and trains nothing",
    "auc_margin_loss": "it compares scores: they have an order, and no place for one half",
    "lovasz_hinge_loss": "the sign of a score is the class, and its size says nothing",
    "zlpr_loss": "its scores lie above or below zero, and their size says nothing",
    "multi_label_margin_loss": _SCORES,
    "nnpu_loss": "the sign of the score is the class, and its size says nothing",
    "pu_loss": "the sign of the score is the class, and its size says nothing",
}


class Probabilities:
    """Turn the outputs of a network into probabilities, as the loss that trained it means them.

    Softmax for losses of logits and class indices, the sigmoid for those of logits and 0 or 1,
    nothing for those of probabilities, ``exp`` for those of their logarithms. Entmax losses have
    their own mapping, and margin losses that estimate probabilities theirs.

    Called with outputs of shape (N,), it returns two columns, of class 0 and of class 1, as
    scikit-learn wants them; else the shape stays.

    >>> Probabilities(lossary.FocalLoss())(torch.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    >>> Probabilities(lossary.exponential_loss)(torch.tensor([0.0]))
    tensor([[0.5000, 0.5000]])
    >>> Probabilities(lossary.hinge_loss)
    Traceback (most recent call last):
    ValueError: hinge_loss has no probabilities: ...

    Args:
        loss: a loss function of the library, a Module, its class, or a
            :class:`~lossary.LossBase` of your own that declares what it ``takes``.

    Raises:
        ValueError: if its outputs are no probabilities and cannot be made into some.
    """

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.link = self._link()

    def __call__(self, output: Tensor) -> Tensor:
        """Return the probabilities of ``output``."""
        found = self.link(output)
        return torch.stack([1 - found, found], 1) if found.ndim == 1 else found

    def _link(self) -> Callable[[Tensor], Tensor]:
        name, spec = name_of(self.loss), spec_of(self.loss)
        if spec is not None and spec.name in LINKS:
            return LINKS[spec.name]
        if why := self._why_not(spec):
            raise ValueError(f"{name} {NO_PROBABILITIES}{why}")
        operands = operands_of(self.loss)
        assert operands is not None
        first = operands[0][0]
        if first.domain in ("prob", "logprob"):
            return as_it_is if first.domain == "prob" else torch.exp
        if spec is not None and spec.name in _BY_LOSS:
            return functools.partial(_BY_LOSS[spec.name], self.loss)
        return softmax if coding_of(self.loss) == "label" else torch.sigmoid

    def _why_not(self, spec: LossSpec | None) -> str | None:
        """Return why there are no probabilities, or None if there are."""
        operands = operands_of(self.loss)
        if operands is None:
            return (
                "it does not say what it takes; write takes = 'real N C, label N -> N' into the "
                "class for softmax, or 'real N, prob N -> N' for the sigmoid"
            )
        if len(operands) != 2:
            return "it takes more than one output and one target"
        first, coding = operands[0][0], coding_of(self.loss)
        if coding == "number":
            return "it is a loss of numbers"
        if spec is not None and spec.name in NONE:
            return NONE[spec.name]
        if first.domain not in ("real", "prob", "logprob"):
            return f"it takes {str(first)!r}, neither logits nor probabilities"
        if coding == "label" and "C" not in first.dims:
            return "its outputs are embeddings or scores, not one logit per class"
        if coding == "label" and spec is not None and spec.family == "margin":
            return _SCORES
        if coding == "sign":
            return "it is a margin loss: the sign of a score is the class, its size says nothing"
        if coding == "zero_one" and first.domain == "real" and spec is not None:
            if Trait.SHIFT_INVARIANT in spec.traits:
                return "it compares scores: they have an order, and no place for one half"
            if spec.family not in ("binary", "classification", "segmentation"):
                return "its outputs are compared with the target as they are"
        return None
