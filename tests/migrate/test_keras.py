"""``lossary.migrate.keras`` gives the numbers of Keras, kept in golden/keras.json."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

import lossary.migrate.keras as ours
from migrate.outcomes import golden, of_keras

GOLDEN = golden("keras")
CASES, SIGNATURES = GOLDEN["cases"], GOLDEN["signatures"]

A, B = torch.tensor([[0.2, 0.8]]), torch.tensor([[1.0, 0.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=[f"{c['name']}-{i}" for i, c in enumerate(CASES)])
def test_value_shape_and_gradient(case: dict[str, Any], dtype: str) -> None:
    """Every loss equals Keras's, within the rounding of the dtype."""
    outcome = of_keras(case, dtype)
    rtol, atol = (1e-9, 1e-12) if dtype == "float64" else (3e-5, 3e-6)
    for found, wanted in ((outcome.value, outcome.wanted), *outcome.gradients):
        torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol, equal_nan=True)


def test_every_name_has_a_case() -> None:
    assert {c["name"] for c in CASES} == set(SIGNATURES) - {"Loss"}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_are_those_of_keras(name: str) -> None:
    """In name, order and default, but the default names of losses."""
    parameters = inspect.signature(getattr(ours, name)).parameters.values()
    required = inspect.Parameter.empty
    found = [[p.name, "required" if p.default is required else p.default] for p in parameters]
    assert [p for p in found if p[0] != "name"] == [p for p in SIGNATURES[name] if p[0] != "name"]
    assert [p[0] for p in found] == [p[0] for p in SIGNATURES[name]]


def test_a_loss_of_ones_own() -> None:
    class Twice(ours.Loss):
        def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
            return 2 * (y_true - y_pred).abs().mean(-1)

    assert Twice(reduction="sum")([[1.0], [2.0]], [[2.0], [4.0]]) == 6
    with pytest.raises(NotImplementedError, match=r"Loss must define call\(self, y_true, y_pred\)"):
        ours.Loss()(A, B)


def test_a_class_computes_in_its_dtype() -> None:
    assert ours.MeanSquaredError()(A.double(), B.double()).dtype == torch.float32
    assert ours.MeanSquaredError(dtype="float64")(A, B).dtype == torch.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ours.mean_squared_error(A, B.T), "mean_squared_error: y_true must have the shape"),
        (lambda: ours.Hinge()(torch.tensor([[-1.0, 0.0]]), A), "target must hold labels -1 or 1"),
        (lambda: ours.binary_crossentropy(3 * B, A), "target must hold probabilities"),
        (lambda: ours.sparse_categorical_crossentropy(B, A), "without its classes"),
        (
            lambda: ours.sparse_categorical_crossentropy(torch.tensor([2]), A),
            "target must hold class indices",
        ),
        (
            lambda: ours.MeanSquaredError()(torch.ones(2, 2, 2), torch.ones(2, 2, 2), [1.0, 2.0]),
            "sample_weight must have the shape of the losses",
        ),
        (
            lambda: ours.MeanSquaredError()(A, B, [1.0, 2.0]),
            "sample_weight must have the shape of the losses",
        ),
        (lambda: ours.Poisson(reduction="avg"), "reduction must be one of"),
        (lambda: ours.CategoricalGeneralizedCrossEntropy(1.0), r"q must be in \(0, 1\), got 1"),
        (
            lambda: ours.ctc(torch.tensor([[1, 1]]), torch.zeros(1, 2, 3)),
            "ctc_loss: sample 0 has 2 labels",
        ),
    ],
)
def test_what_keras_computes_silently_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
