"""Make ``golden/mindspore.json``: what MindSpore's losses and its training give.

Run it in an environment of its own, with ``mindspore==2.10.0`` and ``numpy<2``:

    python tests/migrate/make_golden_mindspore.py
"""

import contextlib
import inspect
import io
import json
import re
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import dataset, nn
from mindspore.train import LossMonitor, Model

ms.set_context(mode=ms.PYNATIVE_MODE, device_target="CPU")
RNG = np.random.RandomState(0)
ALL = ({"reduction": "none"}, {"reduction": "mean"}, {"reduction": "sum"})


def f(*values):
    return np.array(values, np.float32)


def i(*values):
    return np.array(values, np.int32)


def randn(*shape):
    return RNG.standard_normal(shape).astype(np.float32).round(3)


def rand(*shape):
    return RNG.random_sample(shape).astype(np.float32).round(3)


def with_each(options):
    return [{**options, **reduction} for reduction in ALL]


A, B, C = randn(4, 3), randn(4, 3), randn(4, 3)
P, Q = rand(4, 3), rand(4, 3)
NEAR, FAR = f(1, 1, 0, 1e-4, 1e3, -1), f(1, 2, 1, 0, -1e3, 1e-3)  # at the kinks and far away
SIGN = f(1, -1, 1, -1)
WEIGHT = f(0.5, 1, 2)
LABEL, IGNORED = i(0, 2, 1, 1), i(0, -100, 2, -100)
WIDE, WIDE_LABEL = randn(2, 3, 2, 2), RNG.randint(3, size=(2, 2, 2)).astype(np.int32)
SHARES = RNG.dirichlet(np.ones(3), 4).astype(np.float32).round(3)
SPEECH = np.log(RNG.dirichlet(np.ones(4), (5, 3))).astype(np.float32).round(3)
WORDS = i([1, 2, 2], [3, 1, 0], [2, 0, 0])
ROWS, BIASES, HIDDEN = randn(6, 2), randn(6), randn(3, 2)
DRAWN = (i(0, 3, 5), rand(3, 1) + 0.1, rand(3) + 0.1)
DRAWN_2 = (i(0, 3, 5), rand(3, 2) + 0.1, rand(3) + 0.1)

# loss, inputs, arguments of the constructor
CASES = [
    *(
        (name, inputs, ALL)
        for name in ("L1Loss", "MSELoss", "MAELoss", "SmoothL1Loss", "HuberLoss")
        for inputs in ((A, B), (NEAR, FAR))
    ),
    *((name, (A, B[0]), ALL[:2]) for name in ("L1Loss", "MSELoss", "MAELoss", "HuberLoss")),
    ("SmoothL1Loss", (A, B), with_each({"beta": 0.25})),
    ("HuberLoss", (A, B), with_each({"delta": 0.25})),
    ("RMSELoss", (A, B), [{}]),
    ("RMSELoss", (A, B[0]), [{}]),
    ("RMSELoss", (A, A), [{}]),
    ("MarginRankingLoss", (A, B, np.sign(C)), with_each({})),
    ("MarginRankingLoss", (f(1, 2, 3), f(1, 3, 2), f(1, 1, 2)), with_each({"margin": 0.5})),
    ("MarginRankingLoss", (f(1, 2, 3), f(1, 3, 2), f(1, 1, 2)), ALL[:1]),
    ("SoftmaxCrossEntropyWithLogits", (A, SHARES), ALL),
    ("SoftmaxCrossEntropyWithLogits", (A, f([0, 2, 0], [1, 1, 0], [0, 0, 0], [1, -1, 3])), ALL),
    ("SoftmaxCrossEntropyWithLogits", (A, LABEL), with_each({"sparse": True})),
    ("SoftmaxCrossEntropyWithLogits", (A, i(0, -1, 3, 2)), [{"sparse": True}]),
    ("SoftmaxCrossEntropyWithLogits", (40 * A, LABEL), with_each({"sparse": True})),
    ("CrossEntropyLoss", (A, LABEL), with_each({})),
    *(
        ("CrossEntropyLoss", inputs, with_each({"weight": WEIGHT, "label_smoothing": 0.2}))
        for inputs in ((A, LABEL), (A, IGNORED), (A, SHARES), (WIDE, WIDE_LABEL))
    ),
    ("CrossEntropyLoss", (A, IGNORED), with_each({"label_smoothing": 0.2})),
    ("CrossEntropyLoss", (A, IGNORED), with_each({"weight": WEIGHT})),
    ("CrossEntropyLoss", (A, LABEL), with_each({"ignore_index": 1})),
    ("CrossEntropyLoss", (A, B), with_each({})),
    ("CrossEntropyLoss", (A[0], np.int32(1)), [{}]),
    ("CrossEntropyLoss", (100 * A, LABEL), ALL[:2]),
    ("CrossEntropyLoss", (WIDE[:, :, 0], WIDE_LABEL[:, 0]), with_each({"weight": WEIGHT})),
    ("CrossEntropyLoss", (A, i(-100, -100, -100, -100)), [{}]),
    ("NLLLoss", (A, LABEL), with_each({})),
    ("NLLLoss", (A, IGNORED), with_each({"weight": WEIGHT})),
    ("NLLLoss", (WIDE, WIDE_LABEL), with_each({"weight": WEIGHT, "ignore_index": 0})),
    ("NLLLoss", (A[0], np.int32(1)), [{}]),
    ("BCELoss", (P, Q), with_each({})),
    ("BCELoss", (P, Q), with_each({"weight": rand(4, 3)})),
    ("BCELoss", (f(0, 0, 1, 1, 1e-7, 1), f(0, 1, 0, 1, 1, 0.5)), with_each({})),
    ("BCELoss", (P, B), [{}]),
    ("BCEWithLogitsLoss", (A, Q), with_each({})),
    ("BCEWithLogitsLoss", (A, Q), with_each({"weight": WEIGHT, "pos_weight": f(3, 1, 0.5)})),
    ("BCEWithLogitsLoss", (f(-100, 100, 0), f(1, 0, 2)), with_each({})),
    ("MultiLabelSoftMarginLoss", (A, Q.round()), with_each({})),
    ("MultiLabelSoftMarginLoss", (A, Q), with_each({"weight": WEIGHT})),
    ("MultiLabelSoftMarginLoss", (f([1, -100], [2, 3]), f([0, 1], [0.5, 2])), with_each({})),
    ("MultiMarginLoss", (A, LABEL.astype(np.int64)), with_each({})),
    ("MultiMarginLoss", (A, LABEL.astype(np.int64)), with_each({"p": 2, "weight": WEIGHT})),
    ("MultiMarginLoss", (f([1, 2, 3], [1, 1, 1]), LABEL[:2].astype(np.int64)), [{"margin": 0.3}]),
    ("HingeEmbeddingLoss", (A[:, 0], SIGN), with_each({})),
    ("HingeEmbeddingLoss", (f(1, 2, 0.5, 1, -1), f(1, -1, -1, 0, 2)), with_each({"margin": 0.7})),
    ("CosineEmbeddingLoss", (A, B, SIGN), with_each({})),
    ("CosineEmbeddingLoss", (A, B, f(1, 0, -1, 2)), with_each({"margin": 0.3})),
    ("CosineEmbeddingLoss", (0 * A[:1], B[:1], f(1)), [{}]),
    ("CosineEmbeddingLoss", (WIDE, WIDE[::-1].copy(), np.sign(WIDE[:, 0])), [{}]),
    *(("TripletMarginWithDistanceLoss", (A, B, C), with_each({"swap": s})) for s in (False, True)),
    ("TripletMarginWithDistanceLoss", (A, A, C), [{"margin": 3.0}]),
    ("KLDivLoss", (np.log(P), Q), [*with_each({}), {"reduction": "batchmean"}]),
    ("KLDivLoss", (f([-1, -2, -3]), f([0.5, 0, 1.5])), with_each({})),
    *(("PoissonNLLLoss", (A, 3 * Q), with_each({"full": full})) for full in (False, True)),
    ("PoissonNLLLoss", (P, 3 * Q), with_each({"log_input": False, "full": True, "eps": 0.1})),
    ("PoissonNLLLoss", (f(70, -50), f(0, 5)), [{"reduction": "none"}]),
    ("GaussianNLLLoss", (A, B, Q), with_each({})),
    ("GaussianNLLLoss", (A, B, Q[:, 0]), with_each({"full": True})),
    ("GaussianNLLLoss", (f(1, 2, 3), f(2, 2, 1), f(0, -1, 0.5)), with_each({"eps": 0.1})),
    ("CTCLoss", (SPEECH, WORDS, i(5, 4, 3), i(3, 2, 1)), with_each({})),
    ("CTCLoss", (SPEECH - 1, WORDS, i(5, 4, 3), i(2, 2, 0)), with_each({})),
    ("CTCLoss", (SPEECH, WORDS[:, ::-1].copy(), i(5, 4, 3), i(3, 2, 1)), [{"blank": 3}]),
    ("CTCLoss", (SPEECH, WORDS, i(3, 4, 3), i(3, 2, 1)), [{"zero_infinity": True}]),
    ("CTCLoss", (SPEECH[:, 0], WORDS[0], i(5), i(2)), [{}]),
    ("DiceLoss", (P, Q.round()), [{}, {"smooth": 1.0}]),
    ("DiceLoss", (0 * P, 0 * Q), [{}]),
    ("MultiClassDiceLoss", (A, SHARES), [{}, {"activation": None}]),
    *(
        ("MultiClassDiceLoss", (WIDE, np.abs(WIDE)), [{"ignore_indiex": 1, "activation": name}])
        for name in ("softmax", "logsoftmax", "relu", "relu6", "tanh", "sigmoid")
    ),
    ("MultiClassDiceLoss", (A, SHARES), [{"weights": randn(3, 2)}]),
    ("FocalLoss", (A, LABEL[:, None]), with_each({})),
    ("FocalLoss", (WIDE, WIDE_LABEL[:, None]), with_each({"weight": WEIGHT, "gamma": 1.5})),
    ("FocalLoss", (A, SHARES), with_each({"weight": WEIGHT})),
    ("FocalLoss", (WIDE, rand(2, 3, 2, 2)), with_each({})),
    ("FocalLoss", (f([0, 9, 90], [90, 9, 0]), i([2], [2])), with_each({})),
    *(
        ("SampledSoftmaxLoss", (ROWS, BIASES, i([0], [4], [2]), hidden), with_each(options))
        for hidden in (HIDDEN, 100 * HIDDEN)
        for options in [{"num_sampled": 3, "num_classes": 6, "sampled_values": DRAWN}]
    ),
    (
        "SampledSoftmaxLoss",
        (ROWS, BIASES, i([0, 1], [4, 1], [2, 3]), HIDDEN),
        [{"num_sampled": 3, "num_classes": 6, "num_true": 2, "sampled_values": DRAWN_2}],
    ),
    # all that may be drawn is drawn, so chance has no say
    *(
        ("SampledSoftmaxLoss", (ROWS, BIASES, label, HIDDEN), [options])
        for label, options in (
            (i([0], [4], [0]), {"num_sampled": 4, "num_classes": 6}),
            (i([0], [4], [2]), {"num_sampled": 6, "num_classes": 6}),
            (
                i([0], [4], [2]),
                {"num_sampled": 6, "num_classes": 6, "remove_accidental_hits": False},
            ),
        )
    ),
]


def encode(value):
    """Return what JSON can hold, in as few digits as single precision needs."""
    if isinstance(value, tuple):
        return [encode(each) for each in value]
    if isinstance(value, ms.Tensor):
        value = value.asnumpy()
    if isinstance(value, np.ndarray | np.generic):
        short = [float(str(x)) if value.dtype == np.float32 else int(x) for x in value.flat]
        return {value.dtype.name: short, "shape": list(value.shape)}
    return value


def to_tensor(value):
    if isinstance(value, tuple):
        return tuple(to_tensor(each) for each in value)
    return ms.Tensor(value) if isinstance(value, np.ndarray | np.generic) else value


def run(name, inputs, options):
    """Return value and gradients; None for gradients that MindSpore cannot compute.

    Those of a sum are left out: they are those of what is not reduced.
    """
    made = {key: to_tensor(value) for key, value in options.items()}
    loss = getattr(nn, name)(**made)
    tensors = [to_tensor(x) for x in inputs]
    result = {"options": {k: encode(v) for k, v in options.items()}, "gradients": None}
    result["value"] = encode(loss(*tensors))
    if options.get("reduction") == "sum":
        return result
    floating = tuple(n for n, x in enumerate(inputs) if x.dtype == np.float32)
    try:
        found = ms.grad(lambda *given: loss(*given), floating)(*tensors)
    except TypeError as error:
        print(f"{name}: no gradient: {str(error).splitlines()[0]}")
    else:
        found = found if isinstance(found, tuple) else (found,)
        result["gradients"] = [encode(x)["float32"] for x in found]
    return result


def train(reduction, momentum):
    """Train a line of logits for two epochs; return what was begun with, printed and learnt."""
    start, points = randn(3, 2), randn(10, 2)
    labels = RNG.randint(3, size=10).astype(np.int32)
    network = nn.Dense(2, 3, weight_init=ms.Tensor(start), bias_init="zeros")
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction=reduction)
    optimizer = nn.Momentum(network.trainable_params(), 0.05, **momentum)
    samples = [(points[n], labels[n]) for n in range(10)]
    data = dataset.GeneratorDataset(samples, ["data", "label"], shuffle=False).batch(4)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        Model(network, loss, optimizer).train(2, data, callbacks=[LossMonitor(2)])
    return {
        "reduction": reduction,
        "momentum": momentum,
        "start": encode(start),
        "points": encode(points),
        "labels": encode(labels),
        "printed": re.findall(r"epoch: \d+ step: \d+, loss is .*", printed.getvalue()),
        "weight": encode(network.weight),
        "bias": encode(network.bias),
    }


def main():
    losses = [
        {"loss": name, "inputs": encode(inputs), "results": [run(name, inputs, o) for o in options]}
        for name, inputs, options in CASES
    ]
    plain, decayed = {"momentum": 0.9}, {"momentum": 0.9, "weight_decay": 0.1}
    classes = {name: getattr(nn, name) for name in nn.loss.__all__}
    classes["WithLossCell"] = nn.WithLossCell
    signatures = {
        name: [str(inspect.signature(c.__init__)), str(inspect.signature(c.construct))]
        for name, c in classes.items()
    }
    trainings = [train("mean", plain), train("none", plain), train("mean", decayed)]
    found = {"losses": losses, "trainings": trainings}
    public = sorted({*nn.loss.__all__, *(n for n in vars(nn) if n.endswith("Loss"))} - {"Loss"})
    dense = list(inspect.signature(nn.Dense).parameters)
    path = Path(__file__).parent / "golden" / "mindspore.json"
    # one case to a line
    lines = [
        f'"versions": {json.dumps({"mindspore": ms.__version__})}',
        f'"public": {json.dumps(public)}',
        f'"dense": {json.dumps(dense)}',
        f'"signatures": {json.dumps(signatures)}',
        *(
            f'"{key}": [\n'
            + ",\n".join(json.dumps(x, separators=(",", ":")) for x in found[key])
            + "\n]"
            for key in ("losses", "trainings")
        ),
    ]
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
