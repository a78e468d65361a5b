# ruff: noqa: N803, N806 - X is scikit-learn's name for it, and may be given by name
"""skorch: the nets of skorch, and through them scikit-learn, with losses of this library.

``from lossary.interop.skorch import NeuralNetClassifier`` instead of ``from skorch import ...``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..base import LossBase
from ..compose import WeightedSum
from ..parts import NamedParts, Parts, parts
from ..signature import signature_of
from .coding import Coding, code, coding_of
from .probabilities import Probabilities as Probabilities

try:
    import numpy as np
    import skorch
    from skorch.callbacks import PassthroughScoring
    from skorch.utils import is_dataset, to_numpy, to_tensor
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'this needs {missing.name}: pip install "lossary[skorch]"', name=missing.name
    ) from missing

WEIGHT = "sample_weight"
PLAIN = ""  # where X lies beside its weights if it is no mapping: no argument has this name


class EpochLoss(PassthroughScoring):  # type: ignore[misc]  # skorch ships no type information
    """Record the exact mean of the loss over an epoch, whatever its batches weigh.

    The means of the batches, averaged by their sizes, give another number as soon as samples or
    classes have weights, or labels are ignored.

    Args:
        name: what the history calls it.
        on_train: whether it is that of the training samples.
    """

    def __init__(self, name: str, on_train: bool = False) -> None:
        super().__init__(name, on_train=on_train)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin anew."""
        self.sum_: Parts | NamedParts | None = None

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Add the parts of a batch."""
        if training == self.on_train and net.parts_ is not None:
            self.sum_ = net.parts_ if self.sum_ is None else _sum(self.sum_, net.parts_)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the mean; nothing is kept that a pickle would have to carry."""
        super().on_epoch_end(net, **kwargs)
        self.sum_ = net.parts_ = None

    def get_avg_score(self, history: Any) -> float:
        """Return the mean of the epoch."""
        if self.sum_ is None:
            return float(super().get_avg_score(history))
        return float(self.sum_.mean())


class _Net:
    """What the nets share: target coding, weights and parts."""

    criterion: Any
    criterion_: nn.Module
    device: Any
    parts_: Parts | NamedParts | None = None

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        net: Any = super()
        exact = {
            "train_loss": EpochLoss("train_loss", on_train=True),
            "valid_loss": EpochLoss("valid_loss"),
        }
        return [(name, exact.get(name, found)) for name, found in net._default_callbacks]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **fit_params: Any) -> Any:
        """Fit; ``sample_weight`` has one number per sample, as in scikit-learn."""
        net: Any = super()
        return net.fit(_with_weight(X, sample_weight), y, **fit_params)

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        classes: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Any:
        """Go on fitting; ``sample_weight`` has one number per sample."""
        net: Any = super()
        return net.partial_fit(_with_weight(X, sample_weight), y, classes=classes, **fit_params)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module, which sees nothing of the weights."""
        net: Any = super()
        if isinstance(x, Mapping):
            x = {key: value for key, value in x.items() if key != WEIGHT}
            x = x.get(PLAIN, x)
        return net.infer(x, **fit_params)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the loss of a batch, and keep its parts."""
        net: Any = super()
        loss = _plain(self.criterion_)
        weight = X.get(WEIGHT) if isinstance(X, Mapping) else None
        self.parts_ = None
        if not isinstance(loss, LossBase | WeightedSum):
            if weight is not None:
                raise TypeError(
                    f"{type(loss).__name__} takes no sample_weight: use a loss of lossary, or "
                    "subclass lossary.LossBase"
                )
            found: Tensor = net.get_loss(y_pred, y_true, X=X, training=training)
            return found
        input: Tensor = y_pred[0] if isinstance(y_pred, tuple) else y_pred
        target: Tensor = to_tensor(y_true, device=self.device)
        coding = _coding(loss, input, target)
        if coding == "sign" and bool((target < 0).any()):
            raise ValueError("y must hold the classes 0 and 1, which predict gives; got a -1")
        target = code(target, coding, input.dtype)
        if weight is not None:
            weight = to_tensor(weight, device=self.device).to(input.dtype)
            if "*" in getattr(signature_of(_first(loss)), "unit", ()):
                weight = weight.reshape(-1, *[1] * (target.ndim - 1))
        if getattr(loss, "reduction", "mean") != "mean":
            total: Tensor = loss(input, target, weight=weight)
            return total
        made = parts(loss, input, target, weight=weight)
        self.parts_ = _detached(made)
        return made.mean()


class _Classifier(_Net):
    """What the classifiers share: probabilities, where the loss has some."""

    predict_nonlinearity: Any
    threshold: float = 0.5

    @property
    def predict_proba(self) -> Callable[[Any], Any]:
        """Return the probabilities of the classes, one column for each.

        Raises:
            AttributeError: if the loss has none, so that ``hasattr`` tells, as in scikit-learn.
        """
        if self.predict_nonlinearity == "auto":
            try:
                self._probabilities()
            except ValueError as error:
                raise AttributeError(
                    f"{error}. predict and decision_function work; for probabilities calibrate "
                    "it (sklearn.calibration.CalibratedClassifierCV), or give "
                    "predict_nonlinearity=..."
                ) from error
        net: Any = super()
        made: Callable[[Any], Any] = net.predict_proba
        return made

    def decision_function(self, X: Any) -> Any:
        """Return the outputs of the module as they are: logits or scores."""
        net: Any = self
        outputs = [out[0] if isinstance(out, tuple) else out for out in net.forward_iter(X)]
        return np.concatenate([to_numpy(out) for out in outputs], 0)

    def predict(self, X: Any) -> Any:
        """Return the classes; of a loss without probabilities those of the largest scores."""
        net: Any = super()
        if hasattr(self, "predict_proba"):
            return net.predict(X)
        if self.threshold != 0.5:
            raise ValueError(
                f"threshold must be 0.5, got {self.threshold}: the loss has no probabilities to "
                "compare with it; compare those of decision_function with a threshold of scores"
            )
        scores = self.decision_function(X)
        return (scores > 0).astype("uint8") if scores.ndim == 1 else scores.argmax(1)

    def _probabilities(self) -> Probabilities | None:
        """Return the probabilities of the loss, or None if skorch is to say."""
        loss = _plain(getattr(self, "criterion_", self.criterion))
        kind = loss if isinstance(loss, type) else type(loss)
        if not issubclass(kind, LossBase | WeightedSum) or loss is WeightedSum:
            return None
        return Probabilities(_first(loss))

    def _get_predict_nonlinearity(self) -> Any:
        net: Any = super()
        found = net._get_predict_nonlinearity()  # which says if the net is not fitted
        if self.predict_nonlinearity != "auto":
            return found
        return self._probabilities() or found


class NeuralNetClassifier(_Classifier, skorch.NeuralNetClassifier):  # type: ignore[misc]  # skorch ships no type information
    """skorch's net for classes ``0`` to ``C - 1``, made for the losses of this library.

    It takes the arguments of :class:`skorch.NeuralNetClassifier`. The module gives logits of shape
    (N, C), or whatever the loss takes. What is different: ``predict_proba`` gives probabilities
    with every loss that has some (skorch knows those of torch alone), and is absent, with the
    reason, where the loss has none; ``fit`` takes ``sample_weight``; the losses in the history are
    exact means; the target is given as the loss takes it.
    """


class NeuralNetBinaryClassifier(_Classifier, skorch.NeuralNetBinaryClassifier):  # type: ignore[misc]  # skorch ships no type information
    """skorch's net for the classes 0 and 1 and one output; see :class:`NeuralNetClassifier`.

    Losses of labels -1 and 1 are given those.
    """


class NeuralNetRegressor(_Net, skorch.NeuralNetRegressor):  # type: ignore[misc]  # skorch ships no type information
    """skorch's net for numbers; see :class:`NeuralNetClassifier`.

    The module's output has the shape of ``y``: for ``y`` of shape (N,) it ends in
    ``torch.nn.Flatten(0)``.
    """


def _with_weight(X: Any, weight: Any) -> Any:
    """Put weights beside X, so that they are split and batched with it."""
    if weight is None:
        return X
    if is_dataset(X):
        raise TypeError(
            f"sample_weight does not go with a Dataset: let its X be dicts with {WEIGHT!r} in them"
        )
    if hasattr(X, "toarray"):
        raise TypeError("sample_weight does not go with a sparse X: give X.toarray()")
    weight = np.asarray(to_numpy(weight) if isinstance(weight, Tensor) else weight)
    if hasattr(X, "iloc"):  # skorch makes the columns of a data frame the arguments of the module
        X = {name: X[name].to_numpy(copy=True).reshape(-1, 1) for name in X}
    inputs = dict(X) if isinstance(X, Mapping) else {PLAIN: X}
    rows = len(next(iter(inputs.values()))) if not hasattr(X, "shape") else X.shape[0]
    if weight.shape != (rows,):
        raise ValueError(f"sample_weight must have shape ({rows},), got {weight.shape}")
    return {**inputs, WEIGHT: weight}


def _plain(loss: Any) -> Any:
    """Return what torch.compile wraps."""
    return getattr(loss, "_orig_mod", loss)


def _first(loss: Any) -> Any:
    """Return a loss, or the first of a sum: all of them take the same tensors."""
    return next(iter(loss.losses.values())) if isinstance(loss, WeightedSum) else loss


def _coding(loss: Any, input: Tensor, target: Tensor) -> Coding:
    """Return how a loss takes the target; of one without a signature the shapes tell."""
    found = coding_of(_first(loss))
    return found or ("label" if input.ndim == target.ndim + 1 else "number")


def _detached(found: Parts | NamedParts) -> Parts | NamedParts:
    if isinstance(found, Parts):
        return Parts(found.total.detach(), found.weight.detach())
    named = {n: Parts(p.total.detach(), p.weight.detach()) for n, p in found.named.items()}
    return NamedParts(named, found.loss)


def _sum(first: Any, second: Any) -> Any:
    """Add parts of one kind; a net has one criterion, so both have it."""
    with torch.no_grad():
        return first + second
