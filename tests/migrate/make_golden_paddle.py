"""Writes golden/paddle.json: values and gradients of PaddlePaddle's own losses.

Run it with the Python of a virtual environment that has paddlepaddle 3.3.1.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import paddle

OUT = Path(__file__).parent / "golden" / "paddle.json"
RANDOM = np.random.default_rng(0)
paddle.seed(0)
REDUCTIONS = ("mean", "sum", "none")


def real(*shape: int, scale: float = 1.0) -> np.ndarray:
    return (RANDOM.standard_normal(shape) * scale).round(3).astype(np.float32)


def prob(*shape: int) -> np.ndarray:
    return RANDOM.random(shape).round(3).astype(np.float32)


def simplex(*shape: int) -> np.ndarray:
    x = np.exp(real(*shape))
    return x / x.sum(-1, keepdims=True)


def index(classes: int, *shape: int) -> np.ndarray:
    return RANDOM.integers(0, classes, shape)


def f32(*values: object) -> np.ndarray:
    return np.array(values, np.float32)


def i64(*values: object) -> np.ndarray:
    return np.array(values, np.int64)


def plain(array: np.ndarray) -> list:
    """Nested lists, of the shortest numbers that give the same in the array's precision."""
    short = [float(str(x)) if array.dtype.kind == "f" else x.item() for x in array.ravel()]
    return np.array(short, object).reshape(array.shape).tolist()


def stored(value: object) -> object:
    return (
        {"dtype": str(value.dtype), "shape": value.shape, "data": plain(value)}
        if isinstance(value, np.ndarray)
        else value
    )


def tensor(value: object) -> object:
    return paddle.to_tensor(value) if isinstance(value, np.ndarray) else value


CASES = []


def case(name, arguments, *, layer=None, grad=(0,), reductions=REDUCTIONS, **options) -> None:
    """Run a function, and its class, and keep what they gave.

    ``grad`` are the places of the arguments to differentiate by. What is differentiated is the sum
    of the results times 1/n, 2/n, ..., so that gradients of the wrong places show.
    """
    runs = []
    for reduction in reductions:
        chosen = options if reduction is None else {**options, "reduction": reduction}
        results = {}
        for way in (name, layer):
            if way is None:
                continue
            tensors = [tensor(a) for a in arguments]
            for place in grad:
                tensors[place].stop_gradient = False
            keywords = {k: tensor(v) for k, v in chosen.items()}
            if way is layer:
                late = {k: keywords.pop(k) for k in ("norm_by_times",) if k in keywords}
                value = getattr(paddle.nn, layer)(**keywords)(*tensors, **late)
            else:
                value = getattr(paddle.nn.functional, name)(*tensors, **keywords)
            value = value[0] if isinstance(value, tuple) else value
            count = value.size
            ramp = paddle.arange(1, count + 1, dtype="float32").reshape(value.shape) / count
            if grad:
                (value * ramp).sum().backward()
            results[way] = (
                value.numpy(),
                [None if tensors[p].grad is None else tensors[p].grad.numpy() for p in grad],
            )
        value, gradients = results[name]
        if layer is not None:
            np.testing.assert_array_equal(results[layer][0], value)
        runs.append(
            {
                "options": {k: stored(v) for k, v in chosen.items()},
                "value": plain(value),
                "gradients": [None if g is None else plain(g) for g in gradients],
            }
        )
    CASES.append(
        {
            "name": name,
            "layer": layer,
            "grad": grad,
            "inputs": [stored(a) for a in arguments],
            "runs": runs,
        }
    )


# cross-entropy: indices, ignored labels of both kinds, class weights, any axis, probabilities
x, y, w = real(6, 4), index(4, 6), f32(0.5, 1, 2, 4)
ignored, all_ignored = i64(0, -100, 2, 3, -100, 1), np.full(6, -100)
ce = {"layer": "CrossEntropyLoss"}
case("cross_entropy", [x, y], **ce)
case("cross_entropy", [x, y[:, None].astype(np.int32)], **ce)
case("cross_entropy", [real(6, 4, scale=15), y], **ce)
case("cross_entropy", [x, ignored], **ce)
case("cross_entropy", [x, all_ignored], **ce)
case("cross_entropy", [x, ignored], weight=w, **ce)
case("cross_entropy", [x, all_ignored], weight=w, **ce)
case("cross_entropy", [x, y], ignore_index=2, **ce)
case("cross_entropy", [x, y], ignore_index=2, weight=w, **ce)
case("cross_entropy", [x, np.full(6, 2)], ignore_index=2, weight=w, **ce)
case("cross_entropy", [x, ignored[:, None]], weight=w, **ce)
case("cross_entropy", [x, y], label_smoothing=0.1, **ce)
case("cross_entropy", [x, y], label_smoothing=0.1, weight=w, **ce)
case("cross_entropy", [x, y], label_smoothing=0.1, ignore_index=2, **ce)
case("cross_entropy", [x, y], label_smoothing=0.1, ignore_index=2, weight=w, **ce)
soft = simplex(6, 4)
case("cross_entropy", [x, soft], soft_label=True, **ce)
# its gradient of probabilities that do not sum up to 1 is not that of its value
case("cross_entropy", [x, 2 * soft], soft_label=True, **ce, grad=())
case("cross_entropy", [x, soft], soft_label=True, weight=w, **ce)
case("cross_entropy", [x, soft], soft_label=True, label_smoothing=0.2, **ce)
hard = np.eye(4, dtype=np.float32)[y]
case("cross_entropy", [x, hard], soft_label=True, ignore_index=0, **ce)
case("cross_entropy", [x, hard], soft_label=True, ignore_index=0, weight=w, **ce)
case("cross_entropy", [soft, y], use_softmax=False, weight=w, **ce)
case("cross_entropy", [soft, hard], soft_label=True, use_softmax=False, **ce)
images, maps = real(2, 3, 2, 2), index(3, 2, 2, 2)
case("cross_entropy", [images, maps], axis=1, weight=f32(1, 2, 3), **ce)
case("cross_entropy", [images, maps[:, None]], axis=1, **ce)
case("cross_entropy", [images.swapaxes(1, 3), maps], ignore_index=1, **ce)
case(
    "cross_entropy",
    [images, simplex(2, 2, 2, 3).transpose(0, 3, 1, 2)],
    axis=1,
    soft_label=True,
    **ce,
)
case("cross_entropy", [simplex(2, 3, 4), simplex(2, 3, 4)], soft_label=True, weight=w, **ce)
case("cross_entropy", [real(0, 4), index(4, 0)], reductions=("mean", "sum"), **ce)
swce = {"reductions": (None,)}
case("softmax_with_cross_entropy", [x, ignored[:, None]], **swce)
case("softmax_with_cross_entropy", [x, soft], soft_label=True, **swce)
case("softmax_with_cross_entropy", [images, maps[:, None]], axis=1, **swce)

log_p = np.log(soft)
for labels in (y, ignored, all_ignored):
    case("nll_loss", [log_p, labels], layer="NLLLoss")
    case("nll_loss", [log_p, labels], layer="NLLLoss", weight=w)
# its mean of images with ignored labels writes where it must not, and Paddle crashes
case("nll_loss", [images, maps], layer="NLLLoss", ignore_index=2, reductions=("none",))
case("nll_loss", [images, maps], layer="NLLLoss")
case("nll_loss", [images[..., 0], maps[..., 0]], layer="NLLLoss", weight=f32(1, 2, 3))

p, q = prob(4, 3), prob(4, 3)
edge_p, edge_q = f32(0, 1, 0, 1, 0.5, 1e-30), f32(0, 1, 1, 0, 1, 1)
case("binary_cross_entropy", [p, q], layer="BCELoss")
case("binary_cross_entropy", [p, q], layer="BCELoss", weight=f32(1, 0, 3))
case("binary_cross_entropy", [edge_p, edge_q], layer="BCELoss")
z = real(4, 3, scale=3)
bce = {"layer": "BCEWithLogitsLoss"}
case("binary_cross_entropy_with_logits", [z, q], **bce)
case("binary_cross_entropy_with_logits", [z, q], weight=prob(4, 1), pos_weight=f32(1, 2, 3), **bce)
case("binary_cross_entropy_with_logits", [f32(100, -100, 3, 2), f32(0, 1, -100, 2)], **bce)
for extra in ({}, {"normalizer": f32(5)}, {"alpha": 0.6, "gamma": 0.0}, {"gamma": 1.5}):
    case("sigmoid_focal_loss", [z, np.round(q)], **extra)
case("sigmoid_focal_loss", [z, q])
case("log_loss", [p[:, :1], q[:, :1]], reductions=(None,))
case("log_loss", [f32([0], [1], [1]), f32([1], [1], [0])], reductions=(None,))
case("log_loss", [p[:, :1], q[:, :1]], epsilon=0.1, reductions=(None,))
case("dice_loss", [simplex(3, 2, 4), index(4, 3, 2, 1)], reductions=(None,))
case("dice_loss", [np.zeros((2, 3), np.float32), index(3, 2, 1)], epsilon=0.5, reductions=(None,))
case("npair_loss", [real(5, 3), real(5, 3), i64(0, 1, 0, 2, 1)], grad=(0, 1), reductions=(None,))
case(
    "npair_loss",
    [real(3, 2), real(3, 2), f32(0, 0, 0)],
    grad=(0, 1),
    l2_reg=0.1,
    reductions=(None,),
)

a, b = real(4, 3), real(4, 3)
b[0] = a[0]
for name, layer in (
    ("l1_loss", "L1Loss"),
    ("mse_loss", "MSELoss"),
    ("smooth_l1_loss", "SmoothL1Loss"),
):
    case(name, [a, b], layer=layer, grad=(0, 1))
    if name != "smooth_l1_loss":  # which does not broadcast
        case(name, [a, b[:1]], layer=layer, grad=(0, 1))
    case(name, [real(0, 3), real(0, 3)], layer=layer, reductions=("mean", "sum"))
for delta in (0.3, 2.0):
    for huber in (True, False):
        case("smooth_l1_loss", [a, b], layer="SmoothL1Loss", delta=delta, is_huber=huber)
case("square_error_cost", [a, b], grad=(0, 1), reductions=(None,))
targets = simplex(6, 4)
targets[0, 0] = 0
for reduction in ("mean", "sum", "none", "batchmean"):
    case("kl_div", [log_p, targets], layer="KLDivLoss", reductions=(reduction,))
    case(
        "kl_div",
        [log_p, np.log(simplex(6, 4))],
        layer="KLDivLoss",
        log_target=True,
        reductions=(reduction,),
    )
case("kl_div", [f32(-1, -2), f32(0, -0.5)], layer="KLDivLoss")
counts = RANDOM.integers(0, 5, (4, 3)).astype(np.float32)
for full in (False, True):
    case("poisson_nll_loss", [a, counts], layer="PoissonNLLLoss", full=full)
    case(
        "poisson_nll_loss",
        [p, counts],
        layer="PoissonNLLLoss",
        full=full,
        log_input=False,
        epsilon=1e-3,
    )
    case("gaussian_nll_loss", [a, b, p + 0.1], grad=(0, 1), layer="GaussianNLLLoss", full=full)
case("gaussian_nll_loss", [a, b, f32([0], [1], [2], [0.01])], layer="GaussianNLLLoss", epsilon=0.1)
case("gaussian_nll_loss", [a, b, f32(1, 2, 3, 4)], layer="GaussianNLLLoss")

signs = f32(1, -1, 1, -1)
for margin in (0.0, 0.5):
    case(
        "margin_ranking_loss",
        [a[:, 0], b[:, 0], signs],
        grad=(0, 1),
        layer="MarginRankingLoss",
        margin=margin,
    )
    case(
        "cosine_embedding_loss",
        [a, b, i64(1, -1, 1, 0)],
        grad=(0, 1),
        layer="CosineEmbeddingLoss",
        margin=margin,
    )
    case(
        "hinge_embedding_loss",
        [a[:, 0], f32(1, -1, 0, -1)],
        layer="HingeEmbeddingLoss",
        margin=margin,
    )
case(
    "cosine_embedding_loss", [a * 0, b, i64(1, -1, 1, -1)], layer="CosineEmbeddingLoss", margin=-0.5
)
c = real(4, 3)
for extra in ({}, {"swap": True}, {"margin": 0.0}):
    case("triplet_margin_loss", [a, b, c], grad=(0, 1, 2), layer="TripletMarginLoss", **extra)
    case(
        "triplet_margin_with_distance_loss",
        [a, b, c],
        grad=(0, 1, 2),
        layer="TripletMarginWithDistanceLoss",
        **extra,
    )
case("triplet_margin_loss", [a, b, c], layer="TripletMarginLoss", p=1.0, epsilon=0.1)
case("triplet_margin_loss", [a, b, c], layer="TripletMarginLoss", p=3.0)
for extra in ({}, {"p": 2, "margin": 0.7}, {"weight": w}, {"p": 2, "weight": w, "margin": 2.0}):
    case("multi_margin_loss", [x, y], layer="MultiMarginLoss", **extra)
lists = i64(
    [0, 2, -1, 1], [3, -1, -1, -1], [0, 1, 2, 3], [-1, 0, 1, 2], [2, -1, 2, -1], [1, 3, 0, -1]
)
case("multi_label_margin_loss", [x, lists], layer="MultiLabelMarginLoss")
case("multi_label_soft_margin_loss", [z, np.round(q)], layer="MultiLabelSoftMarginLoss")
case(
    "multi_label_soft_margin_loss",
    [z, np.round(q)],
    layer="MultiLabelSoftMarginLoss",
    weight=f32(1, 2, 0),
)
case("soft_margin_loss", [z, np.where(q > 0.5, 1, -1)], layer="SoftMarginLoss")
case("soft_margin_loss", [f32(80, -80, 0), f32(-1, 1, 1)], layer="SoftMarginLoss")

frames, text = real(5, 4, 4), np.array([[1, 2], [3, 3], [1, 0], [2, 1]], np.int32)
lengths = [i64(5, 5, 4, 3), i64(2, 2, 1, 2)]
for extra in ({}, {"zero_infinity": True}, {"norm_by_times": True}):
    case("ctc_loss", [frames, text, *lengths], layer="CTCLoss", **extra)
case("ctc_loss", [frames, text % 3, *lengths], layer="CTCLoss", blank=3)
case(
    "ctc_loss", [frames[:2], text, i64(2, 2, 2, 2), i64(1, 2, 1, 2)], layer="CTCLoss"
)  # 3, 3 needs 3
lattice = np.log(simplex(2, 4, 3, 5))
spoken = [
    np.array([[1, 2], [3, 0]], np.int32),
    np.array([4, 3], np.int32),
    np.array([2, 1], np.int32),
]
case("rnnt_loss", [lattice, *spoken], layer="RNNTLoss", grad=())
case("rnnt_loss", [lattice, *spoken], layer="RNNTLoss", grad=(), fastemit_lambda=0.0)

# Paddle needs a gradient of the weight to compute any
features = real(5, 3)
for classes in (2, 5, 8):
    for bias in (None, real(classes - 1, 1)):
        arguments = [features, index(classes, 5), classes, real(classes - 1, 3, scale=3), bias]
        case("hsigmoid_loss", arguments, grad=(0, 3), reductions=(None,))
case(
    "hsigmoid_loss",
    [features, i64(0, 1, 2, 3, 4), 5, real(4, 3, scale=100)],
    grad=(0, 3),
    reductions=(None,),
)
table = i64([0, 2, -1], [0, 1, 3], [1, -1, -1], [3, 2, -1], [0, -1, -1])
code = i64([0, 1, -1], [1, 0, 1], [1, -1, -1], [0, 0, -1], [1, -1, -1])
case(
    "hsigmoid_loss",
    [features, index(4, 5), 4, real(4, 3), None, table, code],
    grad=(0, 3),
    reductions=(None,),
)


def rnnt_of_logits() -> dict:
    """The gradient of the logits whose log-softmax the loss is given, with FastEmit."""
    logits = real(2, 4, 3, 5)
    runs = []
    for strength in (0.0, 0.5):
        given = tensor(logits)
        given.stop_gradient = False
        paddle.nn.functional.rnnt_loss(
            paddle.nn.functional.log_softmax(given, -1),
            *map(tensor, spoken),
            fastemit_lambda=strength,
        ).backward()
        runs.append({"fastemit_lambda": strength, "gradient": plain(given.grad.numpy())})
    return {"logits": stored(logits), "others": [stored(s) for s in spoken], "runs": runs}


def adaptive() -> dict:
    """Both results of the adaptive softmax, the log-probabilities and the gradients."""
    layer = paddle.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    layer.head_bias.set_value(tensor(real(5)))
    given, label = tensor(real(6, 8)), tensor(i64(0, 2, 3, 6, 7, 11))
    given.stop_gradient = False
    output, loss = layer(given, label)
    loss.backward()
    return {
        "head_weight": stored(layer.head_weight.numpy()),
        "head_bias": stored(layer.head_bias.numpy()),
        "tail_weights": [[stored(w.numpy()) for w in pair] for pair in layer.tail_weights],
        "input": stored(given.numpy()),
        "label": stored(label.numpy()),
        "output": plain(output.numpy()),
        "loss": plain(loss.numpy()),
        "gradient": plain(given.grad.numpy()),
        "log_prob": plain(layer.log_prob(given).numpy()),
        "predict": plain(layer.predict(given).numpy().astype(np.int64)),
    }


def distance_function() -> float:
    """What the class makes of a distance function: nothing."""
    layer = paddle.nn.TripletMarginWithDistanceLoss(lambda x, y: 100 * (x - y).abs().sum(-1))
    return float(layer(tensor(a), tensor(b), tensor(c)))


def parameters(function: object) -> list:
    """Names, places and defaults; a default that is missing is the string "required"."""
    return [
        [name, "required" if p.default is p.empty else p.default]
        for name, p in inspect.signature(function).parameters.items()
        if name != "self"
    ]


def optimize(name: str, groups: list | None = None, **options: object) -> dict:
    """What an optimizer makes of two parameters in three steps, and its arguments."""
    start, slopes = [[1.0, -2.0], [0.5, 3.0]], [[1.0, 2.0], [-3.0, 0.1], [0.5, -1.0]]
    made = [paddle.create_parameter([2], "float32") for _ in start]
    for parameter, values in zip(made, start, strict=True):
        parameter.set_value(tensor(f32(*values)))
    each = groups and [{"params": [p], **g} for p, g in zip(made, groups, strict=True)]
    optimizer = getattr(paddle.optimizer, name)(parameters=each or made, **options)
    for slope in slopes:
        sum((p * tensor(f32(*slope)) + 0.5 * p**2).sum() for p in made).backward()
        optimizer.step()
        optimizer.clear_grad()
    return {
        "name": name,
        "arguments": parameters(type(optimizer).__init__),
        "options": options,
        "groups": groups,
        "start": start,
        "slopes": slopes,
        "rate": optimizer.get_lr(),
        "learnt": [plain(p.numpy()) for p in made],
    }


OPTIMIZERS = [
    optimize("SGD", learning_rate=0.1),
    optimize("SGD", learning_rate=0.1, weight_decay=0.2),
    optimize("Momentum", learning_rate=0.1),
    optimize("Momentum", learning_rate=0.1, momentum=0.8, use_nesterov=True, weight_decay=0.1),
    optimize("Momentum", [{"learning_rate": 0.5}, {"weight_decay": 0.3}], learning_rate=0.1),
    optimize("Adam"),
    optimize("Adam", learning_rate=0.1, beta1=0.8, beta2=0.9, epsilon=0.1, weight_decay=0.1),
    optimize("AdamW", learning_rate=0.1),
    optimize("AdamW", learning_rate=0.1, beta1=0.8, beta2=0.9, epsilon=0.1, weight_decay=0.1),
]

names = dict.fromkeys((c["name"], c["layer"]) for c in CASES)
functions = dict.fromkeys([n for n, _ in names] + ["adaptive_log_softmax_with_loss"])
layers = dict.fromkeys([n for _, n in names if n] + ["HSigmoidLoss", "AdaptiveLogSoftmaxWithLoss"])
public = {
    "paddle.nn": [n for n in dir(paddle.nn) if n.endswith("Loss")],
    "paddle.nn.functional": [
        n
        for n in paddle.nn.functional.__all__
        if "loss" in n or "entropy" in n or n in ("kl_div", "square_error_cost")
    ],
}
golden = {
    "versions": {"paddlepaddle": paddle.__version__},
    "public": public,
    "optimizers": OPTIMIZERS,
    "functions": {n: parameters(getattr(paddle.nn.functional, n)) for n in functions},
    "layers": {n: parameters(getattr(paddle.nn, n).__init__) for n in layers},
    "distance_function": {"inputs": [stored(v) for v in (a, b, c)], "value": distance_function()},
    "rnnt_of_logits": rnnt_of_logits(),
    "adaptive": adaptive(),
    "cases": CASES,
}
OUT.parent.mkdir(exist_ok=True)
lines = ",\n".join(
    f'"{key}": {json.dumps(value, separators=(",", ":"))}'
    for key, value in golden.items()
    if key != "cases"
)
cases = ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES)
OUT.write_text(f'{{\n{lines},\n"cases": [\n{cases}\n]\n}}\n')
