"""The tests of Keras, in a process of their own; run by test_keras.py.

What Keras computes on is chosen once, when it is imported.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import lossary

# what Keras 3.15 and NumPy 2 say to each other where Keras returns arrays of tensors
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", None, "none"]


@pytest.fixture(scope="module")
def keras():
    import keras

    assert keras.backend.backend() == "torch"
    return keras


@pytest.fixture(scope="module")
def KerasLoss(keras):
    from lossary.interop.keras import KerasLoss

    return KerasLoss


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def labels(*shape: int, classes: int = 4) -> torch.Tensor:
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(1))


def equal(found, wanted) -> None:
    torch.testing.assert_close(found, wanted, rtol=2e-6, atol=1e-6)


CASES = {  # ours, Keras's own, y_true, y_pred
    "mse": (lossary.MSELoss, "MeanSquaredError", drawn(6, 3), drawn(6, 3) + 1),
    "mse of one output": (lossary.MSELoss, "MeanSquaredError", drawn(6), drawn(6, 1) + 1),
    "mse over time": (lossary.MSELoss, "MeanSquaredError", drawn(6, 5, 3), drawn(6, 5, 3) + 1),
    "l1": (lossary.L1Loss, "MeanAbsoluteError", drawn(6, 3), drawn(6, 3) + 1),
    "log cosh": (lossary.LogCoshLoss, "LogCosh", drawn(6, 3), drawn(6, 3) + 1),
    "labels": (lossary.CrossEntropyLoss, "sparse", labels(6), drawn(6, 4)),
    "floating labels": (lossary.CrossEntropyLoss, "sparse", labels(6).float(), drawn(6, 4)),
    "a column of labels": (lossary.CrossEntropyLoss, "sparse", labels(6, 1), drawn(6, 4)),
    "labels over time": (lossary.CrossEntropyLoss, "sparse", labels(6, 5), drawn(6, 5, 4)),
    "shares": (lossary.CrossEntropyLoss, "shares", drawn(6, 4).softmax(1), drawn(6, 4)),
    "one-hot": (
        lossary.CrossEntropyLoss,
        "shares",
        torch.nn.functional.one_hot(labels(6, 5), 4),
        drawn(6, 5, 4),
    ),
    "binary": (lossary.BCEWithLogitsLoss, "binary", labels(6, classes=2), drawn(6, 1)),
    "several binary": (
        lossary.BCEWithLogitsLoss,
        "binary",
        labels(6, 3, classes=2),
        drawn(6, 3),
    ),
}


def of_keras(keras, name: str, reduction: str | None):
    if name == "sparse":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    if name == "shares":
        return keras.losses.CategoricalCrossentropy(from_logits=True, reduction=reduction)
    if name == "binary":
        return keras.losses.BinaryCrossentropy(from_logits=True, reduction=reduction)
    return getattr(keras.losses, name)(reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES)
def test_the_same_as_the_loss_of_keras(keras, KerasLoss, case: str, reduction: str | None) -> None:
    """Without weights, with those of samples or of each loss, and with a mask of a layer."""
    make, name, y_true, y_pred = CASES[case]
    ours, theirs = KerasLoss(make(), reduction), of_keras(keras, name, reduction)
    plain = theirs.call(y_true.float(), y_pred) if name != "sparse" else None
    shape = y_pred.shape[:-1] if plain is None else plain.shape
    one = torch.arange(1.0, 7.0).reshape(6, *(1 for _ in shape[1:]))
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(2)) > 0.4
    masked = y_pred.clone()
    masked._keras_mask = mask
    for weight in (None, one.expand(shape), (drawn(*shape) > 0).float()):
        for given in (y_pred, masked):
            # Keras multiplies a weight by the mask where it lies, so it gets one of its own
            own = None if weight is None else weight.clone()
            equal(ours(y_true, given, weight), theirs(y_true, given, own))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ignored_labels_are_those_of_keras(keras, KerasLoss, reduction: str | None) -> None:
    y_true, y_pred = labels(6, 5), drawn(6, 5, 4)
    theirs = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=2, reduction=reduction
    )
    ours = KerasLoss(lossary.CrossEntropyLoss(ignore_index=2), reduction)
    for weight in (None, drawn(6, 5).abs()):
        equal(ours(y_true, y_pred, weight), theirs(y_true, y_pred, weight))


def test_the_mean_of_this_library(KerasLoss) -> None:
    """``mean_with_sample_weight`` divides by class weights, too; the others by the count."""
    loss = lossary.FocalLoss(class_weight=torch.tensor([1.0, 2.0, 0.5, 3.0]))
    y_true, y_pred, weight = labels(6), drawn(6, 4), torch.arange(6.0)
    equal(
        KerasLoss(loss, "mean_with_sample_weight")(y_true, y_pred, weight),
        loss(y_pred, y_true, weight=weight),
    )
    each = loss.reduced(y_pred, y_true, weight=weight, reduction="none")
    equal(KerasLoss(loss, "mean")(y_true, y_pred, weight), each.sum() / 6)


def test_what_weighs_nothing_may_be_nan(KerasLoss) -> None:
    """In value and gradient; with losses of Keras both are nan."""
    for make, y_true in ((lossary.MSELoss, drawn(3, 4)), (lossary.CrossEntropyLoss, labels(3))):
        ill = drawn(3, 4)
        ill[1] = torch.nan
        ill.requires_grad_()
        weight = torch.tensor([1.0, 0.0, 2.0])
        for reduction in ("sum_over_batch_size", "mean_with_sample_weight", "sum"):
            value = KerasLoss(make(), reduction)(y_true, ill, weight)
            (slope,) = torch.autograd.grad(value, ill)
            assert value.isfinite()
            assert slope.isfinite().all()
            assert not slope[1].any()


def test_a_loss_of_ones_own_and_a_sum(KerasLoss) -> None:
    class Cubic(lossary.LossBase):
        def units(self, input, target):
            return (input - target).abs().pow(3).mean(-1)

    y_true, y_pred, weight = drawn(6, 3), drawn(6, 3) + 1, torch.arange(6.0)
    both = 0.5 * Cubic() + lossary.MSELoss()
    for reduction in ("sum_over_batch_size", "sum", None):
        found = KerasLoss(both, reduction)(y_true, y_pred, weight)
        cubic = KerasLoss(Cubic(), reduction)(y_true, y_pred, weight)
        equal(found, 0.5 * cubic + KerasLoss(lossary.MSELoss(), reduction)(y_true, y_pred, weight))
    equal(KerasLoss(Cubic())(y_true, y_pred), Cubic()(y_pred, y_true))


def floats(values) -> list[float]:
    return [float(value) for value in values]


def model_of(keras, loss, outputs: int = 3):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    return model


def test_training_gives_the_weights_of_plain_torch(keras, KerasLoss) -> None:
    x, y, weight = drawn(10, 4), labels(10, classes=3), torch.arange(10.0)
    model = model_of(keras, KerasLoss(lossary.FocalLoss(), "mean_with_sample_weight"))
    kernel, bias = (torch.tensor(w) for w in model.get_weights())
    given = (x.numpy(), y.numpy())
    history = model.fit(
        *given, sample_weight=weight.numpy(), batch_size=10, epochs=3, shuffle=False, verbose=0
    )
    kernel.requires_grad_(), bias.requires_grad_()
    values = []
    for _ in range(3):
        value = lossary.focal_loss(x @ kernel + bias, y, weight=weight)
        values.append(value.item())
        slopes = torch.autograd.grad(value, (kernel, bias))
        with torch.no_grad():
            kernel -= 0.1 * slopes[0]
            bias -= 0.1 * slopes[1]
    assert floats(history.history["loss"]) == pytest.approx(values, rel=1e-5)
    for found, wanted in zip(model.get_weights(), (kernel, bias), strict=True):
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_training_is_that_with_the_loss_of_keras(keras, KerasLoss) -> None:
    """Ragged batches, class weights of ``fit``, evaluation."""
    x, y = drawn(11, 4).numpy(), labels(11, classes=3).numpy()
    found = []
    for loss in (KerasLoss(lossary.CrossEntropyLoss()), of_keras(keras, "sparse", "mean")):
        model = model_of(keras, loss)
        options = {"batch_size": 4, "verbose": 0}
        seen = model.fit(x, y, epochs=2, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, **options)
        found.append(floats([*seen.history["loss"], model.evaluate(x, y, **options)]))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_masks_of_layers(keras, KerasLoss) -> None:
    """Padded steps of an embedding do not count."""
    x = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
    y = np.array([[0, 1, 2, 2], [1, 1, 0, 2]])
    found = []
    for loss in (KerasLoss(lossary.CrossEntropyLoss()), of_keras(keras, "sparse", "mean")):
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Embedding(4, 5, mask_zero=True), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        model.compile(optimizer="sgd", loss=loss)
        seen = model.fit(x, y, epochs=2, verbose=0)
        found.append(floats(seen.history["loss"]))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


LOSSES = {
    "numbers": lambda: lossary.FocalLoss(gamma=3.0, ignore_index=-1),
    "tensor": lambda: lossary.CrossEntropyLoss(class_weight=torch.tensor([1.0, 0.5, 2.0])),
    "sum": lambda: 0.3 * lossary.BrierLoss() + lossary.CrossEntropyLoss(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_comes_back_from_its_config(keras, KerasLoss, name: str) -> None:
    loss = KerasLoss(LOSSES[name](), "sum", axis=1, name="mine")
    config = json.loads(json.dumps(keras.losses.serialize(loss)))
    again = keras.losses.deserialize(config)
    assert type(again) is KerasLoss
    assert (again.reduction, again.axis, again.name) == ("sum", 1, "mine")
    y_true, y_pred = labels(6, classes=3), drawn(6, 3)
    equal(again(y_true, y_pred), loss(y_true, y_pred))


def test_a_model_comes_back_with_its_loss(keras, KerasLoss, tmp_path: Path) -> None:
    x, y = drawn(10, 4).numpy(), labels(10, classes=3).numpy()
    model = model_of(keras, KerasLoss(lossary.FocalLoss(gamma=3.0)))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.loss.gamma == 3.0
    first, second = floats([model.evaluate(x, y, verbose=0), again.evaluate(x, y, verbose=0)])
    assert first == pytest.approx(second)


def test_a_class_of_ones_own_comes_back_if_it_is_told(keras, KerasLoss) -> None:
    class Power(lossary.LossBase):
        def __init__(self, *, power: float = 3.0, reduction="mean") -> None:
            super().__init__(reduction, power=power)

        def units(self, input, target):
            return (input - target).abs().pow(self.power).mean(-1)

    config = keras.losses.serialize(KerasLoss(Power(power=1.5)))
    with pytest.raises(ValueError, match="give your own class as custom_objects"):
        keras.losses.deserialize(config)
    again = keras.losses.deserialize(config, custom_objects={"Power": Power})
    assert again.loss.power == 1.5


def test_a_hyperparameter_that_is_a_function_has_no_config(KerasLoss) -> None:
    class Shaped(lossary.LossBase):
        def __init__(self, *, shape, reduction="mean") -> None:
            super().__init__(reduction, shape=shape)

        def units(self, input, target):
            return self.shape(input - target).mean(-1)

    loss = KerasLoss(Shaped(shape=torch.abs))
    equal(loss(drawn(6, 3), drawn(6, 3) + 1), torch.tensor(1.0))
    with pytest.raises(TypeError, match=r"Shaped\.shape cannot be saved .* model\.save_weights"):
        loss.get_config()


def test_a_config_executes_nothing(KerasLoss) -> None:
    for name in ("os:system", "keras>Dense", "lossary.L1Loss()"):
        with pytest.raises(ValueError, match="is no loss of this library"):
            KerasLoss.from_config({"loss": {"class": name, "arguments": {}}})
    tensor = {"tensor": [1.0], "dtype": "load"}
    config = {"class": "CrossEntropyLoss", "arguments": {"class_weight": tensor}}
    with pytest.raises(ValueError, match="'load' is no dtype"):
        KerasLoss.from_config({"loss": config})


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: torch.nn.MSELoss(), TypeError, "takes a module of this library"),
        (lambda: lossary.TripletMarginLoss(), TypeError, "takes 3 tensors: "),
        (lambda: lossary.ArcFaceLoss(4, 3), ValueError, "Keras trains those of layers alone"),
        (lambda: lossary.MSELoss(reduction="sum"), ValueError, "give it to KerasLoss"),
        (
            lambda: lossary.UncertaintyWeightedSum({"a": lossary.MSELoss()}),
            TypeError,
            "sums of fixed coefficients",
        ),
    ],
)
def test_losses_that_are_refused(KerasLoss, make, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        KerasLoss(make())


def test_another_backend_is_refused(keras, KerasLoss, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it had been chosen; the others are not installed here."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="needs the torch backend, got 'jax': set KERAS_BACKEND"):
        KerasLoss(lossary.MSELoss())


def test_what_does_not_fit_is_refused(KerasLoss) -> None:
    wanted = r"sample_weight must have the shape of the losses, \(6,\)"
    with pytest.raises(ValueError, match=wanted):
        KerasLoss(lossary.MSELoss())(drawn(6, 3), drawn(6, 3), drawn(6, 3))
    with pytest.raises(ValueError, match="y_true must hold whole numbers"):
        KerasLoss(lossary.CrossEntropyLoss())(drawn(6), drawn(6, 3))
    with pytest.raises(ValueError, match="target must"):
        KerasLoss(lossary.MSELoss())(drawn(6, 2), drawn(6, 3))
    with pytest.raises(ValueError, match="reduction"):
        KerasLoss(lossary.MSELoss(), "average")
