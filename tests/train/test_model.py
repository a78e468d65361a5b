"""The trainer does what a hand-written loop does, and more safely."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lossary import ArcFaceLoss, CrossEntropyLoss, LossBase, MSELoss, cross_entropy
from lossary.train import (
    Callback,
    ColumnsError,
    EarlyStopping,
    LossMonitor,
    Model,
    NonFiniteLossError,
    Run,
    TimeMonitor,
)

SGD = functools.partial(torch.optim.SGD, lr=0.1)
X, Y = torch.randn(10, 3, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 2
BATCHES = [(X[:4], Y[:4]), (X[4:8], Y[4:8]), (X[8:], Y[8:])]


def net(outputs: int = 2) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, outputs)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), cross_entropy, nn.CrossEntropyLoss()])
def test_steps_equal_a_hand_written_loop(loss) -> None:
    by_hand = net()
    optimizer = SGD(by_hand.parameters())
    for _ in range(3):
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss(by_hand(x), y).backward()
            optimizer.step()
    model = Model(net(), loss, SGD)
    model.train(3, BATCHES, progress=False)
    assert torch.equal(model.network.weight, by_hand.weight)


def test_epoch_mean_is_the_mean_over_all_units_of_ragged_batches() -> None:
    """With a learning rate of 0 the epoch's loss is that of the whole data."""
    target = Y.clone()
    target[:3] = -100  # 1 of 4, 4 of 4 and 2 of 2 labels take part
    batches = [(X[:4], target[:4]), (X[4:8], target[4:8]), (X[8:], target[8:])]
    model = Model(net(), CrossEntropyLoss(), functools.partial(torch.optim.SGD, lr=0.0))
    record = model.train(1, batches, progress=False)[0]
    assert record["loss"] == pytest.approx(cross_entropy(net()(X), target).item(), rel=1e-6)
    assert model.evaluate(batches)["loss"] == pytest.approx(record["loss"], rel=1e-6)


def test_accumulated_gradients_are_those_of_the_big_batch() -> None:
    weights = torch.tensor([1.0, 5.0], dtype=torch.float64)
    batches = [(x.double(), y) for x, y in BATCHES]
    whole, split = (
        Model(net().double(), CrossEntropyLoss(class_weight=weights), SGD) for _ in "12"
    )
    whole.train(2, [(X.double(), Y)], progress=False)
    split.train(2, batches, accumulate=3, progress=False)
    assert torch.allclose(split.network.weight, whole.network.weight, rtol=1e-12)
    ragged = Model(net().double(), CrossEntropyLoss(), SGD)
    assert ragged.train(1, batches, accumulate=2, progress=False)[0]["epoch"] == 1


class TwoLabels(LossBase):
    takes = "real N D, label N, real N -> N"

    def units(self, output: Tensor, label: Tensor, value: Tensor) -> Tensor:
        return cross_entropy(output[:, :2], label, reduction="none") + (output[:, 2] - value) ** 2


def test_all_further_columns_go_to_the_loss() -> None:
    model = Model(net(3), TwoLabels(), SGD)
    history = model.train(30, (X, Y, X[:, 0]), progress=False)
    assert history[-1]["loss"] < history[0]["loss"]


class OwnLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = net(3)

    def forward(self, x: Tensor, label: Tensor, value: Tensor) -> dict[str, Tensor]:
        output = self.body(x)
        return {
            "class": cross_entropy(output[:, :2], label),
            "value": ((output[:, 2] - value) ** 2).mean(),
        }


def test_without_a_loss_the_network_gets_all_columns() -> None:
    history = Model(OwnLoss(), None, SGD).train(30, (X, Y, X[:, 0]), progress=False)
    assert history[-1]["loss"] < history[0]["loss"]
    last = history[-1]
    assert last["loss"] == pytest.approx(last["class"] + last["value"], rel=1e-5)


def test_a_mapping_with_a_loss_has_it_as_total() -> None:
    def loss(output: Tensor, label: Tensor) -> dict[str, Tensor]:
        total = cross_entropy(output, label)
        return {"loss": total, "twice": 2 * total}

    record = Model(net(), loss, SGD).train(1, (X, Y), progress=False)[0]
    assert record["twice"] == pytest.approx(2 * record["loss"])


def test_wrong_columns_name_both_remedies() -> None:
    model = Model(net(), CrossEntropyLoss(), SGD)
    with pytest.raises(ColumnsError) as error:
        model.train(1, (X, Y, X[:, 0]), progress=False)
    for words in (
        "3 columns (1: float32 (10, 3), 2: int64 (10,), 3: float32 (10,))",
        "CrossEntropyLoss takes 1",
        "give a loss that takes 2",
        "loss_fn=None",
    ):
        assert words in str(error.value)
    with pytest.raises(ColumnsError, match="TwoLabels takes 2"):
        Model(net(), TwoLabels(), SGD).train(1, (X, Y), progress=False)


def test_a_class_instead_of_a_loss_is_refused() -> None:
    with pytest.raises(TypeError, match="loss_fn is the class CrossEntropyLoss: make one"):
        Model(net(), CrossEntropyLoss, SGD)


def test_parameters_of_the_loss_are_trained_and_saved(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Model(net(4), ArcFaceLoss(4, 2, scale=5.0), SGD)
    before = model.wired.loss.prototypes.clone()
    model.train(2, (X, Y), progress=False)
    trained = model.wired.loss.prototypes
    assert not torch.equal(before, trained)
    model.save(tmp_path / "model.safetensors")
    other = Model(net(4), ArcFaceLoss(4, 2, scale=5.0), SGD)
    other.load(tmp_path / "model.safetensors")
    assert torch.equal(other.wired.loss.prototypes, trained)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("damage", ["truncated", "tampered", "a pickle", "empty"])
def test_a_damaged_file_is_named_and_changes_nothing(tmp_path: Path, damage: str) -> None:
    model, file = Model(net(4), ArcFaceLoss(4, 2), SGD), tmp_path / "model.safetensors"
    model.save(file)
    whole = file.read_bytes()
    match damage:
        case "truncated":
            file.write_bytes(whole[:-3])
        case "tampered":
            file.write_bytes(b"\xff" * 8 + whole[8:])  # the length of the header
        case "a pickle":
            torch.save(model.wired.state_dict(), file)
        case "empty":
            file.write_bytes(b"")
    before = {n: t.clone() for n, t in model.wired.state_dict().items()}
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged, or no safetensors file"):
        model.load(file)
    assert all(torch.equal(t, before[n]) for n, t in model.wired.state_dict().items())


def test_a_file_of_another_network_changes_nothing(tmp_path: Path) -> None:
    other = Model(net(5), ArcFaceLoss(5, 2), SGD)
    other.save(tmp_path / "model.safetensors")
    model = Model(net(4), ArcFaceLoss(4, 2), SGD)
    before = {n: t.clone() for n, t in model.wired.state_dict().items()}
    with pytest.raises(ValueError, match="is of another network or loss"):
        model.load(tmp_path / "model.safetensors")
    assert all(torch.equal(t, before[n]) for n, t in model.wired.state_dict().items())
    with pytest.raises(FileNotFoundError):
        model.load(tmp_path / "none.safetensors")


def test_an_optimizer_that_forgets_the_loss_is_refused() -> None:
    network = net(4)
    with pytest.raises(ValueError, match=r"does not train loss\.prototypes"):
        Model(network, ArcFaceLoss(4, 2), SGD(network.parameters()))


@pytest.mark.parametrize("part", ["loss", "second"])
def test_a_loss_that_is_not_finite_stops_before_the_step(part: str) -> None:
    def loss(output: Tensor, label: Tensor) -> dict[str, Tensor]:
        value = cross_entropy(output, label)
        return {"loss": value, "second": value * 0 + 1, part: value / (label.sum() - 2).abs()}

    labels = [torch.tensor([0, 1, 0, 1]), torch.tensor([0, 1, 1, 1]), torch.tensor([0, 1, 0, 1])]
    batches = [(X[:4], labels[1]), (X[4:8], labels[0])]
    model = Model(net(), loss, SGD)
    reference = Model(net(), loss, SGD)
    reference.train(1, batches[:1], progress=False)
    with pytest.raises(NonFiniteLossError, match=r"inf in epoch 1, step 2") as error:
        model.train(1, batches, progress=False)
    assert ("part 'second'" in str(error.value)) == (part == "second")
    assert torch.equal(model.network.weight, reference.network.weight)


def generated() -> Iterator[tuple[Tensor, Tensor]]:
    yield from BATCHES


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        (X.numpy(), Y.numpy()),
        (X.numpy().astype(np.float64), Y.numpy().astype(np.int32)),
        TensorDataset(X, Y),
        DataLoader(TensorDataset(X, Y), batch_size=4),
        BATCHES,
        [[x.numpy(), y.numpy()] for x, y in BATCHES],
    ],
    ids=["tensors", "numpy", "numpy64", "dataset", "loader", "list", "lists"],
)
def test_kinds_of_data(data) -> None:
    model = Model(net(), CrossEntropyLoss(), SGD)
    assert len(model.train(2, data, batch_size=4, progress=False)) == 2
    assert model.evaluate(data)["loss"] > 0
    assert model.predict(data).shape == (10, 2)


def test_a_generator_is_read_once_and_the_error_says_so() -> None:
    model = Model(net(), CrossEntropyLoss(), SGD)
    assert len(model.train(1, generated(), progress=False)) == 1
    stream = generated()
    with pytest.raises(ValueError, match=r"no batch in epoch 2; a generator can be read only once"):
        model.train(2, stream, progress=False)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, Y[:3]), "equal length"),
        (X, "a data set is a tuple"),
        ([("a", "b")], "must be a tensor"),
    ],
)
def test_wrong_data_is_refused(data, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Model(net(), CrossEntropyLoss(), SGD).train(1, data, progress=False)


def test_the_seed_decides_the_order() -> None:
    def trained(seed: int) -> Tensor:
        model = Model(net(), CrossEntropyLoss(), SGD)
        model.train(2, (X, Y), batch_size=2, seed=seed, progress=False)
        return model.network.weight

    assert torch.equal(trained(0), trained(0))
    assert not torch.equal(trained(0), trained(1))


def test_validation_does_not_change_training() -> None:
    def trained(valid) -> Tensor:
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Linear(3, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 2)
        )
        model = Model(network, CrossEntropyLoss(), SGD, {"wrong": _wrong})
        torch.manual_seed(1)
        model.fit(3, (X, Y), valid, batch_size=5, progress=False)
        return network[0].weight

    assert torch.equal(trained(None), trained((X, Y)))


def _wrong(output: Tensor, label: Tensor) -> Tensor:
    return (output.argmax(1) != label).double().mean()


class Count:
    """A metric in the style of torchmetrics."""

    def reset(self) -> None:
        self.seen = 0

    def update(self, output: Tensor, label: Tensor) -> None:
        self.seen += len(label)

    def compute(self) -> int:
        return self.seen


def test_metrics_are_of_the_whole_data() -> None:
    model = Model(net(), CrossEntropyLoss(), SGD, {"wrong": _wrong, "count": Count()})
    record = model.fit(1, (X, Y), (X, Y), batch_size=3, progress=False)[0]
    assert record["valid_count"] == 10
    assert record["valid_wrong"] == _wrong(model.predict(X), Y).item()


def test_metrics_need_an_output() -> None:
    with pytest.raises(ValueError, match="metrics need the network's output"):
        Model(OwnLoss(), None, SGD, {"wrong": _wrong})


def test_loss_monitor_prints_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    model = Model(net(1), MSELoss(), functools.partial(torch.optim.SGD, lr=0.0))
    batches = [(X[:4], torch.zeros(4, 1)), (X[4:], torch.zeros(6, 1))]
    model.train(2, batches, [LossMonitor(), TimeMonitor()])
    lines = capsys.readouterr().out.splitlines()
    expected = [(net(1)(x) ** 2).mean().item() for x, _ in batches]
    assert lines[0] == f"epoch: 1 step: 1, loss is {expected[0]:.6f}"
    assert lines[1] == f"epoch: 1 step: 2, loss is {expected[1]:.6f}"
    assert lines[2].startswith("epoch: 1 took ")
    assert lines[3].startswith("epoch: 2 step: 1, loss is ")


def test_callbacks_get_the_run_in_order() -> None:
    seen: list[str] = []

    class Watch(Callback):
        def on_train_begin(self, run: Run) -> None:
            seen.append(f"begin {run.epochs} {run.steps}")

        def on_epoch_begin(self, run: Run) -> None:
            seen.append(f"epoch {run.epoch}")

        def on_step_end(self, run: Run) -> None:
            seen.append(f"step {run.step}")
            assert run.loss > 0

        def on_epoch_end(self, run: Run) -> None:
            seen.append(f"end {run.history[-1]['epoch']}")
            run.stop()

        def on_train_end(self, run: Run) -> None:
            seen.append("over")

    Model(net(), CrossEntropyLoss(), SGD).train(5, BATCHES, [Watch()], accumulate=2)
    assert seen == ["begin 5 2", "epoch 1", "step 1", "step 2", "end 1", "over"]


def test_early_stopping_waits_and_stops() -> None:
    model = Model(net(), CrossEntropyLoss(), functools.partial(torch.optim.SGD, lr=0.0))
    assert len(model.fit(9, (X, Y), (X, Y), [EarlyStopping(patience=2)], progress=False)) == 4
    with pytest.raises(ValueError, match="no 'valid_loss' to stop by"):
        model.train(1, (X, Y), [EarlyStopping()], progress=False)


def test_a_step_in_which_nothing_takes_part_changes_nothing() -> None:
    model = Model(net(), CrossEntropyLoss(), SGD)
    before = model.network.weight.clone()
    record = model.train(1, [(X, torch.full((10,), -100))], progress=False)[0]
    assert record["loss"] == 0
    assert torch.equal(model.network.weight, before)


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    Model(net(), CrossEntropyLoss(), SGD).train(2, (X, Y), progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
