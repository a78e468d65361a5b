"""Write golden/keras.json: what Keras makes of the cases below, on its torch backend.

To be run in a virtual environment of its own, with the versions that the file names:

    python3 -m venv /tmp/keras
    /tmp/keras/bin/pip install --constraint constraints.txt keras==3.15.1 torch
    KERAS_BACKEND=torch /tmp/keras/bin/python tests/migrate/make_golden_keras.py
"""

import inspect
import json
import math
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes

# On torch Keras computes in single precision whatever dtype is asked for. Its formulas are wanted
# in double precision too: the check of every digit.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).round(3)


def uniform(*shape):
    return RNG.uniform(0.02, 0.98, size=shape).round(3)


def shares(*shape):
    x = RNG.uniform(0.1, 1, size=shape)
    return (x / x.sum(-1, keepdims=True)).round(3)


def case(name, y_true, y_pred, sample_weight=None, **options):
    return name, options, np.asarray(y_true), np.asarray(y_pred, float), sample_weight


X, Y, COUNTS = normal(4, 3), normal(4, 3), RNG.integers(0, 5, (4, 3))
ZERO_VECTORS = np.array([[0.0, 0, 0], [3, 4, 0], [1e-3, 0, 0]])
P, Q, BITS = uniform(4, 3), uniform(4, 3), RNG.integers(0, 2, (4, 3))
SURE, TRUTH = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], float), np.array([[0, 1, 1, 0], [1, 0, 0, 1]])
DISTRIBUTION, ONE_HOT = shares(4, 3), np.eye(3)[[0, 2, 1, 1]]
SOFT = shares(4, 3)
CERTAIN = np.array([[1.0, 0, 0], [1, 0, 0], [0.5, 0.5, 0]])
LABELS = np.array([0, 2, 1, 1])
MAPS, CLASSES = normal(2, 3, 4), RNG.integers(0, 4, (2, 3))
SIGNS = 2 * BITS - 1
EMBEDDINGS = normal(6, 3)
EMBEDDINGS = (EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)).round(4)
GROUPS = np.array([0, 0, 1, 1, 1, 2])
SPEECH, WORDS = normal(3, 6, 4), np.array([[1, 2, 2], [3, 0, 0], [1, 3, 0]])
W, COLUMN = np.array([1.0, 0.0, 2.5, 0.5]), np.array([[1.0], [0.0], [2.5], [0.5]])

PAIRS = {  # name of the class, name of the function: targets and predictions
    ("MeanSquaredError", "mean_squared_error"): [(Y, X), (Y, 1e4 * X)],
    ("MeanAbsoluteError", "mean_absolute_error"): [(Y, X)],
    ("MeanAbsolutePercentageError", "mean_absolute_percentage_error"): [
        (Y, X), (np.array([[0.0, 1, -2]]), np.array([[1e-6, 1.5, 2]]))],
    ("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error"): [
        (COUNTS, 5 * Q), (np.array([[0.0, -1, 3]]), np.array([[0.5, 1.5, -2]]))],
    ("LogCosh", "log_cosh"): [(Y, X), (Y, 1e4 * X)],
    ("Hinge", "hinge"): [(SIGNS, X), (BITS, X), (SIGNS, 1e4 * X)],
    ("SquaredHinge", "squared_hinge"): [(SIGNS, X), (BITS, X)],
    ("CategoricalHinge", "categorical_hinge"): [
        (ONE_HOT, X), (SOFT, X), ([[1, 0, 0, 0]], [[-5, -1, -2, -3]])],
    ("KLDivergence", "kl_divergence"): [(SOFT, DISTRIBUTION), (ONE_HOT, DISTRIBUTION),
                                        (SOFT[:3], CERTAIN)],
    ("Poisson", "poisson"): [(COUNTS, 3 * Q), (COUNTS[:1], np.zeros((1, 3)))],
    ("CosineSimilarity", "cosine_similarity"): [(Y, X), (Y[:2], ZERO_VECTORS[1:])],
    ("Huber", "huber"): [(Y, X), (Y, 1e4 * X)],
    ("BinaryCrossentropy", "binary_crossentropy"): [(BITS, P), (Q, P), (TRUTH, SURE)],
    ("BinaryFocalCrossentropy", "binary_focal_crossentropy"): [(BITS, P), (Q, P), (TRUTH, SURE)],
    ("CategoricalCrossentropy", "categorical_crossentropy"): [
        (ONE_HOT, DISTRIBUTION), (SOFT, P), (ONE_HOT[:3], CERTAIN)],
    ("CategoricalFocalCrossentropy", "categorical_focal_crossentropy"): [
        (ONE_HOT, DISTRIBUTION), (SOFT, P), (ONE_HOT[:3], CERTAIN)],
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"): [
        (LABELS, DISTRIBUTION), (LABELS[:, None], P), (LABELS[:3], CERTAIN)],
    ("CTC", "ctc"): [(WORDS, SPEECH)],
    ("Dice", "dice"): [(BITS, P), (np.zeros((2, 2)), np.zeros((2, 2))), (TRUTH, SURE)],
    ("Tversky", "tversky"): [(BITS, P), (np.zeros((2, 2)), np.zeros((2, 2))), (TRUTH, SURE)],
    ("Circle", "circle"): [(GROUPS, EMBEDDINGS), (GROUPS, 1.5 * EMBEDDINGS)],
}  # fmt: skip

MORE = [
    case("Huber", Y, X, delta=0.3),
    case("CosineSimilarity", Y, X, axis=0),
    case("cosine_similarity", Y, X, axis=0),
    *(case(name, y, p, label_smoothing=e, from_logits=logits)
      for e, logits in ((0.2, False), (0.0, True), (0.2, True))
      for name, y, p in (("BinaryCrossentropy", BITS, P), ("BinaryFocalCrossentropy", BITS, P),
                         ("CategoricalCrossentropy", ONE_HOT, DISTRIBUTION),
                         ("CategoricalFocalCrossentropy", SOFT, P))),
    *(case(name, y, 1e2 * X, from_logits=True)
      for name, y in (("BinaryCrossentropy", BITS), ("BinaryFocalCrossentropy", BITS),
                      ("CategoricalCrossentropy", ONE_HOT),
                      ("CategoricalFocalCrossentropy", ONE_HOT),
                      ("SparseCategoricalCrossentropy", LABELS))),
    case("BinaryCrossentropy", BITS, P, axis=0, reduction=None),
    case("BinaryCrossentropy", BITS, P, axis=0, reduction=None, from_logits=True),
    case("BinaryFocalCrossentropy", BITS, P, apply_class_balancing=True, alpha=0.7, gamma=1.0),
    case("CategoricalFocalCrossentropy", SOFT, P, alpha=[0.2, 0.5, 1.0], gamma=1.5),
    case("CategoricalCrossentropy", np.eye(4)[CLASSES].swapaxes(1, 2), MAPS.swapaxes(1, 2),
         axis=1, from_logits=True, reduction="none"),
    case("SparseCategoricalCrossentropy", CLASSES, MAPS, from_logits=True, reduction=None),
    *(case("SparseCategoricalCrossentropy", CLASSES, MAPS, from_logits=True, ignore_class=2,
           reduction=r) for r in ("sum_over_batch_size", "sum", None, "mean_with_sample_weight")),
    case("SparseCategoricalCrossentropy", LABELS, P, [1.0, 0.0, 2.5, 0.5], ignore_class=1),
    case("SparseCategoricalCrossentropy", [1, 1], P[:2], ignore_class=1),
    case("SparseCategoricalCrossentropy", CLASSES, MAPS.swapaxes(1, 2), axis=1, from_logits=True),
    case("sparse_categorical_crossentropy", LABELS, P, ignore_class=1),
    case("CategoricalGeneralizedCrossEntropy", LABELS, P),
    case("CategoricalGeneralizedCrossEntropy", LABELS, P, q=0.8),
    case("categorical_generalized_cross_entropy", LABELS, P, q=0.3),
    case("Dice", BITS, P, axis=1),
    case("Dice", BITS, P, axis=(0,), reduction=None),
    case("Dice", BITS, P, W),
    case("Tversky", BITS, P, alpha=0.9, beta=0.1),
    case("Tversky", BITS, P, alpha=0.2, beta=0.7, axis=-1),
    case("Circle", GROUPS, EMBEDDINGS, gamma=10.0, margin=0.2, remove_diagonal=False),
    case("circle", GROUPS, EMBEDDINGS, gamma=4.0, margin=0.3),
    *(case("MeanSquaredError", Y, X, w, reduction=r)
      for w in (W, COLUMN, np.float64(2.0), np.zeros(4))
      for r in ("sum_over_batch_size", "mean", "sum", None, "mean_with_sample_weight")),
    case("BinaryCrossentropy", TRUTH[0], SURE[0][:, None]),
    case("MeanSquaredError", Y[:, :1], X[:, 0]),
    case("mean_absolute_error", Y[:, 0], X[:, :1]),
    *(case("MeanAbsoluteError", MAPS, MAPS + 1, w, reduction="mean_with_sample_weight")
      for w in (normal(2, 3) ** 2, [[1.0], [3.0]])),
    case("MeanSquaredError", Y[:0], X[:0]),
]  # fmt: skip


def cases():
    for (class_name, function_name), data in PAIRS.items():
        for y_true, y_pred in data:
            yield case(function_name, y_true, y_pred)
            yield case(class_name, y_true, y_pred)
    yield from MORE


def numbers(array, digits=17):
    """Return nested lists; json has no infinity and no nan, so those are strings."""

    def one(x):
        if isinstance(x, list):
            return [one(y) for y in x]
        return float(f"{x:.{digits}g}") if math.isfinite(x) else str(x)

    return one(np.asarray(array, float).tolist())  # fmt: skip


def run(name, options, y_true, y_pred, sample_weight, dtype):
    keras.config.set_floatx(dtype)
    x = torch.tensor(y_pred, dtype=getattr(torch, dtype), requires_grad=True)
    y = torch.as_tensor(y_true)
    y = y.to(x.dtype) if y.is_floating_point() else y
    loss = getattr(keras.losses, name)
    if name[0].isupper():
        value = loss(**options, dtype=dtype)(y, x, sample_weight)
    else:
        value = loss(y, x, **options)
    ramp = torch.linspace(1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    (ramp * value).sum().backward()
    digits = 9 if dtype == "float32" else 17
    assert value.dtype == x.dtype
    return {
        "shape": list(value.shape),
        "value": numbers(value.detach(), digits),
        "gradient": numbers(x.grad, digits),
    }


def arguments(loss):
    """Return names and defaults."""
    parameters = inspect.signature(loss).parameters.values()
    return [[p.name, "required" if p.default is p.empty else p.default] for p in parameters]


def main():
    keras.config.disable_traceback_filtering()
    found = []
    for name, options, y_true, y_pred, sample_weight in cases():
        found.append({
            "name": name,
            "options": options,
            "y_true": y_true.tolist(),
            "y_pred": y_pred.tolist(),
            "shape": list(y_pred.shape),
            "sample_weight": None if sample_weight is None else np.asarray(sample_weight).tolist(),
            **{d: run(name, options, y_true, y_pred, sample_weight, d)
               for d in ("float32", "float64")},
        })  # fmt: skip
    versions = {"keras": keras.__version__, "torch": torch.__version__.partition("+")[0]}
    names = [n for n in dir(keras.losses) if callable(getattr(keras.losses, n)) and n[0] != "_"]
    helpers = {"deserialize", "get", "serialize"}
    signatures = {n: arguments(getattr(keras.losses, n)) for n in names if n not in helpers}
    path = Path(__file__).parent / "golden" / "keras.json"
    lines = ",\n".join(json.dumps(f, allow_nan=False, separators=(",", ":")) for f in found)
    head = f'"versions":{json.dumps(versions)},\n"public":{json.dumps(names)},\n'
    head += f'"signatures":{json.dumps(signatures)}'
    path.write_text(f'{{{head},\n"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
