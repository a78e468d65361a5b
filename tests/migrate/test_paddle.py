"""lossary.migrate.paddle gives the values and gradients of PaddlePaddle in the golden file."""

import inspect

import pytest
import torch
from torch import Tensor

from lossary.migrate import paddle
from lossary.migrate.paddle import functional
from migrate.outcomes import golden, of_paddle, paddle_adaptive, paddle_tensor

GOLDEN = golden("paddle")
CASES = [
    pytest.param(case, run, id=f"{case['name']}-{number}-{'-'.join(map(str, run['options']))}-{i}")
    for number, case in enumerate(GOLDEN["cases"])
    for i, run in enumerate(case["runs"])
]


def close(actual: Tensor, expected: object, **tolerances: float) -> None:
    wanted = torch.tensor(expected, dtype=actual.dtype).reshape(actual.shape)
    tolerances = {"rtol": 2e-5, "atol": 2e-6} | tolerances
    torch.testing.assert_close(actual, wanted, equal_nan=True, **tolerances)


@pytest.mark.parametrize(("case", "run"), CASES)
def test_value_and_gradient_are_paddles(case: dict, run: dict) -> None:
    """The function and the layer give its value, gradient and shape, under every reduction."""
    for way in ("function", "layer"):
        if way == "layer" and case["layer"] is None:
            continue
        outcome = of_paddle(case, run, way)
        for ours, theirs in ((outcome.value, outcome.wanted), *outcome.gradients):
            torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-6, equal_nan=True)


@pytest.mark.parametrize("name", GOLDEN["functions"])
def test_functions_have_paddles_arguments(name: str) -> None:
    """Names, order and defaults."""
    expected = GOLDEN["functions"][name]
    assert parameters(inspect.signature(getattr(functional, name))) == expected


@pytest.mark.parametrize("name", GOLDEN["layers"])
def test_layers_have_paddles_arguments(name: str) -> None:
    """Names, order and defaults of the constructors."""
    assert parameters(inspect.signature(getattr(paddle, name))) == GOLDEN["layers"][name]


def parameters(signature: inspect.Signature) -> list:
    return [
        [name, "required" if p.default is p.empty else p.default]
        for name, p in signature.parameters.items()
    ]


def test_transducer_gives_the_gradient_of_the_logits() -> None:
    golden = GOLDEN["rnnt_of_logits"]
    for run in golden["runs"]:
        logits = paddle_tensor(golden["logits"]).requires_grad_()
        others = [paddle_tensor(stored) for stored in golden["others"]]
        strength = run["fastemit_lambda"]
        functional.rnnt_loss(logits.log_softmax(-1), *others, fastemit_lambda=strength).backward()
        close(logits.grad, run["gradient"])


def test_adaptive_softmax_is_paddles() -> None:
    """Values, gradient, log-probabilities and prediction, from Paddle's weights."""
    golden = GOLDEN["adaptive"]
    layer, given, label = paddle_adaptive(golden)
    output, loss = layer(given, label)
    loss.backward()
    close(output.detach(), golden["output"])
    close(loss.detach(), golden["loss"])
    close(given.grad, golden["gradient"])
    close(layer.log_prob(given).detach(), golden["log_prob"])
    close(layer.predict(given), golden["predict"])
    single, _ = layer(given[0].detach(), label[0])
    close(single.detach(), golden["output"][0])
    with pytest.raises(ValueError, match="label must hold classes from 0 to 11"):
        layer(given, torch.full((6,), 12))


def test_hierarchical_sigmoid_layer_is_its_function() -> None:
    layer = paddle.HSigmoidLoss(3, 5)
    assert layer.weight.shape == (4, 3)
    assert layer.bias.shape == (4, 1)
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 3, 4])
    close(layer(x, y), functional.hsigmoid_loss(x, y, 5, layer.weight, layer.bias).tolist())
    assert paddle.HSigmoidLoss(3, 5, bias_attr=False, is_custom=True).weight.shape == (5, 3)


def test_the_distance_function_of_the_class_is_not_used() -> None:
    golden = GOLDEN["distance_function"]
    layer = paddle.TripletMarginWithDistanceLoss(lambda x, y: 100 * (x - y).abs().sum(-1))
    close(layer(*map(paddle_tensor, golden["inputs"])), golden["value"])


def test_what_is_not_kept_is_as_documented() -> None:
    """Where Paddle's kernels disagree or lose a gradient, the formula holds."""
    far = functional.cross_entropy(torch.tensor([[0.0, 200.0]]), torch.tensor([0]))
    assert far == 200  # 64 in Paddle on the CPU
    impossible = torch.tensor([[0.0, -torch.inf]])
    assert functional.cross_entropy(impossible, torch.tensor([[1.0, 0.0]]), soft_label=True) == 0
    twice = torch.zeros(1, 2, requires_grad=True)
    functional.cross_entropy(twice, torch.tensor([[2.0, 0.0]]), soft_label=True).backward()
    assert twice.grad.tolist() == [[-1, 1]]  # [[-1.5, 0.5]] in Paddle
    zero = torch.zeros(1, requires_grad=True)
    functional.binary_cross_entropy_with_logits(zero, torch.zeros(1)).backward()
    assert zero.grad == 0.5  # -0.5 in Paddle on the CPU
    variance = torch.ones(1, requires_grad=True)
    functional.gaussian_nll_loss(torch.zeros(1), torch.zeros(1), variance).backward()
    assert variance.grad == 0.5  # none in Paddle


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (paddle.CrossEntropyLoss(torch.ones(3), label_smoothing=0.1), torch.tensor([0, 2])),
        (paddle.CrossEntropyLoss(ignore_index=2), torch.tensor([0, 2])),
        (paddle.BCEWithLogitsLoss(), torch.rand(2, 3)),
        (paddle.SmoothL1Loss(), torch.rand(2, 3)),
    ],
)
def test_layers_compile(loss: torch.nn.Module, target: Tensor) -> None:
    """As one graph."""
    x = torch.randn(2, 3)
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    close(compiled(x, target), loss(x, target).tolist())


def test_options_are_kept_and_shown() -> None:
    """Tensors move with the layer and are not saved; the rest are attributes."""
    layer = paddle.CrossEntropyLoss(torch.tensor([1.0, 2.0]), 3, soft_label=False)
    assert layer.ignore_index == 3
    assert dict(layer.named_buffers()).keys() == {"weight"}
    assert not layer.state_dict()
    assert "ignore_index=3" in repr(layer)
    assert layer(input=torch.zeros(1, 2), label=torch.tensor([1])) > 0
    assert paddle.HuberLoss is paddle.SmoothL1Loss


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paddle.L1Loss("avg"), r"one of \('sum', 'mean', 'none'\), got 'avg'"),
        (lambda: paddle.L1Loss("batchmean"), "got 'batchmean'"),
        (
            lambda: functional.l1_loss(torch.zeros(1), torch.zeros(1), "avg"),
            "reduction must be 'sum', 'mean' or 'none', got 'avg'",
        ),
        (lambda: paddle.L1Loss()(*[torch.zeros(1)] * 3), "L1Loss takes .* got 3 of them"),
        (lambda: paddle.L1Loss(beta=1), "unexpected keyword argument 'beta'"),
        (
            lambda: functional.cross_entropy(
                torch.zeros(1, 2), torch.zeros(1, 2), soft_label=True, ignore_index=1
            ),
            "ignore_index must be -100 where soft_label is True, got 1",
        ),
        (
            lambda: functional.cross_entropy(torch.zeros(1, 2, 3), torch.tensor([1])),
            "label must have as many dimensions as input, 3, or one less, got 1",
        ),
        (
            lambda: functional.cross_entropy(torch.zeros(1, 2), torch.tensor([[1, 0]])),
            "label must have size 1 along the axis of the classes, got 2",
        ),
        (
            lambda: functional.cross_entropy(torch.zeros(1, 2), torch.tensor([2])),
            "target must hold class indices",
        ),
        (
            lambda: functional.poisson_nll_loss(torch.zeros(1), torch.zeros(1), epsilon=0),
            "epsilon must be positive, got 0",
        ),
        (
            lambda: functional.cosine_embedding_loss(*[torch.zeros(2, 2)] * 3),
            r"label \(N,\), got \(2, 2\), \(2, 2\) and \(2, 2\)",
        ),
        (
            lambda: functional.triplet_margin_loss(*[torch.zeros(2, 2)] * 3, margin=-1),
            "margin must not be negative, got -1",
        ),
        (
            lambda: functional.triplet_margin_loss(*[torch.zeros(2, 2)] * 2, torch.zeros(2)),
            r"must have the same shape, got \(2, 2\), \(2, 2\) and \(2,\)",
        ),
        (
            lambda: functional.triplet_margin_with_distance_loss(
                *[torch.zeros(2, 2)] * 3, lambda x, y: -torch.ones(2)
            ),
            "distance_function must not give negative distances",
        ),
        (
            lambda: functional.soft_margin_loss(torch.zeros(2), torch.zeros(3)),
            r"label must have the shape of input, \(2,\), got \(3,\)",
        ),
        (
            lambda: functional.hsigmoid_loss(
                torch.zeros(1, 2), torch.tensor([0]), 1, torch.zeros(1, 2)
            ),
            "num_classes must be at least 2, got 1",
        ),
        (lambda: paddle.HSigmoidLoss(2, 1), "num_classes must be at least 2, got 1"),
        (lambda: paddle.HSigmoidLoss(2, 3, object()), "set the parameters instead"),
        (
            lambda: paddle.AdaptiveLogSoftmaxWithLoss(2, 5, [3, 3]),
            r"cutoffs must rise, between 1 and n_classes - 1 = 4, got \[3, 3\]",
        ),
        (
            lambda: paddle.AdaptiveLogSoftmaxWithLoss(2, 5, [3])(
                torch.zeros(2, 2, 2), torch.zeros(2, 2)
            ),
            r"input must have shape \(N, D\) and label \(N,\)",
        ),
    ],
)
def test_errors(call: object, message: str) -> None:
    """They name the argument, what was wanted and what came."""
    with pytest.raises((ValueError, TypeError), match=message):
        call()
