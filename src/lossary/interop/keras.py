"""KerasLoss: a loss of this library in Keras 3, on its torch backend."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import torch
from torch import Tensor

from ..base import LossBase
from ..compose import WeightedSum
from ..lookup import NotFoundError, find
from ..parts import Parts
from ..reduction import fit_weight
from ..signature import Operand

# with any other backend nothing here could work, and Keras takes TensorFlow unless told
if "keras" not in sys.modules:
    os.environ.setdefault("KERAS_BACKEND", "torch")
try:
    import keras
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f'this needs {missing.name}: pip install "lossary[keras]"', name=missing.name
    ) from missing


@keras.saving.register_keras_serializable(package="lossary")
class KerasLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras ships no types
    """A loss for ``model.compile``: called as ``loss(y_true, y_pred, sample_weight)``.

    It gives one loss per sample, as those of Keras do: the mean over the last axis of a loss that
    has one for each element. ``y_true`` may have or lack a last axis of size 1, and class indices
    may come as floating-point numbers. What has no sample weight, is masked by a layer, or has the
    label ``ignore_index`` contributes nothing, even if it is nan.

    The reductions are those of Keras: ``"sum"``; ``"sum_over_batch_size"`` and ``"mean"``, which
    divide by how many losses there are, masked ones and ignored labels left out, and not by the
    weights; ``"mean_with_sample_weight"``, which divides by the weights, class weights of the
    loss included: that is the mean of this library; and None.

    Args:
        loss: a module of this library or a :class:`~lossary.LossBase` that takes two tensors; or a
            :class:`~lossary.WeightedSum` of some with fixed coefficients, each reduced by itself.
        reduction: see above.
        axis: where ``y_pred`` has the classes or features, of losses that want them second.
        name: as for every loss of Keras; the name of the class by default.
        dtype: what the loss is computed in, ``keras.config.floatx()`` by default.

    Raises:
        TypeError: if ``loss`` is something else, or takes more or fewer than two tensors.
        ValueError: if it has parameters, which Keras would not train, or a reduction of its own;
            or if the backend is not torch.
    """

    def __init__(
        self,
        loss: LossBase | WeightedSum,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if keras.backend.backend() != "torch":
            raise ValueError(
                f"KerasLoss needs the torch backend, got {keras.backend.backend()!r}: set "
                "KERAS_BACKEND=torch in the environment before Keras is imported"
            )
        _check(loss)
        super().__init__(name=name or type(loss).__name__, reduction=reduction, dtype=dtype)
        self.loss = loss
        self.axis = axis

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the reduced loss.

        Unlike Keras, it leaves class indices as they are, and gives weights to the loss, which
        alone can keep nan out of the gradient.
        """
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = keras.ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true = keras.ops.convert_to_tensor(y_true)
        weight = None
        if sample_weight is not None:
            weight = keras.ops.convert_to_tensor(sample_weight, dtype=self.dtype)
        if mask is not None:
            mask = keras.ops.convert_to_tensor(mask, dtype="bool")
        if not isinstance(self.loss, WeightedSum):
            return self._reduced(self.loss, y_true, y_pred, weight, mask)
        found = {
            name: self._reduced(_base(each), y_true, y_pred, weight, mask)
            for name, each in self.loss.losses.items()
        }
        return self.loss.total(found)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one loss per sample, unweighted."""
        if isinstance(self.loss, WeightedSum):
            each = {n: self._each(_base(e), y_true, y_pred) for n, e in self.loss.losses.items()}
            return self.loss.total(each)
        return self._each(self.loss, y_true, y_pred)

    def _each(
        self, loss: LossBase, y_true: Tensor, y_pred: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return one weighted loss per sample."""
        x, y = _admitted(loss, y_true, y_pred, self.axis)
        units = loss.reduced(x, y, weight=weight, reduction="none")
        return units.mean(-1) if _elementwise(loss) and units.ndim > 1 else units

    def _reduced(
        self,
        loss: LossBase,
        y_true: Tensor,
        y_pred: Tensor,
        weight: Tensor | None,
        mask: Tensor | None,
    ) -> Tensor:
        x, y = _admitted(loss, y_true, y_pred, self.axis)
        folded = _elementwise(loss) and x.ndim > 1
        shape = x.shape[:-1] if folded else _units_shape(loss, x, y)
        taking_part = None if mask is None else _fitted("the mask", mask, shape)
        if weight is not None:
            weight = _fitted("sample_weight", weight, shape)
        if taking_part is not None:
            weight = taking_part.to(x.dtype) if weight is None else weight * taking_part
        units_weight = weight.unsqueeze(-1) if folded and weight is not None else weight
        if self.reduction == "mean_with_sample_weight":
            pair = loss.reduced(x, y, weight=units_weight, reduction="parts")
            return Parts(pair[0], pair[1]).mean().to(x.dtype)
        units = self._each(loss, y_true, y_pred, units_weight)
        if self.reduction in (None, "none"):
            return units
        total = units.sum()
        if self.reduction == "sum":
            return total
        ignored = getattr(loss, "ignore_index", None)
        if ignored is not None and y.shape == shape and not y.is_floating_point():
            known = y != ignored
            taking_part = known if taking_part is None else taking_part & known
        count = total.new_tensor(math.prod(shape)) if taking_part is None else taking_part.sum()
        return Parts(total, count).mean()

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes the loss of: names and numbers alone."""
        return {**super().get_config(), "axis": self.axis, "loss": _config(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KerasLoss:
        """Make the loss of a config; nothing in it is executed or imported."""
        return cls(**{**config, "loss": _loss(config["loss"])})


def _base(loss: object) -> LossBase:
    """Return what can be a loss here, or raise TypeError."""
    if not isinstance(loss, LossBase):
        raise TypeError(
            "KerasLoss takes a module of this library, such as lossary.FocalLoss(), a LossBase, or "
            f"a WeightedSum of some, got {loss!r}"
        )
    return loss


def _check(loss: object) -> None:
    """Raise unless Keras can use a loss."""
    each = [loss]
    if isinstance(loss, WeightedSum):
        if type(loss) is not WeightedSum or any(map(callable, loss.coefficients.values())):
            raise TypeError(
                f"KerasLoss takes sums of fixed coefficients, got {loss!r}: Keras neither learns "
                "coefficients nor tells the loss the step"
            )
        each = list(loss.losses.values())
    for one in map(_base, each):
        name = type(one).__name__
        if next(one.parameters(), None) is not None:
            raise ValueError(
                f"{name} has parameters, and Keras trains those of layers alone: compute the loss "
                "in a layer, with add_loss, or train with lossary.train.Model"
            )
        if one.signature is not None and len(one.signature.operands) != 2:
            raise TypeError(
                f"Keras gives a loss y_true and y_pred, but {name} takes "
                f"{len(one.signature.operands)} tensors: {', '.join(one.signature.names)}"
            )
        if one.reduction != "mean":
            raise ValueError(
                f"{name} has reduction={one.reduction!r}: give it to KerasLoss, "
                "whose reductions are those of Keras"
            )


def _elementwise(loss: LossBase) -> bool:
    """Whether there is one loss for each element, of which Keras takes the mean of each sample."""
    if loss.signature is None:
        return False
    (first, *_), _ = loss.signature.operands
    return loss.signature.unit == ("*",) and first.dims == ("*",)


def _admitted(loss: LossBase, y_true: Tensor, y_pred: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return prediction and target in the order, axes and dtypes of this library."""
    if loss.signature is None:
        return y_pred, _leveled(y_true, y_pred.ndim)
    (first, *_), alternatives = loss.signature.operands
    lower = [o for o in alternatives if len(o.dims) < len(first.dims)]
    if lower:  # class indices, one for each prediction; else as many numbers
        sparse = y_true.ndim < y_pred.ndim or (y_true.shape[-1] == 1 != y_pred.shape[axis])
        if sparse or len(lower) == len(alternatives):
            fewer = len(first.dims) - len(lower[0].dims)
            y_true = _leveled(y_true, y_pred.ndim - fewer)
            return _moved(y_pred, first, axis), _whole(y_true, lower[0], loss)
    target = next((o for o in alternatives if o not in lower), alternatives[0])
    y_true = _whole(_leveled(y_true, y_pred.ndim), target, loss)
    if not target.whole and not y_true.is_floating_point():
        y_true = y_true.to(y_pred.dtype)  # as class indices would be taken for such
    return _moved(y_pred, first, axis), _moved(y_true, target, axis)


def _moved(tensor: Tensor, operand: Operand, axis: int) -> Tensor:
    """Bring the classes, which Keras has last, to where this library has them."""
    second = len(operand.dims) == 3 and operand.dims[0] == "N" and operand.dims[2] == "*"
    return tensor.movedim(axis, 1) if second and tensor.ndim > 1 else tensor


def _leveled(y_true: Tensor, dims: int) -> Tensor:
    """Add or drop a last axis of size 1, as Keras does."""
    if y_true.ndim == dims + 1 and y_true.shape[-1] == 1:
        return y_true.squeeze(-1)
    return y_true.unsqueeze(-1) if y_true.ndim == dims - 1 else y_true


def _whole(y_true: Tensor, operand: Operand, loss: LossBase) -> Tensor:
    """Return whole numbers as integers, which Keras may have made floating-point."""
    if not operand.whole or not y_true.is_floating_point():
        return y_true
    if y_true.device.type == "cpu" and not (y_true == y_true.round()).all():
        raise ValueError(
            f"{type(loss).__name__}: y_true must hold whole numbers, got {y_true.dtype} with others"
        )
    return y_true.long()


def _units_shape(loss: LossBase, x: Tensor, y: Tensor) -> torch.Size:
    """Return the shape of the losses, from the signature where there is one."""
    if loss.signature is None:
        with torch.no_grad():
            return loss.reduced(x, y, reduction="none").shape
    return loss.signature.unit_shape(loss.signature.match((x, y), {}).sizes)


def _fitted(what: str, weight: Tensor, shape: torch.Size) -> Tensor:
    """Return weights in the shape of the losses."""
    weight = _leveled(weight, len(shape))
    while weight.ndim < len(shape):  # one for each sample
        weight = weight.unsqueeze(-1)
    try:
        return fit_weight(weight, shape)
    except ValueError:
        raise ValueError(
            f"KerasLoss: {what} must have the shape of the losses, {tuple(shape)}, or their first "
            f"dimensions, got {tuple(weight.shape)}"
        ) from None


def _config(loss: object) -> dict[str, Any]:
    if isinstance(loss, WeightedSum):
        losses = {name: _config(each) for name, each in loss.losses.items()}
        return {"losses": losses, "coefficients": dict(loss.coefficients)}
    base = _base(loss)
    given = {n: _plain(type(base).__name__, n, getattr(base, n)) for n in base.hyperparameters}
    try:
        known = find(type(base).__name__).module is type(base)
    except NotFoundError:
        known = False
    name = type(base).__name__ if known else keras.saving.get_registered_name(type(base))
    return {"class": name, "arguments": given}


def _plain(loss: str, name: str, value: object) -> Any:
    """Return a hyperparameter as JSON has it."""
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return {"tensor": value.tolist(), "dtype": dtype}
    if isinstance(value, tuple | list):
        return [_plain(loss, name, each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{loss}.{name} cannot be saved in a config, it is a {type(value).__name__}: save the "
        "weights of the model alone, with model.save_weights"
    )


def _loss(config: dict[str, Any]) -> LossBase | WeightedSum:
    if "losses" in config:
        losses = {name: _loss(each) for name, each in config["losses"].items()}
        return WeightedSum(losses, config["coefficients"])
    name = config["class"]
    given = {key: _restored(value) for key, value in config["arguments"].items()}
    made = keras.saving.get_registered_object(name)
    if made is None:
        try:
            made = find(name).module
        except NotFoundError as unknown:
            raise ValueError(
                f"{name} is no loss of this library: give your own class as custom_objects="
                f"{{{name!r}: ...}} when loading, or load with compile=False"
            ) from unknown
    if not (isinstance(made, type) and issubclass(made, LossBase)):
        raise TypeError(f"{name} is registered as {made!r}, which is no LossBase")
    return made(**given)


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        dtype = getattr(torch, value["dtype"], None)
        if not isinstance(dtype, torch.dtype):
            raise ValueError(f"{value['dtype']!r} is no dtype")
        return torch.tensor(value["tensor"], dtype=dtype)
    return tuple(map(_restored, value)) if isinstance(value, list) else value
