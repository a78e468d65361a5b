"""Cases of the trainer that are easy to get wrong: precisions, odd losses, odd outputs."""

import functools
import json
import os
import random
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric.plugins.precision.amp import MixedPrecision
from torch import Tensor, nn
from torch.optim import lr_scheduler as schedulers

import lossary
import share_of_trainer_cases as cases
from lossary.train import GradientNormMonitor, Model, ModelCheckpoint, NonFiniteLossError
from lossary.train.engine import Engine
from share_of_trainer_cases import Norms

SGD = functools.partial(torch.optim.SGD, lr=0.1)
X, Y = torch.randn(10, 3, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 2


def net(outputs: int = 2) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, outputs)


def train(loss: Any, network: nn.Module | None = None, **options: Any) -> Model:
    model = Model(network or net(), loss, options.pop("optimizer", SGD))
    data = options.pop("data", (X, Y))
    model.train(options.pop("epochs", 1), data, progress=False, **options)
    return model


# precision


class See(lossary.LossBase):
    def units(self, input: Tensor, target: Tensor) -> Tensor:
        self.seen = input.dtype, target.dtype, torch.zeros(()).dtype, self.scale.dtype
        return (self.scale * (input - target).square()).mean(1)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "bf16-true", "16-true"])
def test_the_loss_is_computed_in_single_precision(precision: Any) -> None:
    loss = See(scale=torch.tensor(0.1))
    model = train(loss, net(1), data=(X, X[:, :1]), precision=precision, accumulate=2)
    assert loss.seen == (torch.float32,) * 4
    assert loss.scale == torch.tensor(0.1), "what the loss knows was not rounded"
    assert model.predict(X).dtype == torch.float32
    assert torch.get_default_dtype() == torch.float32


class Own(nn.Module):
    """Computes a big loss in half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.body = net(1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.body(x) * 0 + 1000).mean()


def test_a_loss_in_half_precision_is_added_up_in_single() -> None:
    x = torch.zeros(300, 3)
    model = Model(Own(), None, SGD)
    [record] = model.train(1, (x, x), batch_size=300, precision="16-true", progress=False)
    assert record["loss"] == 1000.0


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have float16 with a scaler on the CPU too, where Fabric would take bfloat16."""
    begin = Engine.__init__

    def begun(self: Engine, precision: Any = "32-true", *args: Any, **kwargs: Any) -> None:
        begin(self, "32-true", *args, **kwargs)
        self.asked, self.precision = (precision, *self.asked[1:]), precision
        half = MixedPrecision("16-mixed", "cpu")
        self._fabric._precision = self._fabric.strategy.precision = half
        self._scaler = half.scaler

    monkeypatch.setattr(Engine, "__init__", begun)


class Norm(lossary.train.Callback):
    def __init__(self) -> None:
        self.norms: list[float] = []
        self.skipped: list[bool] = []

    def on_step_end(self, run: lossary.train.Run) -> None:
        self.norms.append(run.gradient_norm)
        self.skipped.append(run.skipped)


@pytest.mark.usefixtures("scaled")
def test_the_scaler_finds_its_scale() -> None:
    seen, data = Norm(), (300 * X, 300 * X[:, :1])
    model = Model(net(1), lossary.MSELoss(), functools.partial(torch.optim.SGD, lr=1e-9))
    history = model.train(
        20, data, [seen], precision="16-mixed", accumulate=2, batch_size=5, progress=False
    )
    taken = seen.skipped.index(False)
    assert taken > 3, "the first scales are too great"
    assert not any(seen.skipped[taken:])
    whole = Norm()
    Model(net(1), lossary.MSELoss(), functools.partial(torch.optim.SGD, lr=0.0)).train(
        1, data, [whole], precision="32-true", batch_size=10, progress=False
    )
    assert seen.norms[taken] == pytest.approx(whole.norms[0], rel=1e-2)
    assert history[0]["loss"] == pytest.approx(history[-1]["loss"], rel=1e-3)
    assert model.network.weight.isfinite().all()


class InfiniteSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope * torch.inf


class Ill(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, x: Tensor) -> Tensor:
        return InfiniteSlope.apply(self.body(x))


@pytest.mark.usefixtures("scaled")
def test_an_overflow_without_end_is_an_error() -> None:
    with pytest.raises(NonFiniteLossError, match="the gradient of network"):
        train(lossary.CrossEntropyLoss(), Ill(), epochs=30, precision="16-mixed")


@pytest.mark.usefixtures("scaled")
def test_the_scaler_goes_on_after_a_step_that_was_left_out() -> None:
    x = X.clone()
    x[7] = torch.nan
    options = {"precision": "16-mixed", "batch_size": 2, "on_nonfinite": "skip"}
    with pytest.warns(RuntimeWarning, match="this step was not taken"):
        model = train(lossary.CrossEntropyLoss(), data=(x, Y), epochs=2, **options)
    assert model.network.weight.isfinite().all()
    assert not torch.equal(model.network.weight, net().weight)


# losses


@pytest.mark.parametrize(
    "loss",
    [
        lossary.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(reduction="sum"),
        functools.partial(nn.functional.cross_entropy, reduction="sum"),
        functools.partial(lossary.cross_entropy, reduction="sum"),
    ],
)
def test_a_sum_stays_a_sum(loss: Any) -> None:
    x = X.double()
    whole, split = (
        train(loss, net().double(), data=(x, Y), shuffle=False, **sizes)
        for sizes in ({"batch_size": 4}, {"batch_size": 2, "accumulate": 2})
    )
    torch.testing.assert_close(whole.network.weight, split.network.weight, rtol=1e-12, atol=0)
    total = nn.functional.cross_entropy(whole.predict(x), Y, reduction="sum").item()
    assert whole.evaluate((x, Y), batch_size=3)["loss"] == pytest.approx(total)


def test_a_sum_in_a_sum_is_one_loss() -> None:
    inner = lossary.CrossEntropyLoss() + lossary.CrossEntropyLoss(label_smoothing=0.1)
    loss = lossary.WeightedSum({"first": lossary.CrossEntropyLoss(), "rest": inner})
    model = train(loss, valid=(X, Y), accumulate=2, batch_size=3)
    with torch.no_grad():
        wanted = loss(model.network(X), Y).item()
    assert model.evaluate((X, Y)) == {"loss": pytest.approx(wanted)}


def test_several_outputs_accumulate_exactly() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net()

        def forward(self, x: Tensor) -> list[Tensor]:
            return [self.body(x), self.body(x) ** 2]

    y = torch.where(torch.arange(10) % 3 == 0, -100, Y)
    weights = []
    for size, accumulate in ((6, 1), (3, 2)):
        loss = lossary.DeepSupervision(lossary.CrossEntropyLoss(), [1.0, 0.5])
        model = Model(Twice().double(), loss, SGD)
        model.train(2, (X.double(), y), batch_size=size, accumulate=accumulate, progress=False)
        weights.append(model.network.body.weight)
    torch.testing.assert_close(*weights, rtol=1e-12, atol=1e-12)


def test_coefficients_of_a_sum_inside_another_loss_change_and_are_resumed(tmp_path: Path) -> None:
    def loss() -> lossary.DeepSupervision:
        parts = {"a": lossary.CrossEntropyLoss()}
        return lossary.DeepSupervision(
            lossary.WeightedSum(parts, {"a": lossary.ramp(1.0, 0.0, 4)}), [1.0, 1.0]
        )

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net()

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.body(x), self.body(x)

    first = train(loss(), Twice(), epochs=2, callbacks=[ModelCheckpoint(tmp_path)])
    assert first.wired.loss.losses["0"].step == 2
    after = train(loss(), Twice(), epochs=6, callbacks=[ModelCheckpoint(tmp_path)])
    four = train(loss(), Twice(), epochs=4)
    assert torch.equal(after.network.body.weight, four.network.body.weight), "the last are 0 times"


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_empty_batch_counts_for_nothing(accumulate: int) -> None:
    batches = [(X, Y), (X[:0], Y[:0])]
    model = Model(net(), nn.CrossEntropyLoss(), SGD)
    [record] = model.train(1, batches, accumulate=accumulate, progress=False)
    alone = Model(net(), nn.CrossEntropyLoss(), SGD)
    assert record["loss"] == alone.train(1, [(X, Y)], progress=False)[0]["loss"]
    assert torch.equal(model.network.weight, alone.network.weight)


def test_data_without_a_sample_is_refused() -> None:
    for use in (lambda m, d: m.train(1, d), Model.evaluate, Model.predict):
        with pytest.raises(ValueError, match="gave no batch"):
            use(Model(net(), nn.CrossEntropyLoss(), SGD), (X[:0], Y[:0]))


def test_a_loss_without_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="depends on no trainable parameter"):
        train(lambda output, label: output.argmax(1).float().mean())


def test_a_parameter_outside_the_model_gets_its_gradient() -> None:
    """10 samples in windows of 8 and 2: what gradients are divided by is not a guess's."""
    found = []
    for sizes in ({"batch_size": 8}, {"batch_size": 2, "accumulate": 4}):
        scale, network = nn.Parameter(torch.tensor(1.0)), net()

        def loss(output: Tensor, label: Tensor, scale: Tensor = scale) -> Tensor:
            return nn.functional.cross_entropy(scale * output, label)

        optimizer = torch.optim.SGD([*network.parameters(), scale], lr=0.1)
        train(lambda o, y, loss=loss: loss(o, y), network, optimizer=optimizer, **sizes)
        found.append(scale.item())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


class Lookup(nn.Module):
    def __init__(self, *, sparse: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = nn.Embedding(20, 4, sparse=sparse), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.table(x))


def test_sparse_gradients_are_clipped_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for sparse in (True, False):
        network = Lookup(sparse=sparse)
        options = {"accumulate": 2, "batch_size": 3, "clip_norm": 0.05}
        monitor = GradientNormMonitor(parts=True)
        data = torch.arange(10) % 7, Y
        train(nn.CrossEntropyLoss(), network, data=data, callbacks=[monitor], **options)
        found.append((network.table.weight, capsys.readouterr().out))
    torch.testing.assert_close(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def named(output: Tensor, label: Tensor) -> dict[str, Tensor]:
    return {"class": nn.functional.cross_entropy(output, label), "size": output.square().mean()}


@pytest.mark.parametrize(
    ("loss", "parts"),
    [
        (lossary.CrossEntropyLoss(), ["loss"]),
        (lossary.CrossEntropyLoss(reduction="sum"), ["loss"]),
        (nn.CrossEntropyLoss(), ["loss"]),
        (named, ["loss", "class", "size"]),
        (lossary.WeightedSum({"a": lossary.CrossEntropyLoss()}), ["a"]),
    ],
)
def test_norms_of_parts_do_not_depend_on_how_the_step_is_cut(loss: Any, parts: list[str]) -> None:
    """All samples are the same, so every batch has the gradient of the step."""
    data = X[:1].repeat(8, 1), Y[:1].repeat(8)
    whole, split, all_of_it = Norms(), Norms(), Norm()
    train(loss, data=data, callbacks=[whole, all_of_it], batch_size=8)
    train(loss, data=data, callbacks=[split], batch_size=2, accumulate=4)
    assert list(whole.seen[0]) == parts
    assert whole.seen[0] == pytest.approx(split.seen[0], rel=1e-5)
    assert whole.seen[0][parts[0]] == pytest.approx(all_of_it.norms[0], rel=1e-5)


# what is given


def test_an_optimizer_that_asks_for_the_loss_again_is_refused() -> None:
    with pytest.raises(ValueError, match="LBFGS computes the loss several times"):
        train(lossary.CrossEntropyLoss(), optimizer=torch.optim.LBFGS)
    network = net()
    with pytest.raises(ValueError, match="LBFGS"):
        Model(network, lossary.CrossEntropyLoss(), torch.optim.LBFGS(network.parameters()))


def test_a_scheduler_of_another_optimizer_is_refused() -> None:
    other = schedulers.StepLR(SGD(net().parameters()), 1)
    with pytest.raises(ValueError, match="scheduler is of another optimizer"):
        train(lossary.CrossEntropyLoss(), scheduler=other)


@pytest.mark.parametrize(
    ("make", "interval"),
    [
        (lambda o: schedulers.LambdaLR(o, lambda epoch: 0.9**epoch), "epoch"),
        (lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=12), "step"),
        (lambda o: schedulers.ReduceLROnPlateau(o, patience=0, threshold=9.0), "epoch"),
        (lambda o: schedulers.ReduceLROnPlateau(o, patience=0, threshold=9.0), "step"),
        (lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3), "step"),
    ],
)
def test_schedulers_are_resumed(
    make: Callable[[torch.optim.Optimizer], Any], interval: Any, tmp_path: Path
) -> None:
    class Break(lossary.train.Callback):
        def on_step_end(self, run: lossary.train.Run) -> None:
            if run.total_steps == 5:
                raise InterruptedError

    def begin(*callbacks: Any) -> Model:
        return train(
            lossary.CrossEntropyLoss(),
            optimizer=torch.optim.Adam,
            epochs=4,
            batch_size=4,
            scheduler=make,
            scheduler_interval=interval,
            callbacks=callbacks,
        )

    with pytest.raises(InterruptedError):
        begin(ModelCheckpoint(tmp_path, every_steps=2), Break())
    resumed, whole = begin(ModelCheckpoint(tmp_path, every_steps=2)), begin()
    assert torch.equal(resumed.network.weight, whole.network.weight)


# outputs and metrics


class Mapped(OrderedDict[str, Tensor]):
    """A mapping with attributes, as some libraries return them."""

    @property
    def logits(self) -> Tensor:
        return self["logits"]


class ManyOutputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, x: Tensor) -> Mapped:
        out = self.body(x)
        return Mapped(logits=out, pair=(out, 2 * out), size=out.norm())


def test_networks_may_return_more_than_a_tensor() -> None:
    def loss(output: Mapped, label: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output.logits, label)

    metrics = {"right": lambda output, y: (output["pair"][1].argmax(1) == y).double().mean()}
    model = Model(ManyOutputs(), loss, SGD, metrics)
    [record] = model.train(1, (X, Y), valid=(X, Y), batch_size=4, progress=False)
    found = model.predict(X, batch_size=4)
    assert found["pair"][1].shape == (10, 2)
    assert found["size"].shape == (3,)
    assert record["valid_right"] == (found["logits"].argmax(1) == Y).double().mean().item()


def test_a_metric_may_have_several_numbers() -> None:
    metrics = {"of": lambda output, label: {"a": torch.tensor(1.0), "b": len(label)}}
    record = Model(net(), lossary.CrossEntropyLoss(), SGD, metrics).evaluate((X, Y))
    assert (record["of_a"], record["of_b"]) == (1.0, 10.0)


def test_a_metric_that_draws_random_numbers_does_not_change_training() -> None:
    def drawn(output: Tensor, label: Tensor) -> float:
        return torch.rand(()).item() + random.random() + float(np.random.rand())

    found = []
    for valid in (None, (X, Y)):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        network = nn.Sequential(net(3), nn.Dropout(0.5), net())
        model = Model(network, lossary.CrossEntropyLoss(), SGD, {"drawn": drawn})
        model.train(2, (X, Y), valid=valid, batch_size=4, progress=False)
        found.append([network[0].weight.tolist(), random.random(), np.random.rand()])
    assert found[0] == found[1]


# two processes


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Run every case in two processes, all in one start."""
    out = tmp_path_factory.mktemp("two")
    done = subprocess.run(
        [sys.executable, cases.__file__, str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out, [json.loads((out / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_a_filler_of_a_tuple_counts_for_nothing(two: Any) -> None:
    """3 batches for 2 processes: of the last step one has nothing."""
    weights, loss, evaluated = cases.two_outputs(1, 8)
    for told in two[1]:
        torch.testing.assert_close(
            torch.tensor(told["two outputs"][0][0]), torch.tensor(weights[0])
        )
        assert told["two outputs"][1:] == pytest.approx([loss, evaluated])


def test_norms_of_parts_are_those_of_all_processes(two: Any) -> None:
    [wanted] = cases.norms(1)
    for told in two[1]:
        assert told["norms"] == [pytest.approx(wanted)]


def test_samples_of_another_process_are_not_blamed(two: Any) -> None:
    [[innocent], [guilty]] = (told["innocent"] for told in two[1])
    assert "the loss of another process is nan" in innocent
    assert "samples" not in innocent.split("what to do")[0]
    assert "read the message of the process whose batch it was" in innocent
    assert "samples: 4, 5, 6, 7" in guilty


def test_a_later_model_takes_part_too(two: Any) -> None:
    """What was started counts, as with torchrun: each process alone would overwrite the other."""
    _, weights = cases.later(1, 4, 1)
    for told in two[1]:
        processes, found = told["later"]
        assert processes == 2
        torch.testing.assert_close(torch.tensor(found[0]), torch.tensor(weights[0]))


def test_parts_of_a_sharded_module_can_be_called(two: Any) -> None:
    options = {"batch_size": 8, "shuffle": False, "progress": False}
    model = Model(cases.net(3, 2)[0], lossary.CrossEntropyLoss(), cases.SGD)
    model.train(1, (cases.X, cases.Y), **options)
    for told in two[1]:
        found = torch.tensor(told["sharded predict"], dtype=torch.float64)
        torch.testing.assert_close(found, model.predict(cases.X))


def test_norms_of_parts_of_a_sharded_module_are_refused(two: Any) -> None:
    for told in two[1]:
        assert "no whole parameters with sharded=True" in told["sharded norms"]


def test_tied_weights_of_a_sharded_module_are_saved_once(two: Any) -> None:
    model = Model(cases.Tied(), cases.sum_of_two(), cases.SGD)
    model.load(two[0] / "tied.safetensors")
    assert model.network.first.weight is model.network.second.weight
    for told in two[1]:
        found = torch.tensor(told["sharded sum"], dtype=torch.float64)
        torch.testing.assert_close(found, model.predict(cases.X))
    trained = Model(cases.Tied(), cases.sum_of_two(), cases.SGD)
    options = {"batch_size": 8, "shuffle": False, "progress": False}
    trained.train(1, (cases.X, cases.Y), **options)
    torch.testing.assert_close(model.predict(cases.X), trained.predict(cases.X))


def layers(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def test_a_checkpoint_gives_the_weights_for_use(tmp_path: Path) -> None:
    saver = ModelCheckpoint(tmp_path, monitor="loss")
    model = Model(layers(), lossary.CrossEntropyLoss(), SGD)
    model.train(2, (X, Y), [saver], progress=False)
    used = Model(layers(1), lossary.CrossEntropyLoss(), SGD)
    used.load(saver.best)
    assert torch.equal(used.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="is of another network or loss"):
        Model(nn.Linear(3, 2), lossary.CrossEntropyLoss(), SGD).load(saver.best)
    with pytest.raises(FileNotFoundError):
        used.load(tmp_path / "step-00000099")


def train_again(callbacks: list[Any], network: nn.Module, data: Any, optimizer: Any) -> None:
    Model(network, lossary.CrossEntropyLoss(), optimizer).train(3, data, callbacks, progress=False)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda saver: train_again([saver], layers(), (X[:6], Y[:6]), SGD), "samples=10, not 6"),
        (lambda saver: train_again([saver], layers(), (X, Y), None), "optimizer='SGD', not 'Adam"),
        (lambda saver: train_again([saver], nn.Linear(3, 2), (X, Y), SGD), "another network"),
    ],
)
def test_a_training_of_something_else_is_not_resumed(other, said, tmp_path: Path) -> None:
    Model(layers(), lossary.CrossEntropyLoss(), SGD).train(
        1, (X, Y), [ModelCheckpoint(tmp_path)], progress=False
    )
    with pytest.raises(ValueError, match=said) as error:
        other(ModelCheckpoint(tmp_path))
    assert "resume=None" in str(error.value)


def test_parts_with_other_names_are_named() -> None:
    names = iter(["a", "a", "b"])

    def loss(output: Tensor, label: Tensor) -> dict[str, Tensor]:
        return {next(names): nn.functional.cross_entropy(output, label)}

    model = Model(layers(), loss, SGD)
    with pytest.raises(ValueError, match=r"\['b', 'loss'\] here and were \['a', 'loss'\] before"):
        model.train(3, (X, Y), progress=False)


def test_processes_need_a_script() -> None:
    program = "from lossary.train.engine import Engine; Engine(processes=2)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "put it into a file" in done.stderr


def test_one_task_of_slurm_is_not_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "1")
    with pytest.raises(ValueError, match="processes=2, but 1 were started"):
        Model(layers(), lossary.CrossEntropyLoss(), SGD).train(1, (X, Y), processes=2)


def test_gradients_that_are_compared_batch_by_batch_are_warned_of() -> None:
    network = layers()
    losses = {"a": lossary.CrossEntropyLoss(), "b": lossary.CrossEntropyLoss(label_smoothing=0.1)}
    model = Model(network, lossary.GradNorm(losses, network[2].weight), SGD)
    with pytest.warns(RuntimeWarning, match="GradNorm compares the gradients of each batch"):
        model.train(1, (X, Y), batch_size=5, accumulate=2, progress=False)
