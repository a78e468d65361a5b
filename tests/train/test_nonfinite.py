"""A loss, a part of it or a gradient that is not finite is never stepped on, and is explained."""

import json
import pickle
import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lossary.train.nonfinite import (
    BatchFileError,
    Buffers,
    Guard,
    Report,
    Skip,
    examine,
    first_nonfinite_gradient,
    gradient_norms,
    load_batch,
)
from lossary.train.run import NonFiniteLossError

NAN, INF = float("nan"), float("inf")
SAMPLES = (40, 41, 42, 43)


class Wired(nn.Module):
    """Network and loss in one module, with two named parts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        output = self.network(x)
        return {"square": ((output - y) ** 2).mean(), "log": output.exp().log().mean()}


def wired(*between: nn.Module) -> Wired:
    torch.manual_seed(0)
    return Wired(nn.Sequential(nn.Linear(3, 4), *between, nn.Linear(4, 1)))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 3, generator=generator), torch.randn(4, 1, generator=generator)


def with_nan() -> tuple[Tensor, Tensor]:
    x, y = batch()
    x[2, 1] = NAN
    return x, y


def steps(module: Wired, batches: list[tuple[Tensor, ...]], guard: Guard) -> None:
    """Train an epoch as the loop does."""
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    buffers = Buffers(module)
    for step, columns in enumerate(batches, 1):

        def make(what: str, value: float, columns=columns, step=step) -> Report:
            return guard.report(what, value, module, columns, epoch=1, step=step, samples=SAMPLES)

        buffers.keep()
        optimizer.zero_grad()
        parts = module(*columns)
        ill = [name for name, part in parts.items() if not part.isfinite()]
        if ill:
            found = f"part {ill[0]!r} of the loss", parts[ill[0]].item()
        else:
            sum(parts.values()).backward()
            if gradient_norms(module.parameters()).isfinite().all():
                optimizer.step()
                continue
            name, value = first_nonfinite_gradient(module.named_parameters())
            found = f"the gradient of {name}", value
        buffers.restore()
        guard.found(lambda found=found: make(*found))


def stopped(module: Wired, columns: tuple[Tensor, ...], directory: Path | None) -> Report:
    before = {name: t.clone() for name, t in module.state_dict().items()}
    with pytest.raises(NonFiniteLossError) as error:
        steps(module, [columns], Guard("raise", directory))
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert str(error.value).startswith(str(error.value.report))
    return error.value.report


def test_nan_in_the_data_names_sample_column_part_and_module(tmp_path: Path) -> None:
    report = stopped(wired(), with_nan(), tmp_path)
    assert report.samples == SAMPLES
    assert report.what == "part 'square' of the loss"
    assert report.columns == (
        "float32 (4, 3), 1 of 12 values not finite, in row 2 (sample 42)",
        "float32 (4, 1)",
    )
    assert report.activation == (
        "the first output that is not finite is that of 0 (Linear): nan in 4 of 16 values; its "
        "input is not finite already"
    )
    message = str(report)
    for words in (
        "part 'square' of the loss is nan in epoch 1, step 1, process 0; this step was not taken",
        "samples: 40, 41, 42, 43",
        "column 1: float32 (4, 3), 1 of 12 values not finite",
        "repair these samples",
    ):
        assert words in message
    assert max(map(len, message.splitlines())) < 220


def test_inf_in_a_part_names_the_largest_activation(tmp_path: Path) -> None:
    module = wired()
    with torch.no_grad():
        module.network[1].bias += 100.0  # its exponential is more than float32 has
    report = stopped(module, batch(), tmp_path)
    assert (report.what, report.value) == ("part 'log' of the loss", INF)
    assert report.columns == ("float32 (4, 3)", "float32 (4, 1)")
    size = module.network(batch()[0]).abs().max().item()
    assert report.activation == f"all are finite; the largest is {size:.3g}, of 1 (Linear)"
    assert "lower the learning rate" in str(report)


class Root(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.abs().sqrt()


def test_nan_in_a_gradient_of_a_finite_loss(tmp_path: Path) -> None:
    """The square root at 0 is finite, and its derivative is not."""
    module = wired(Root())
    with torch.no_grad():
        module.network[0].weight.zero_()
        module.network[0].bias.zero_()
    assert all(part.isfinite() for part in module(*batch()).values())
    report = stopped(module, batch(), tmp_path)
    assert report.what == "the gradient of network.0.weight"
    assert report.value != report.value
    assert report.activation.startswith("all are finite; the largest is ")
    assert "its value is finite and its derivative is not" in str(report)


def test_skip_goes_on_as_if_the_batch_were_not_there() -> None:
    module, other = wired(nn.BatchNorm1d(4)), wired(nn.BatchNorm1d(4))
    guard = Guard("skip")
    with pytest.warns(RuntimeWarning, match=r"1 so far, the budget is 10"):
        steps(module, [batch(), with_nan(), batch()], guard)
    steps(other, [batch(), batch()], Guard())
    for name, tensor in module.state_dict().items():  # running statistics too
        assert torch.equal(tensor, other.state_dict()[name]), name
    assert (guard.skipped, guard.skipped_in(1), guard.skipped_in(2)) == (1, 1, 0)


def test_the_budget_is_counted_over_the_training_and_over_checkpoints() -> None:
    first = Guard(Skip(budget=2))
    with pytest.warns(RuntimeWarning):
        steps(wired(), [batch(), with_nan()], first)
    resumed = Guard(Skip(budget=2))
    resumed.load_state(json.loads(json.dumps(first.state())))
    with (
        pytest.warns(RuntimeWarning, match="2 so far"),
        pytest.raises(NonFiniteLossError) as error,
    ):
        steps(wired(), [with_nan(), batch(), with_nan()], resumed)
    assert error.value.report.step == 3
    assert "the budget of 2 such steps is spent, by epoch 1 step 2, epoch 1 step 1" in str(
        error.value
    )


def test_report_never_steps_and_never_stops() -> None:
    module = wired()
    before = module.network[0].weight.clone()
    guard = Guard("report")
    with pytest.warns(RuntimeWarning) as told:
        steps(module, [with_nan()] * 12, guard)
    assert len(told) == guard.skipped == 12
    assert torch.equal(module.network[0].weight, before)


def test_a_training_that_is_ill_for_hours_does_not_fill_the_disk(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning) as told:
        steps(wired(), [with_nan()] * 12, Guard("report", tmp_path))
    assert len(list(tmp_path.iterdir())) == 10
    assert "10 batches of this training are in" in str(told[-1].message)


@pytest.mark.parametrize("policy", ["Skip", "stop", None, 3])
def test_wrong_policy_names_the_right_ones(policy) -> None:
    with pytest.raises(ValueError, match=r"'raise', 'skip', 'report' or Skip\(budget=...\), got"):
        Guard(policy)


@pytest.mark.parametrize("budget", [0, -1, 1.5, True])
def test_wrong_budget(budget) -> None:
    with pytest.raises(ValueError, match="at least 1, got"):
        Skip(budget)


def test_the_error_crosses_processes_with_its_report() -> None:
    with pytest.raises(NonFiniteLossError) as error:
        steps(wired(), [with_nan()], Guard())
    copy = pickle.loads(pickle.dumps(error.value))
    assert str(copy.report) == str(error.value.report)


def test_a_process_whose_batch_was_finite_points_to_the_other() -> None:
    message = str(Report("the loss of another process", NAN, epoch=3, step=17, rank=1))
    assert message.splitlines() == [
        "the loss of another process is nan in epoch 3, step 17, process 1; this step was not "
        "taken, the parameters are as they were before it",
        "  what to do: read the message of the process whose batch it was",
    ]


# the batch on disk


def test_the_file_is_the_batch_and_gives_the_nan_again(tmp_path: Path) -> None:
    module, (x, y) = wired(), with_nan()
    report = stopped(module, (x, y), tmp_path / "new" / "folder")
    assert report.file == tmp_path / "new" / "folder" / "nonfinite-epoch1-step1-rank0.safetensors"
    assert [path.name for path in report.file.parent.iterdir()] == [report.file.name]
    with safe_open(report.file, "pt") as file:
        about = json.loads(file.metadata()["batch"])
    assert (about["samples"], about["epoch"], about["step"]) == (list(SAMPLES), 1, 1)
    assert (about["what"], about["value"]) == ("part 'square' of the loss", "nan")
    # the two lines of the message, run as they stand
    lines = [line.strip() for line in str(report).splitlines()]
    at = lines.index("model.wired(*columns).sums")
    place = lines[at - 1].removeprefix("columns = lossary.train.load_batch('").removesuffix("')")
    columns = load_batch(place)
    assert torch.equal(columns[0].nan_to_num(7.0), x.nan_to_num(7.0))
    assert columns[0].isnan().equal(x.isnan())
    assert torch.equal(columns[1], y)
    assert module(*columns)["square"].isnan()


def test_the_file_holds_any_columns(tmp_path: Path) -> None:
    """Columns that share memory, are no plain block of it, are empty or have one number."""
    x = torch.arange(6.0).reshape(2, 3)
    columns = (
        x,
        x,
        x.T,
        torch.ones(1).expand(3),
        torch.empty(0, 2),
        torch.tensor(INF),
        torch.tensor([True]),
        torch.ones(2, dtype=torch.bfloat16),
        torch.arange(3),
        *(torch.full((1,), float(i)) for i in range(9, 12)),
    )
    report = Guard("raise", tmp_path).report(
        "the loss", INF, nn.Identity(), columns, epoch=1, step=1
    )
    loaded = load_batch(report.file)
    assert len(loaded) == 12
    for was, now in zip(columns, loaded, strict=True):
        assert was.dtype == now.dtype
        assert torch.equal(was, now)
    assert report.columns[5] == "float32 (), 1 of 1 values not finite"


def test_sparse_columns_and_numpy_samples_do_not_hide_the_report(tmp_path: Path) -> None:
    def report(*columns: Tensor) -> Report:
        return Guard("raise", tmp_path).report(
            "the loss", NAN, nn.Identity(), columns, epoch=1, step=1, samples=np.arange(2)
        )

    assert load_batch(report(torch.ones(2)).file)[0].sum() == 2
    sparse = report(torch.eye(2).to_sparse())
    assert sparse.columns == ("float32 (2, 2), sparse_coo",)
    assert sparse.file is None
    assert "is not on disk: writing" in str(sparse)


def test_without_a_directory_the_message_says_how_to_get_the_file() -> None:
    report = stopped(wired(), with_nan(), None)
    assert report.file is None
    assert "not on disk: train with a ModelCheckpoint(directory)" in str(report)


def test_a_place_that_cannot_be_written_does_not_hide_the_report(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    report = stopped(wired(), with_nan(), tmp_path / "file")
    assert report.file is None
    assert "NotADirectoryError" in str(report) or "FileExistsError" in str(report)
    assert "in row 2 (sample 42)" in str(report)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_nothing_behind_and_does_not_hide_the_report(tmp_path: Path) -> None:
    with file_size_limit(100):
        report = stopped(wired(), with_nan(), tmp_path)
    assert report.file is None
    assert "failed with" in report.unwritten
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_truncated_file_is_named(tmp_path: Path, keep: int) -> None:
    file = stopped(wired(), with_nan(), tmp_path).file
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(BatchFileError, match="is damaged, or no safetensors file") as error:
        load_batch(file)
    assert str(file) in str(error.value)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(BatchFileError, match="holds no batch but weight"):
        load_batch(tmp_path / "model.safetensors")
    with pytest.raises(FileNotFoundError):
        load_batch(tmp_path / "missing.safetensors")


# looking at the activations


class Stateful(nn.Module):
    """Draws from every generator, and changes a buffer, a buffer's place, and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("late", None)
        self.register_buffer("mask", torch.ones(1).expand(5))  # which nobody can write to
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        self.mean = self.mean + 1
        self.late = torch.ones(1)
        self.calls += 1
        self.cache = x
        return x * (1 + 0 * (random.random() + np.random.rand()))


def test_examine_leaves_no_trace() -> None:
    module = wired(nn.BatchNorm1d(4), nn.Dropout(0.5), Stateful())
    stateful = module.network[3]
    before = {name: t.clone() for name, t in module.state_dict().items()}
    buffers = dict(module.named_buffers())
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    assert "first output that is not finite is that of 0 (Linear)" in examine(module, with_nan())
    after = module.state_dict()
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor), name
    for name, buffer in module.named_buffers():
        assert buffer is buffers[name]
    assert stateful.calls == 0
    assert stateful.late is None
    assert not hasattr(stateful, "cache")
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert random.getstate() == drawn[1]
    assert np.array_equal(np.random.get_state()[1], drawn[2])
    assert all(not part._forward_hooks for part in module.modules())
    assert module.training
    module(*batch())  # the test is of a module that would leave traces
    assert (stateful.calls, stateful.seen[0], stateful.mean[0]) == (1, 1, 1)
    assert not torch.equal(torch.get_rng_state(), drawn[0])


def test_examine_uses_the_present_mode() -> None:
    module = wired(nn.Dropout(0.5))
    with torch.no_grad():
        module.network[0].bias += 100.0
    assert examine(module, batch()).endswith("of 1 (Dropout)")  # what it keeps, it doubles
    module.eval()
    assert examine(module, batch()).endswith("of 0 (Linear)")
    assert not module.training


class Between(nn.Module):
    """Gives nan between its parts, in no part."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two((self.one(x) - 100).log())


def test_nan_between_modules_is_found_between_them() -> None:
    assert examine(Wired(Between()), batch()) == (
        "the first output that is not finite is that of two (Linear): nan in 4 of 4 values; its "
        "input is not finite already, the output of one (Linear) before it is"
    )


class After(Between):
    def forward(self, x: Tensor) -> Tensor:
        return (self.two(self.one(x)) - 100).log()


def test_nan_after_the_last_module_is_that_of_the_network() -> None:
    assert "that of the network (After): nan in 4" in examine(Wired(After()), batch())


def test_a_broken_parameter_is_named() -> None:
    module = wired(nn.BatchNorm1d(4))
    with torch.no_grad():
        module.network[1].weight[2] = NAN
    assert "1 (BatchNorm1d): nan in 4 of 16 values; its weight is not finite" in examine(
        module, batch()
    )


class Mask(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x, -INF)


def test_a_first_nan_after_an_infinity_is_named_too() -> None:
    module = wired(Mask(), nn.Softmax(1))
    found = examine(module, batch())
    assert found.startswith(
        "the first output that is not finite is that of 1 (Mask): inf in 16 of 16 values"
    )
    assert found.endswith("the first nan is in that of 2 (Softmax)")


class Fails(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ZeroDivisionError("no way on")


def test_a_pass_that_fails_still_says_what_was_seen() -> None:
    found = examine(wired(Fails()), batch())
    assert found.startswith("all are finite; the largest is ")
    assert found.endswith(
        "of 0 (Linear); the pass for this ended with ZeroDivisionError: no way on"
    )


def test_outputs_of_many_kinds_are_looked_at() -> None:
    class Many(nn.Module):
        def forward(self, x: Tensor) -> dict[str, object]:
            return {"a": [torch.arange(3), None, (x,)], "b": torch.empty(0)}

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.many = Many()

        def forward(self, x: Tensor) -> Tensor:
            return self.many(x)["b"].sum()

    assert "that of many (Many): nan in 1 of 12 values" in examine(Own(), with_nan()[:1])
    assert examine(nn.Flatten(0), (torch.arange(4),)) is None


def test_the_pass_has_the_precision_of_the_training() -> None:
    """An overflow of half precision is not there in full precision."""
    module = wired()
    with torch.no_grad():
        module.network[0].weight.mul_(1.1e5)

    def half(*columns: Tensor) -> object:
        with torch.autocast("cpu", torch.float16):
            return module(*columns)

    assert "all are finite" in examine(module, batch())
    assert "that of 0 (Linear): inf in" in examine(module, batch(), half)


def test_the_pass_computes_no_gradients() -> None:
    enabled = []

    class Asks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            enabled.append(torch.is_grad_enabled())
            return x

    examine(wired(Asks()), batch())
    assert enabled == [False]


def test_compiled_networks_are_looked_into_and_not_compiled_again() -> None:
    compiled = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        compiled.append(graph)
        return graph

    module = wired()
    module.network = torch.compile(module.network, backend=backend)
    module(*batch())
    assert "0 (Linear): nan in 4" in examine(module, with_nan())
    module(*batch())
    assert len(compiled) == 1


# buffers and gradients


def test_buffers_follow_a_module_that_replaces_them() -> None:
    module = Stateful()
    buffers = Buffers(module)
    module(torch.ones(1))
    buffers.keep()
    kept = module.mean
    module.register_buffer("mean", torch.full((3,), NAN))
    module.seen += NAN
    buffers.restore()
    assert module.mean is kept
    assert torch.equal(module.mean, torch.ones(2))
    assert torch.equal(module.seen, torch.ones(2))
    assert torch.equal(module.late, torch.ones(1))


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 3, 100, 5000])
def test_one_ill_value_is_found_in_a_gradient(value, dtype, size) -> None:
    parameters = [nn.Parameter(torch.ones(n, dtype=dtype)) for n in (7, size, 2)]
    parameters[0].grad = torch.full((7,), 6e4, dtype=dtype)
    parameters[1].grad = torch.ones(size, dtype=dtype)
    # the largest of half precision is finite
    assert gradient_norms(parameters).isfinite().all()
    assert first_nonfinite_gradient(enumerate_names(parameters)) is None
    parameters[1].grad[size // 2] = value
    assert gradient_norms(parameters).isfinite().tolist() == [True, False]
    name, found = first_nonfinite_gradient(enumerate_names(parameters))
    assert name == "1"
    assert found == value or value != value != found != found


def enumerate_names(parameters: list[nn.Parameter]) -> list[tuple[str, nn.Parameter]]:
    return [(str(i), parameter) for i, parameter in enumerate(parameters)]


def test_gradients_of_all_kinds() -> None:
    assert gradient_norms([]).isfinite().all()
    assert gradient_norms([nn.Parameter(torch.ones(2))]).isfinite().all()
    table = nn.Embedding(5, 2, sparse=True)
    empty = nn.Parameter(torch.empty(0, 3))
    empty.grad = torch.empty(0, 3)
    table(torch.tensor([1, 1, 3])).sum().backward()
    assert gradient_norms([table.weight, empty]).isfinite().all()
    table.zero_grad()
    (table(torch.tensor([1, 3])) * torch.tensor([[1.0], [-INF]])).sum().backward()
    assert not gradient_norms([empty, table.weight]).isfinite().all()
    assert first_nonfinite_gradient([("e", empty), ("t", table.weight)]) == ("t", -INF)


def test_a_gradient_whose_square_overflows_is_not_finite() -> None:
    """Adam would divide by an infinite mean square ever after, and clipping would give 0."""
    parameter = nn.Parameter(torch.ones(4))
    parameter.grad = torch.full((4,), 1e30)
    assert not gradient_norms([parameter]).isfinite().all()
    assert first_nonfinite_gradient([("w", parameter)]) == ("w", INF)


def test_only_the_norm_of_all_gradients_overflows() -> None:
    """The caller then names the gradient norm."""
    parameters = [nn.Parameter(torch.ones(1)) for _ in range(4)]
    for parameter in parameters:
        parameter.grad = torch.full((1,), 1e19)
    assert gradient_norms(parameters[:1]).isfinite().all()
    assert not gradient_norms(parameters).norm().isfinite()
    assert first_nonfinite_gradient(enumerate_names(parameters)) is None


def test_the_norm_is_that_of_clipping_and_leaves_gradients_alone() -> None:
    module = wired()
    module.network[1].double()
    for parameter in module.parameters():
        parameter.grad = torch.randn_like(parameter)
    before = [p.grad.clone() for p in module.parameters()]
    norms = gradient_norms(module.parameters())
    clipped = nn.utils.clip_grad_norm_(module.parameters(), 1e9).item()
    assert norms.norm().item() == clipped
    assert not norms.requires_grad
    assert all(torch.equal(p.grad, b) for p, b in zip(module.parameters(), before, strict=True))
