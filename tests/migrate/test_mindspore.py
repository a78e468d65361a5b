"""``lossary.migrate.mindspore`` gives the numbers of MindSpore, and runs its training scripts."""

import inspect
import itertools
import math
import pickle
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossary.migrate import mindspore as nn
from lossary.migrate.mindspore.dataset import GeneratorDataset
from lossary.migrate.mindspore.train import LossMonitor, Model, TimeMonitor
from migrate.outcomes import decode, golden, of_mindspore

HERE = Path(__file__).parent
GOLDEN = golden("mindspore")
# MindSpore has no kernels for them on the CPU
UNCOMPARED = {"SoftMarginLoss", "MultilabelMarginLoss", "TripletMarginLoss", "L1LossExt"}
CASES = [
    pytest.param(case, result, id=f"{case['loss']}-{number}-{part}")
    for number, case in enumerate(GOLDEN["losses"])
    for part, result in enumerate(case["results"])
]


def check_close(ours: Tensor, theirs: Tensor, scale: float = 1.0) -> None:
    """Compare, where MindSpore has a number; where it has none, ours is finite.

    The tolerance is that of MindSpore's exponential, whose relative error at 70 is 1.8e-5.
    """
    assert ours.shape == theirs.shape
    known = theirs.isfinite()
    assert ours[~known].isfinite().all()
    torch.testing.assert_close(ours[known], theirs[known], rtol=2e-5, atol=2e-6 * scale)


@pytest.mark.parametrize(("case", "result"), CASES)
def test_value_and_gradient_are_mindspore_s(case: dict, result: dict) -> None:
    outcome = of_mindspore(case, result)
    check_close(outcome.value, outcome.wanted)
    for slope, expected in outcome.gradients:
        check_close(slope, expected, max(1.0, expected.nan_to_num(0, 0, 0).abs().max().item()))


def test_every_loss_is_compared() -> None:
    compared = {case["loss"] for case in GOLDEN["losses"]}
    assert {*GOLDEN["signatures"]} - {"LossBase", "WithLossCell"} == (compared | UNCOMPARED)


def bare(method: object) -> str:
    """The signature of a method without its annotations."""
    found = inspect.signature(method)
    parameters = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=parameters, return_annotation=found.empty))


@pytest.mark.parametrize("name", GOLDEN["signatures"])
def test_arguments_and_defaults_are_mindspore_s(name: str) -> None:
    of_constructor, of_call = GOLDEN["signatures"][name]
    assert bare(getattr(nn, name).__init__) == of_constructor
    if name != "LossBase":
        assert bare(getattr(nn, name).construct) == of_call


@pytest.mark.parametrize(
    ("loss", "tensors", "expected"),
    [
        (nn.SoftMarginLoss(), ([[0.3, 0.7], [0.5, 0.5]], [[-1.0, 1], [1, -1]]), 0.6764238),
        (
            nn.TripletMarginLoss(),
            ([[0.3, 0.7], [0.5, 0.5]], [[0.4, 0.6]] * 2, [[0.2, 0.9], [0.3, 0.7]]),
            0.8881968,
        ),
        (
            nn.MultilabelMarginLoss(),
            ([[0.1, 0.2, 0.4, 0.8], [0.2, 0.3, 0.5, 0.7]], [[1, 2, 0, 3], [2, 3, -1, 1]]),
            0.325,
        ),
        (nn.L1LossExt(), ([1.0, 2, 3], [1.0, 2, 2]), 1 / 3),
        (nn.L1LossExt("none"), ([1.0, 2, 3], [[1.0, 1, 1], [1, 2, 2]]), [[0, 1, 2], [0, 0, 1]]),
    ],
    ids=repr,
)
def test_what_cannot_be_compared_agrees_with_the_documentation(
    loss: nn.LossBase, tensors: tuple[list, ...], expected: object
) -> None:
    """The numbers are of the examples in MindSpore's documentation."""
    found = loss(*map(torch.tensor, tensors))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


def test_triplet_margin() -> None:
    """The margin of a call counts only where that of the constructor is 1."""
    a, b, c = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    for p, swap in itertools.product((1, 2), (False, True)):
        loss = nn.TripletMarginLoss(p, swap, reduction="none")
        expected = F.triplet_margin_loss(a, b, c, margin=3.0, p=p, swap=swap, reduction="none")
        torch.testing.assert_close(loss(a, b, c, margin=3.0), expected)
    loss = nn.TripletMarginLoss(margin=0.5)
    torch.testing.assert_close(loss(a, b, c, 3.0), F.triplet_margin_loss(a, b, c, margin=0.5))


def test_infeasible_labels() -> None:
    log_probs = torch.zeros(2, 1, 3).log_softmax(2).requires_grad_()
    call = (log_probs, torch.tensor([[1, 1]]), torch.tensor([2]), torch.tensor([2]))
    assert nn.CTCLoss(reduction="none")(*call).tolist() == [math.inf]
    loss = nn.CTCLoss(zero_infinity=True)(*call)
    loss.backward()
    assert loss == 0
    assert not log_probs.grad.any()


def test_get_loss() -> None:
    """The mean divides by the number of elements, whatever they weigh."""
    x, weights = torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [3.0]])
    assert nn.LossBase().get_loss(x, 2.0) == 3
    assert nn.LossBase("sum").get_loss(x, weights) == 12
    assert nn.LossBase("none").get_loss(x, weights).tolist() == [[1, 2], [3, 6]]
    assert nn.LossBase().get_loss(torch.tensor([1, 2]), 0.7).dtype == torch.int64
    assert nn.LossBase().get_axis(weights) == (0, 1)
    many = torch.full((1000,), 1000, dtype=torch.float16)
    assert nn.LossBase().get_loss(many) == 1000  # the sum would be infinite
    with pytest.raises(ValueError, match="must be 'mean', 'sum' or 'none', got 'avg'"):
        nn.LossBase("avg")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    """Sums do not overflow, and the result has the dtype of the input."""
    x, y = torch.zeros(70000, 2, dtype=dtype), torch.zeros(70000, dtype=torch.int32)
    sure = torch.tensor([0.0, 1.0], dtype=dtype)
    for found, expected in (
        (nn.CrossEntropyLoss()(x, y), math.log(2)),
        (nn.SoftmaxCrossEntropyWithLogits(True, "mean")(x, y), math.log(2)),
        (nn.BCELoss()(sure, 1 - sure), 27.631),
        (nn.BCELoss()(sure, sure), 0.0),
    ):
        assert found.dtype == dtype
        assert found.item() == pytest.approx(expected, rel=1e-2)


def test_probabilities_are_checked() -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\], got 1.5"):
        nn.BCELoss()(torch.tensor([1.5]), torch.tensor([1.0]))


def test_a_label_that_is_no_class() -> None:
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    for label in (3, -1, -100):
        with pytest.raises(ValueError, match="target"):
            loss(torch.zeros(1, 3), torch.tensor([label]))


@pytest.mark.parametrize("hits", [False, True])
def test_sampled_softmax_draws(hits: bool) -> None:
    """What is drawn is no label of the batch, and each other class as often as every other."""
    loss = nn.SampledSoftmaxLoss(2, 5, remove_accidental_hits=not hits, seed=1)
    drawn = torch.stack([loss._draw(torch.tensor([[1], [3], [1]])) for _ in range(3000)])
    assert (drawn[:, 0] != drawn[:, 1]).all()
    share = drawn.flatten().bincount(minlength=5) / 3000
    expected = torch.full((5,), 2 / 5) if hits else torch.tensor([2 / 3, 0, 2 / 3, 0, 2 / 3])
    torch.testing.assert_close(share, expected, rtol=0, atol=0.05)
    again = nn.SampledSoftmaxLoss(2, 5, remove_accidental_hits=not hits, seed=1)
    assert again._draw(torch.tensor([[1], [3], [1]])).tolist() == drawn[0].tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.SampledSoftmaxLoss(6, 5), r"num_sampled must be in \[1, 5\], got 6"),
        (lambda: nn.SampledSoftmaxLoss(2, 5, sampled_values=()), "must be three tensors, got 0"),
        (lambda: nn.MultiClassDiceLoss(activation="gelu"), "activation must be one of .*'gelu'"),
        (lambda: nn.Momentum([], 0.1, 0.9, loss_scale=8.0), "loss_scale must be 1, got 8.0"),
        (lambda: nn.Momentum([], [0.1], 0.9), "learning_rate must be one number, got list"),
        (
            lambda: nn.Momentum([{"params": [], "grad_centralization": True}], 0.1, 0.9),
            "may not have grad_centralization",
        ),
    ],
)
def test_what_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_pickle_and_state() -> None:
    """A weight moves with the module and is not saved with it."""
    loss = nn.CrossEntropyLoss(torch.tensor([1.0, 2.0]))
    x, y = torch.tensor([[1.0, 2.0], [3.0, 1.0]]), torch.tensor([0, 1])
    assert pickle.loads(pickle.dumps(loss))(x, y) == loss(x, y)
    assert not loss.state_dict()
    assert loss.double().weight.dtype == torch.float64


def test_momentum_groups() -> None:
    a, b = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    groups = [
        {"params": [a], "lr": 0.5, "weight_decay": 0.1},
        {"params": [b]},
        {"order_params": [b, a]},
    ]
    optimizer = nn.Momentum(groups, 0.1, 0.0, use_nesterov=True)
    (2 * a + 3 * b).backward()
    optimizer.step()
    assert a.item() == pytest.approx(1 - 0.5 * (2 + 0.1))
    assert b.item() == pytest.approx(1 - 0.1 * 3)


def test_nesterov() -> None:
    """The equations of MindSpore's documentation; its kernel for the CPU leaves Nesterov out."""
    parameter = torch.nn.Parameter(torch.tensor(1.0))
    optimizer = nn.Momentum([parameter], 0.1, 0.9, use_nesterov=True)
    p, v = 1.0, 0.0
    for slope in (1.0, -3.0, 2.0):
        parameter.grad = torch.tensor(slope)
        optimizer.step()
        v = v * 0.9 + slope
        p = p - (slope * 0.1 + v * 0.9 * 0.1)
        assert parameter.item() == pytest.approx(p)


class Flat(nn.Cell):
    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(2, 3)
        with torch.no_grad():
            self.dense.weight.copy_(start)
            self.dense.bias.zero_()

    def construct(self, x: Tensor) -> Tensor:
        return self.dense(x)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("training", GOLDEN["trainings"])
def test_training_is_mindspore_s(
    training: dict, wrapped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed and learnt, also of a loss that is not reduced: that trains by its sum."""
    network = Flat(decode(training["start"]))
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction=training["reduction"])
    optimizer = nn.Momentum(network.trainable_params(), 0.05, **training["momentum"])
    points, labels = decode(training["points"]).numpy(), decode(training["labels"]).numpy()
    data = GeneratorDataset(list(zip(points, labels, strict=True)), shuffle=False).batch(4)
    if wrapped:
        model = Model(nn.WithLossCell(network, loss), optimizer=optimizer)
    else:
        model = Model(network, loss, optimizer)
    model.train(2, data, LossMonitor(2))
    ours = capsys.readouterr().out.splitlines()
    assert [line.split(" is ")[0] for line in ours] == [
        line.split(" is ")[0] for line in training["printed"]
    ]
    for line, expected in zip(ours, training["printed"], strict=True):
        assert float(line.split()[-1]) == pytest.approx(float(expected.split()[-1]), rel=1e-5)
    torch.testing.assert_close(network.dense.weight.detach(), decode(training["weight"]))
    torch.testing.assert_close(network.dense.bias.detach(), decode(training["bias"]))


def test_model() -> None:
    network = torch.nn.Linear(2, 3)
    x, y = torch.randn(10, 2, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 3
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True)
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]
    hits = (network(x).argmax(1) == y).float().mean().item()
    found = Model(network, loss, metrics={"acc", "loss"}).eval(batches)
    assert found["acc"] == pytest.approx(hits)
    assert found["loss"] == pytest.approx(F.cross_entropy(network(x), y).item())
    one_hot = [(a, F.one_hot(b, 3).float()) for a, b in batches]
    model = Model(network, nn.SoftmaxCrossEntropyWithLogits(), metrics={"accuracy"})
    assert model.eval(one_hot) == {"accuracy": pytest.approx(hits)}
    model = Model(network, loss, metrics={"first": lambda output, label: output[0, 0]})
    assert model.eval(batches) == {"first": pytest.approx(network(x)[0, 0].item())}
    assert torch.equal(model.predict(x), network(x))
    assert network.training
    with pytest.raises(ValueError, match="needs an optimizer"):
        model.train(1, one_hot)
    with pytest.raises(ValueError, match="needs metrics"):
        Model(network, loss).eval(batches)
    with pytest.raises(ValueError, match="must be 'loss', 'accuracy' or functions, got 'f1'"):
        Model(network, loss, metrics={"f1"})


def test_monitors(capsys: pytest.CaptureFixture[str]) -> None:
    network = Flat(torch.zeros(3, 2))
    optimizer = nn.Momentum(network.trainable_params(), 0.1, 0.9)
    data = [(torch.ones(2, 2), torch.tensor([0, 1]))] * 3
    Model(network, nn.CrossEntropyLoss(), optimizer).train(1, data, [LossMonitor(0), TimeMonitor()])
    number = r"\d+\.\d{3}"
    pattern = rf"Train epoch time: {number} ms, per step time: {number} ms\n"
    assert re.fullmatch(pattern, capsys.readouterr().out)


def test_dataset() -> None:
    """What can be indexed is shuffled, as there, unless one says otherwise."""
    samples = [(float(n), n) for n in range(10)]
    assert not GeneratorDataset(lambda: iter(samples)).shuffled
    assert GeneratorDataset(samples).shuffled
    batches = list(GeneratorDataset(samples, ["x", "y"], shuffle=False).batch(4, True))
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
