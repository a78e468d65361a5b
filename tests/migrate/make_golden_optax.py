"""Write golden/optax.json: what Optax makes of the cases below.

To be run in a virtual environment of its own, with the versions that the file names:

    python3 -m venv /tmp/optax
    /tmp/optax/bin/pip install --constraint constraints.txt optax jax
    /tmp/optax/bin/python tests/migrate/make_golden_optax.py
"""

import inspect
import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

RNG = np.random.default_rng(0)
LEFT_OUT = {"ctc_loss_with_forward_probs", "make_fenchel_young_loss"}


def normal(*shape):
    return RNG.normal(size=shape).round(3)


def uniform(*shape):
    return RNG.uniform(0.02, 0.98, size=shape).round(3)


def shares(*shape):
    # such that the first classes are exact and the last is what is missing
    x = RNG.uniform(0.1, 1, size=shape)
    x = (x / x.sum(-1, keepdims=True)).round(3)
    x[..., -1] = (1 - x[..., :-1].sum(-1)).round(3)
    return x


def case(name, *tensors, **options):
    arrays = {k: v for k, v in options.items() if isinstance(v, np.ndarray)}
    plain = {k: v for k, v in options.items() if k not in arrays}
    return name, [np.asarray(t) for t in tensors], arrays, plain


X, Y, P = normal(4, 3), normal(4, 3), uniform(4, 3)
BITS = RNG.integers(0, 2, (4, 3))
SIGNS = 2 * BITS - 1
SOFT, ONE_HOT, LABELS = shares(4, 3), np.eye(3)[[0, 2, 1, 1]], np.array([0, 2, 1, 1])
LOG_P, LOG_SOFT = np.log(shares(4, 3)).round(4) - 1e-3, np.log(SOFT).round(4) - 1e-3
WHERE = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 1]], bool)
SOME = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 1]], bool)
CUBE, CUBE_SOFT = normal(2, 3, 2), shares(2, 3, 2)
CUBE_SOFT = CUBE_SOFT / 3
CUBE_LABELS = np.array([4, 1])
IMPOSSIBLE, ZEROS = np.array([[1.0, -np.inf, 2.0]]), np.array([[0.25, 0.0, 0.75]])
SPEECH, WORDS = normal(3, 6, 4), np.array([[1, 2, 2], [3, 0, 0], [1, 3, 0]])
FRAMES = np.array([[0.0] * 6, [0.0] * 5 + [1.0], [0.0] * 4 + [1.0] * 2])
SILENCE = np.array([[0.0, 0, 0], [0, 1, 1], [0, 0, 1]])
MAPS, MASKS = normal(2, 2, 2, 3), np.eye(3)[RNG.integers(0, 3, (2, 2, 2))]
ONE_MAP, ONE_MASK = normal(2, 3, 2), RNG.integers(0, 2, (2, 3, 2)).astype(float)
GROUPS = np.array([0, 0, 1, 1, 1, 2])
EMBEDDINGS = normal(6, 3)
GRADES = RNG.integers(0, 4, (4, 3)).astype(float)

CASES = [
    *(case(name, *t) for name in ("squared_error", "l2_loss", "huber_loss", "log_cosh")
      for t in ((X, Y), (X,), (1e4 * X, Y))),
    case("huber_loss", X, Y, delta=0.3),
    *(case(name, *t, **o) for name in ("cosine_similarity", "cosine_distance")
      for t, o in (((X, Y), {}), ((X, Y), {"epsilon": 2.0}), ((X, Y), {"axis": 0}),
                   ((X, Y), {"where": WHERE}), ((CUBE, CUBE + 1), {"axis": (0, 2)}),
                   ((0 * X[:1], Y[:1]), {"epsilon": 1e-6}), ((X, Y), {"axis": None}))),
    *(case("sigmoid_binary_cross_entropy", *t) for t in ((X, BITS), (X, P), (1e3 * X, BITS))),
    *(case("sigmoid_focal_loss", *t, **o) for t in ((X, BITS), (X, P), (30 * X, BITS))
      for o in ({}, {"alpha": 0.3, "gamma": 1.5}, {"gamma": 0.5})),
    *(case(name, *t) for name in ("hinge_loss", "perceptron_loss")
      for t in ((X, SIGNS), (1e4 * X, SIGNS))),
    case("sparsemax_loss", X, BITS),
    case("sparsemax_loss", 5 * X, BITS),
    *(case("softmax_cross_entropy", *t, **o)
      for t, o in (((X, SOFT), {}), ((X, ONE_HOT), {}), ((X, SOFT), {"axis": 0}),
                   ((1e3 * X, SOFT), {}), ((X, SOFT), {"where": WHERE}),
                   ((X, SOFT), {"where": SOME}), ((CUBE, CUBE_SOFT), {"axis": (1, 2)}),
                   ((CUBE, CUBE_SOFT), {"axis": None}), ((X[0], SOFT[0]), {}))),
    *(case("safe_softmax_cross_entropy", *t)
      for t in ((X, SOFT), (IMPOSSIBLE, ZEROS), (1e3 * X, SOFT))),
    *(case("softmax_cross_entropy_with_integer_labels", *t, **o)
      for t, o in (((X, LABELS), {}), ((X, np.array([0, 3, 1])), {"axis": 0}),
                   ((1e3 * X, LABELS), {}),
                   ((X, np.array([0, 2, 1, 1])), {"where": WHERE}),
                   ((X, np.array([0, 2, 1, 1])), {"where": SOME}),
                   ((CUBE, CUBE_LABELS), {"axis": (1, 2)}), ((CUBE, CUBE_LABELS), {"axis": (2, 1)}),
                   ((X[0], np.array(1)), {}))),
    *(case(f"multiclass_{name}_loss", s * X, LABELS)
      for name in ("hinge", "perceptron", "sparsemax") for s in (1, 1e3)),
    *(case("poly_loss_cross_entropy", *t, **o)
      for t, o in (((X, SOFT), {}), ((X, ONE_HOT), {"epsilon": -0.5}), ((X, SOFT), {"axis": 0}),
                   ((X, SOFT), {"where": WHERE}), ((CUBE, CUBE_SOFT), {"axis": (1, 2)}))),
    *(case(name, *t, **o)
      for name in ("kl_divergence", "generalized_kl_divergence", "convex_kl_divergence")
      for t, o in (((LOG_P, SOFT), {}), ((LOG_P, ONE_HOT), {}), ((LOG_P, SOFT), {"axis": 0}),
                   ((LOG_P, SOFT), {"where": WHERE}), ((LOG_P, SOFT), {"axis": None}))),
    case("generalized_kl_divergence", X, 3 * P),
    *(case("kl_divergence_with_log_targets", LOG_P, LOG_SOFT, **o)
      for o in ({}, {"axis": 0}, {"where": WHERE})),
    case("ctc_loss", SPEECH, FRAMES, WORDS, SILENCE),
    case("ctc_loss", SPEECH, 0 * FRAMES, [[2, 3, 3], [0, 2, 0], [2, 0, 2]], 0 * SILENCE,
         blank_id=1),
    *(case("ranking_softmax_loss", X, GRADES, **o)
      for o in ({}, {"where": WHERE}, {"where": SOME}, {"reduce_fn": None}, {"weights": P},
                {"where": SOME, "reduce_fn": None, "weights": P})),
    case("ranking_softmax_loss", X[0], GRADES[0]),
    *(case("smooth_labels", SOFT, 0.3, **o) for o in ({}, {"axis": 0}, {"where": WHERE})),
    *(case("dice_loss", MAPS, MASKS, **o)
      for o in ({}, {"smooth": 0.1, "alpha": 0.3, "beta": 0.9}, {"reduction": "none"},
                {"reduction": "sum", "class_weights": np.array([0.5, 1.0, 2.0])},
                {"ignore_background": True})),
    case("dice_loss", shares(2, 4, 3), np.eye(3)[RNG.integers(0, 3, (2, 4))], apply_softmax=False),
    case("dice_loss", X, ONE_HOT),
    case("dice_loss", ONE_MAP[..., None], ONE_MASK),
    case("multiclass_generalized_dice_loss", MAPS, MASKS),
    case("multiclass_generalized_dice_loss", MAPS, MASKS, smooth=0.1, ignore_background=True),
    case("binary_dice_loss", ONE_MAP, ONE_MASK),
    case("binary_dice_loss", ONE_MAP[..., None], ONE_MASK[..., None], smooth=0.1),
    case("ntxent", EMBEDDINGS, GROUPS),
    case("ntxent", EMBEDDINGS, GROUPS, temperature=0.5),
    *(case("triplet_margin_loss", X, Y, normal(4, 3), **o)
      for o in ({}, {"margin": 0.2, "eps": 1e-3}, {"norm_degree": 4}, {"axis": 0})),
    case("triplet_margin_loss", np.abs(X) + 4, Y, P, norm_degree=3),
    case("triplet_margin_loss", np.abs(X) + 4, Y, P, norm_degree=1),
]  # fmt: skip


def numbers(array, digits=17):
    """Return nested lists; json has no infinity and no nan, so those are strings."""
    if isinstance(array, list):
        return [numbers(x, digits) for x in array]
    return float(f"{array:.{digits}g}") if math.isfinite(array) else str(array)


def run(name, tensors, arrays, plain, dtype):
    with jax.enable_x64(dtype == "float64"):
        return evaluate(name, tensors, arrays, plain, dtype)


def evaluate(name, tensors, arrays, plain, dtype):
    def cast(x):
        return jnp.asarray(x, dtype if x.dtype.kind == "f" else None)

    given = [cast(t) for t in tensors]
    options = {**{k: cast(v) for k, v in arrays.items()}, **plain}

    def total(x):
        value = getattr(optax.losses, name)(x, *given[1:], **options)
        ramp = jnp.linspace(1, 2, value.size, dtype=value.dtype).reshape(value.shape)
        return (ramp * value).sum(), value

    both = jax.value_and_grad(total, has_aux=True)
    # compiled as a whole, which is sooner done than piece by piece; one looks at its values
    looks = plain.get("apply_softmax") is False
    (_, value), gradient = (both if looks else jax.jit(both))(given[0])
    assert value.dtype == dtype
    digits = 9 if dtype == "float32" else 17
    return {
        "shape": list(value.shape),
        "value": numbers(np.asarray(value).tolist(), digits),
        "gradient": numbers(np.asarray(gradient).tolist(), digits),
    }


def arguments(loss):
    """Return names, kinds and defaults; a default that is a function by its name."""
    parameters = inspect.signature(loss).parameters.values()
    return [
        [p.name, p.kind is p.KEYWORD_ONLY, "required" if p.default is p.empty else
         getattr(p.default, "__name__", p.default)]
        for p in parameters
    ]  # fmt: skip


def array(x):
    return {"dtype": x.dtype.kind, "shape": list(x.shape), "data": numbers(x.ravel().tolist())}


def main():
    found = [
        {
            "name": name,
            "tensors": [array(t) for t in tensors],
            "arrays": {k: array(v) for k, v in arrays.items()},
            "options": plain,
            **{d: run(name, tensors, arrays, plain, d) for d in ("float32", "float64")},
        }
        for name, tensors, arrays, plain in CASES
    ]
    names = [n for n in dir(optax.losses) if inspect.isroutine(getattr(optax.losses, n))]
    signatures = {n: arguments(getattr(optax.losses, n)) for n in names if n not in LEFT_OUT}
    versions = {"optax": optax.__version__, "jax": jax.__version__}
    lines = ",\n".join(json.dumps(f, allow_nan=False, separators=(",", ":")) for f in found)
    head = f'"versions":{json.dumps(versions)},\n"public":{json.dumps(names)},\n'
    head += f'"signatures":{json.dumps(signatures)}'
    path = Path(__file__).parent / "golden" / "optax.json"
    path.write_text(f'{{{head},\n"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
