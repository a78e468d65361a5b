"""Each callback does what it says, on real runs, files, processes and signals."""

import csv
import functools
import io
import math
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from torch import nn

from lossary import MSELoss
from lossary.train import Model, Run
from lossary.train.across import Across
from lossary.train.callbacks import (
    Callback,
    CSVLog,
    EarlyStopping,
    ExponentialMovingAverage,
    GradientNormMonitor,
    Log,
    LossMonitor,
    ModelCheckpoint,
    ProgressBar,
    TensorBoardLog,
    TimeMonitor,
    progress,
)

EVERYTHING = "LOSSARY_ALL" in os.environ
SGD = functools.partial(torch.optim.SGD, lr=0.1)


def new_run(epochs: int = 1, steps: int | None = 3, rank: int = 0) -> Run:
    torch.manual_seed(0)
    model = Model(nn.Linear(2, 1), MSELoss())
    optimizer = SGD(model.parameters())
    loop = SimpleNamespace(across=Across())  # what Run.agree asks
    return Run(model=model, optimizer=optimizer, epochs=epochs, steps=steps, loop=loop, rank=rank)


def play(
    run: Run,
    callbacks: Sequence[Callback],
    losses: Sequence[Sequence[float]],
    *,
    step: Callable[[Run], None] = lambda run: None,
    valid: Callable[[Run], float] | None = None,
) -> Run:
    """Call the callbacks as the trainer does, from where the run stands: one loss is one step."""
    try:
        for callback in callbacks:
            callback.on_train_begin(run)
        for numbers in losses:
            if not (run.step and len(run.history) < run.epoch):  # else inside an epoch
                run.epoch, run.step, run.samples = run.epoch + 1, 0, 0
            for callback in callbacks:
                callback.on_epoch_begin(run)
            for loss in numbers:
                run.loss, run.skipped = loss, False
                run.step, run.total_steps = run.step + 1, run.total_steps + 1
                run.samples += 4
                step(run)
                for callback in callbacks:
                    callback.on_step_end(run)
            record = {"epoch": run.epoch, "loss": sum(numbers) / max(len(numbers), 1)}
            if valid is not None:
                for callback in callbacks:
                    callback.on_validation_begin(run)
                record["valid_loss"] = valid(run)
                for callback in callbacks:
                    callback.on_validation_end(run)
            run.history.append(record)
            for callback in callbacks:
                callback.on_epoch_end(run)
            if run.stopped:
                break
    finally:
        for callback in callbacks:
            callback.on_train_end(run)
    return run


def resumed(epoch: int, step: int, total: int, epochs: int = 2, steps: int | None = 3) -> Run:
    """Return a run as a checkpoint gives it back, of epochs that are finished or inside one."""
    run = new_run(epochs, steps)
    run.epoch, run.step, run.total_steps, run.samples = epoch, step, total, 4 * step
    finished = epoch if step == steps else epoch - 1
    run.history = [{"epoch": e, "loss": float(e)} for e in range(1, finished + 1)]
    return run


# --- printing -------------------------------------------------------------------------------------


def test_loss_monitor_prints_parts_and_every_so_many_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = new_run()
    run.parts = {"box": 0.25}
    play(run, [LossMonitor(every=2)], [[10.8731641, 2.0, 3.0, math.nan]])
    assert capsys.readouterr().out.splitlines() == [
        "epoch: 1 step: 2, loss is 2.000000, box 0.250000",
        "epoch: 1 step: 4, loss is nan, box 0.250000",
    ]


def test_time_monitor_of_an_epoch_without_steps(capsys: pytest.CaptureFixture[str]) -> None:
    play(new_run(2), [TimeMonitor()], [[], [1.0, 1.0]])
    empty, full = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"epoch: 1 took \d+\.\d ms, nan ms per step", empty)
    assert re.fullmatch(r"epoch: 2 took \d+\.\d ms, \d+\.\d{3} ms per step", full)


def test_time_monitor_counts_neither_validation_nor_steps_before_a_resume(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("lossary.train.callbacks.monitors.time.perf_counter", lambda: clock.now)

    def tick(seconds: float) -> float:
        clock.now += seconds
        return 0.0

    run = resumed(1, 1, 1)
    play(run, [TimeMonitor()], [[1.0, 1.0]], step=lambda _: tick(2.0), valid=lambda _: tick(50.0))
    assert capsys.readouterr().out == "epoch: 1 took 4000.0 ms, 2000.000 ms per step\n"


@pytest.mark.parametrize(
    "callback",
    [LossMonitor(), TimeMonitor(), GradientNormMonitor(), ProgressBar(), EarlyStopping("loss", 0)],
    ids=lambda callback: type(callback).__name__,
)
def test_only_the_first_process_prints(
    callback: Callback, capfd: pytest.CaptureFixture[str]
) -> None:
    run = new_run(3, rank=1)
    run.gradient_norm = math.nan  # which would warn, and warnings are errors here
    play(run, [callback], [[1.0], [2.0], [3.0]])
    assert capfd.readouterr() == ("", "")
    assert run.stopped == isinstance(callback, EarlyStopping)  # but all of them stop


@pytest.mark.parametrize(
    "make",
    [LossMonitor, GradientNormMonitor, functools.partial(CSVLog, "log.csv")],
    ids=["LossMonitor", "GradientNormMonitor", "CSVLog"],
)
def test_every_no_step_is_refused(make: Callable[..., Callback]) -> None:
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        make(every=0)


# --- gradient norms -------------------------------------------------------------------------------


def norms(values: Sequence[float]) -> Callable[[Run], None]:
    stream = iter(values)

    def step(run: Run) -> None:
        run.gradient_norm = next(stream)
        run.part_gradient_norms = {"box": 2 * run.gradient_norm}

    return step


def test_gradient_norms_of_parts_are_asked_for() -> None:
    assert not Callback.wants_part_gradient_norms
    assert not GradientNormMonitor().wants_part_gradient_norms
    assert GradientNormMonitor(parts=True).wants_part_gradient_norms


def test_gradient_norms_are_printed_and_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    run = play(
        new_run(2), [GradientNormMonitor(2, parts=True)], [[1, 1], [1]], step=norms([1.0, 2.0, 6.0])
    )
    assert capsys.readouterr().out == "epoch: 1 step: 2, gradient norm is 2.000000, box 4.000000\n"
    assert [r["gradient_norm"] for r in run.history] == [1.5, 6.0]
    assert [r["gradient_norm_box"] for r in run.history] == [3.0, 12.0]


def test_a_jump_of_the_gradient_norm_warns_once_until_it_is_over() -> None:
    values = [1.0] * 10 + [9.0, 11.0, 12.0, 1.0, 13.0, math.nan, 1.0, math.inf]
    with pytest.warns(UserWarning, match="the gradient norm is") as caught:
        play(new_run(1), [GradientNormMonitor()], [[0.0] * len(values)], step=norms(values))
    found = [
        re.match(r"the gradient norm is (\w+) in epoch 1, step (\d+)", str(w.message))
        for w in caught
    ]
    assert [m and m.groups() for m in found] == [("11", "12"), ("13", "15"), ("inf", "18")]
    assert "the median of the steps before is 1." in str(caught[0].message)


def test_no_gradient_norm_is_high_before_there_is_a_median() -> None:
    play(new_run(1), [GradientNormMonitor()], [[0.0] * 9], step=norms([1.0] * 8 + [1e6]))


def test_a_step_that_was_skipped_is_not_in_the_mean_of_gradient_norms() -> None:
    def step(run: Run) -> None:
        run.skipped = run.step == 2
        run.gradient_norm = math.nan if run.skipped else 1.0

    with pytest.warns(UserWarning, match="the gradient norm is nan in epoch 1, step 2"):
        run = play(new_run(1), [GradientNormMonitor()], [[0.0] * 3], step=step)
    assert run.history[0]["gradient_norm"] == 1.0


def test_gradient_norms_of_a_resumed_epoch_count_all_its_steps() -> None:
    monitor = GradientNormMonitor()
    monitor.on_train_begin(new_run())
    run = new_run()
    run.epoch, run.step, run.total_steps, run.gradient_norm = 1, 1, 1, 1.0
    monitor.on_step_end(run)
    other = GradientNormMonitor()
    other.load_state(monitor.state())
    again = resumed(1, 1, 1)
    play(again, [other], [[0.0, 0.0]], step=norms([2.0, 6.0]))
    assert again.history[0]["gradient_norm"] == 3.0


# --- early stopping -------------------------------------------------------------------------------


def stopping(values: Sequence[float], **options: object) -> tuple[EarlyStopping, Run]:
    callback = EarlyStopping("valid_loss", **options)  # type: ignore[arg-type]
    stream = iter(values)
    run = play(
        new_run(len(values)), [callback], [[1.0]] * len(values), valid=lambda _: next(stream)
    )
    return callback, run


@pytest.mark.parametrize(
    ("values", "options", "best", "last"),
    [
        ([3, 2, 1, 1, 1, 1], {"patience": 1}, 3, 5),
        ([1, 2, 3, 3, 3], {"patience": 1, "mode": "max"}, 3, 5),
        ([3.0, 2.9, 2.8, 1.0], {"patience": 1, "min_delta": 0.5}, 1, 3),
        ([3.0, 2.7, 2.4, 2.3], {"patience": 1, "min_delta": 0.5}, 3, 4),
        ([math.nan, 2, math.nan, math.nan], {"patience": 1}, 2, 4),
        ([math.nan, math.nan, 1], {"patience": 1}, None, 2),
        ([math.nan, math.nan], {"patience": 0, "mode": "max"}, None, 1),
        ([-math.inf, 1, math.nan, math.inf], {"patience": 9, "mode": "max"}, 4, 4),
    ],
)
def test_early_stopping(
    values: Sequence[float], options: dict[str, object], best: int | None, last: int
) -> None:
    callback, run = stopping(values, **options)
    assert (callback.best_epoch, run.epoch) == (best, last)
    assert callback.best == (None if best is None else values[best - 1])


def test_early_stopping_says_which_epoch_was_best(capsys: pytest.CaptureFixture[str]) -> None:
    stopping([2.0, 1.5, 3.0], patience=0)
    stopping([math.nan], patience=0)
    assert capsys.readouterr().out.splitlines() == [
        "stopped after epoch 3: valid_loss was best in epoch 2, 1.500000",
        "stopped after epoch 1: valid_loss has been nan in every epoch",
    ]


def test_early_stopping_goes_on_waiting_after_a_resume() -> None:
    first = EarlyStopping("loss", patience=2)
    play(new_run(), [first], [[1.0], [2.0], [2.0]])
    second = EarlyStopping("loss", patience=2)
    second.load_state(first.state())
    run = resumed(3, 3, 9, epochs=9)
    play(run, [second], [[2.0], [2.0], [2.0]])
    assert (run.epoch, second.best_epoch, second.best) == (4, 1, 1.0)


def test_early_stopping_forgets_an_earlier_training() -> None:
    callback = EarlyStopping("loss", patience=0)
    assert play(new_run(2), [callback], [[1.0], [2.0]]).epoch == 2
    assert play(new_run(2), [callback], [[9.0], [8.0], [7.0]]).epoch == 3
    assert callback.best_epoch == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "least"}, "mode must be 'min' or 'max', got 'least'"),
        ({"patience": -1}, "patience must be at least 0, got -1"),
        ({"min_delta": -0.1}, r"min_delta must be in \[0, inf\), got -0.1"),
        ({"min_delta": math.nan}, r"min_delta must be in \[0, inf\), got nan"),
    ],
)
def test_early_stopping_refuses(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)  # type: ignore[arg-type]


# --- progress -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(
    monkeypatch: pytest.MonkeyPatch, run: Run, losses: Sequence[Sequence[float]]
) -> list[str]:
    """Return what the bar of a terminal says after each step, at two steps a second."""
    clock = SimpleNamespace(now=0.0)
    console = Console(file=Terminal(), width=200, get_time=lambda: clock.now, _environ={})
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    lines: list[str] = []
    bar = ProgressBar()

    class Look(Callback):
        def on_train_begin(self, run: Run) -> None:
            self.see()

        def on_step_end(self, run: Run) -> None:
            clock.now += 0.5
            self.see()

        def see(self) -> None:
            assert bar._bar is not None
            still = Console(width=200, file=io.StringIO(), color_system=None)
            with still.capture() as said:
                still.print(bar._bar.get_renderable())
            lines.append(re.sub(r"[━╸╺ ]+", " ", said.get()).strip())

    play(run, [bar, Look()], losses)
    return lines


def test_the_bar_says_where_it_is_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, new_run(2), [[0.5, 0.25, 0.125], [1.0, 2.0, 3.0]])
    assert lines[0].endswith("epoch 1/2 0/6 loss - - -:--:--")
    assert lines[3].endswith("epoch 1/2 3/6 loss 0.1250 2.0 steps/s, 8 samples/s 0:00:02")
    assert lines[5].endswith("epoch 2/2 5/6 loss 2.0000 2.0 steps/s, 8 samples/s 0:00:01")
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("run", "first"),
    [
        (resumed(2, 1, 4, epochs=3), "epoch 2/3 4/9"),
        (resumed(1, 3, 3, epochs=3), "epoch 1/3 3/9"),
        (resumed(2, 1, 4, epochs=3, steps=None), "epoch 2/3 4/?"),
    ],
)
def test_the_bar_of_a_resumed_training_begins_where_it_is(
    monkeypatch: pytest.MonkeyPatch, run: Run, first: str
) -> None:
    assert first in shown(monkeypatch, run, [])[0]


def test_the_bar_learns_the_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, new_run(3, None), [[1.0, 1.0], [1.0]])
    assert "epoch 1/3 2/?" in lines[2]
    assert "epoch 2/3 3/6" in lines[3]


@pytest.mark.parametrize("terminal", [False, True])
def test_the_bar_leaves_redirected_prints_alone(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    """Prints go around the bar on a terminal, and to where they were sent if that is elsewhere."""
    out, error = Terminal() if terminal else io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", error)
    play(new_run(), [ProgressBar()], [[1.0, 2.0]], step=lambda run: print("printed", run.step))
    assert (sys.stdout, sys.stderr) == (out, error)
    assert "epoch 1/1" in re.sub(r"\x1b\[[0-9;]*m", "", error.getvalue())
    assert ("printed 2" in error.getvalue()) == terminal
    assert out.getvalue() == ("" if terminal else "printed 1\nprinted 2\n")


def test_callbacks_that_never_began_end_quietly(tmp_path: Path) -> None:
    for callback in (ProgressBar(), CSVLog(tmp_path / "log.csv"), ExponentialMovingAverage()):
        callback.on_train_end(new_run())
    assert not list(tmp_path.iterdir())


# --- averaging ------------------------------------------------------------------------------------


def walk(run: Run) -> None:
    """Move the weights as a step does, to a place that depends on the step alone."""
    with torch.no_grad():
        for index, parameter in enumerate(run.model.parameters()):
            generator = torch.Generator().manual_seed(10 * run.total_steps + index)
            parameter.copy_(torch.randn(parameter.shape, generator=generator))


def walked(steps: int) -> list[torch.Tensor]:
    """Return the weights of the first layer after each step of a walk, in float64."""
    run, found = new_run(), []
    for total in range(1, steps + 1):
        run.total_steps = total
        walk(run)
        found.append(run.model.network.weight.detach().double().clone())
    return found


@pytest.mark.parametrize("warmup", [False, True])
def test_the_average_is_that_of_the_formula(warmup: bool) -> None:
    decay, weights = 0.6, walked(12)
    expected = weights[0]
    for t, w in enumerate(weights[1:], start=2):
        d = min(decay, t / (9 + t)) if warmup else decay
        expected = d * expected + (1 - d) * w
    run = new_run()
    play(run, [ExponentialMovingAverage(decay, warmup=warmup)], [[1.0] * 12], step=walk)
    torch.testing.assert_close(run.model.network.weight.double(), expected, rtol=1e-6, atol=1e-6)


def test_the_average_is_in_place_only_in_validation_and_at_the_end() -> None:
    seen: dict[str, list[torch.Tensor]] = {"valid": [], "after": []}

    def now(run: Run) -> torch.Tensor:
        return run.model.network.weight.detach().clone()

    class Watch(Callback):
        def on_epoch_end(self, run: Run) -> None:
            seen["after"].append(now(run))

    def valid(run: Run) -> float:
        seen["valid"].append(now(run))
        return 0.0

    average = ExponentialMovingAverage(0.5, warmup=False)
    run = new_run(2)
    play(run, [average, Watch()], [[1.0] * 2, [1.0] * 2], step=walk, valid=valid)
    weights = [w.float() for w in walked(4)]
    for after, own in zip(seen["after"], (weights[1], weights[3]), strict=True):
        assert torch.equal(after, own)
    torch.testing.assert_close(seen["valid"][0], (weights[0] + weights[1]) / 2)
    assert torch.equal(now(run), seen["valid"][1])
    assert not torch.equal(now(run), weights[3])


def test_the_trained_weights_are_kept_on_request_and_the_average_is_lent() -> None:
    average = ExponentialMovingAverage(0.5, warmup=False, keep_trained=True)
    run = play(new_run(), [average], [[1.0] * 2], step=walk)
    weights = [w.float() for w in walked(2)]
    assert torch.equal(run.model.network.weight, weights[1])
    with average.averaged(run.model), average.averaged(run.model):
        torch.testing.assert_close(run.model.network.weight, (weights[0] + weights[1]) / 2)
    assert torch.equal(run.model.network.weight, weights[1])
    with pytest.raises(ZeroDivisionError), average.averaged(run.model):
        _ = 1 / 0
    assert torch.equal(run.model.network.weight, weights[1])


@pytest.mark.parametrize("where", ["step", "validation"])
def test_a_training_that_fails_ends_with_its_own_weights(where: str) -> None:
    def fail(run: Run) -> float:
        raise ArithmeticError

    def step(run: Run) -> None:
        if where == "step" and run.total_steps == 3:
            fail(run)
        walk(run)

    run = new_run(2)
    with pytest.raises(ArithmeticError):
        play(
            run,
            [ExponentialMovingAverage(0.5, warmup=False)],
            [[1.0] * 2, [1.0] * 2] if where == "step" else [[1.0] * 2],
            step=step,
            valid=fail if where == "validation" else None,
        )
    assert torch.equal(run.model.network.weight, walked(2)[1].float())


def test_the_average_goes_on_after_a_resume() -> None:
    whole = play(new_run(), [ExponentialMovingAverage(0.9)], [[1.0] * 6], step=walk)
    first = ExponentialMovingAverage(0.9, keep_trained=True)
    play(new_run(), [first], [[1.0] * 3], step=walk)
    state = first.state()
    second = ExponentialMovingAverage(0.9)
    second.load_state(state)
    saved = state["average"]["network.weight"].clone()
    run = resumed(1, 3, 3, epochs=1, steps=6)
    play(run, [second], [[1.0] * 3], step=walk)
    assert run.total_steps == 6
    assert torch.equal(run.model.network.weight, whole.model.network.weight)
    assert torch.equal(state["average"]["network.weight"], saved)  # what was loaded stays


def test_the_average_is_wide_and_goes_back_to_the_type_of_the_weights() -> None:
    """1 + 2**-9 is no bfloat16; an average in bfloat16 would never leave 1."""
    model = Model(nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False).double()))
    model.network[0].to(torch.bfloat16)
    run = new_run(1)
    run.model = model

    def step(run: Run) -> None:
        with torch.no_grad():
            for layer in model.network:
                layer.weight.fill_(1.0 if run.total_steps == 1 else 2.0)

    average = ExponentialMovingAverage(0.999, warmup=False, keep_trained=True)
    play(run, [average], [[1.0] * 10], step=step)
    expected = 2 - 0.999**9
    kept = average.state()["average"]
    assert [t.dtype for t in kept.values()] == [torch.float32, torch.float64]
    assert kept["network.0.weight"].item() == pytest.approx(expected, rel=1e-6)
    assert kept["network.1.weight"].item() == pytest.approx(expected, rel=1e-14)
    with average.averaged(model):
        assert model.network[0].weight.dtype == torch.bfloat16
        assert model.network[0].weight.item() == torch.tensor(expected).bfloat16().item()


def test_frozen_weights_and_buffers_stay_and_skipped_steps_do_not_count() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    network[0].bias.requires_grad_(False)
    run = new_run()
    run.model = Model(network)

    def step(run: Run) -> None:
        run.skipped = run.step == 2
        with torch.no_grad():
            network[0].weight.fill_(100.0 if run.skipped else run.step)
            network[1].running_mean.fill_(run.step)

    frozen = network[0].bias.clone()
    average = ExponentialMovingAverage(0.5, warmup=False)
    play(run, [average], [[1.0] * 3], step=step)
    assert set(average.state()["average"]) == {
        f"network.{n}" for n in ("0.weight", "1.weight", "1.bias")
    }
    assert torch.equal(network[0].bias, frozen)
    assert network[1].running_mean.tolist() == [3.0, 3.0]
    assert network[0].weight[0, 0].item() == 2.0  # the mean of 1 and 3


def test_averaging_refuses() -> None:
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\), got 1.0"):
        ExponentialMovingAverage(1.0)
    average, run = ExponentialMovingAverage(), new_run()
    with pytest.raises(ValueError, match="no average of this model's weights: train it"):
        average.averaged(run.model).__enter__()
    play(run, [average], [[1.0]], step=walk)
    other = Model(nn.Sequential(nn.Linear(2, 1)))
    with pytest.raises(ValueError, match="no average of this model's weights"):
        average.averaged(other).__enter__()


# --- CSV ------------------------------------------------------------------------------------------


def table(path: Path) -> dict[str, list[float]]:
    """Return the columns of a CSV file; an empty cell is nan."""
    with path.open(newline="") as file:
        names, *rows = csv.reader(file)
    assert all(len(row) == len(names) for row in rows)
    return {
        name: [float(cell or "nan") for cell in column]
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def test_csv_has_the_numbers_of_steps_and_epochs(tmp_path: Path) -> None:
    def step(run: Run) -> None:
        run.parts = {"box": run.loss / 4, "a, b": 1.0}
        run.gradient_norm = 7.0
        run.part_gradient_norms = {"box": 8.0}

    run = new_run(2)
    run.optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": 0.5})
    path = tmp_path / "new" / "log.csv"
    play(run, [CSVLog(path)], [[0.1, math.nan], [1 / 3]], step=step, valid=lambda run: run.epoch)
    names = "epoch step total_steps loss learning_rate learning_rate_1 gradient_norm"
    found = table(path)
    assert list(found) == [*names.split(), "gradient_norm_box", "box", "a, b"]
    assert found["loss"] == pytest.approx([0.1, math.nan, 1 / 3], rel=0, nan_ok=True)
    assert found["total_steps"] == [1, 2, 3]
    assert found["learning_rate"] == [0.1] * 3
    epochs = table(tmp_path / "new" / "log-epochs.csv")
    assert list(epochs) == ["epoch", "loss", "valid_loss"]
    assert epochs["valid_loss"] == [1, 2]


def test_csv_of_every_second_step_is_counted_over_epochs(tmp_path: Path) -> None:
    play(new_run(2), [CSVLog(tmp_path / "log.csv", every=2)], [[1.0] * 3, [1.0] * 3])
    assert table(tmp_path / "log.csv")["total_steps"] == [2, 4, 6]


def test_the_learning_rate_of_a_step_is_the_one_that_it_was_taken_with(tmp_path: Path) -> None:
    run = new_run(2)
    scheduler = torch.optim.lr_scheduler.StepLR(run.optimizer, 1, gamma=0.5)

    def step(run: Run) -> None:
        run.optimizer.step()
        scheduler.step()  # as the trainer does, before the callbacks

    play(run, [CSVLog(tmp_path / "log.csv")], [[1.0, 1.0], [1.0]], step=step)
    assert table(tmp_path / "log.csv")["learning_rate"] == [0.1, 0.05, 0.025]


def test_csv_is_only_written_by_the_first_process(tmp_path: Path) -> None:
    play(new_run(rank=1), [CSVLog(tmp_path / "log.csv")], [[1.0]])
    assert not list(tmp_path.iterdir())


def test_a_new_part_becomes_a_column(tmp_path: Path) -> None:
    def step(run: Run) -> None:
        run.parts = {2: {"late": 5.0}, 3: {"later": 6.0, "late": 7.0}}.get(run.step, {})

    play(new_run(), [CSVLog(tmp_path / "log.csv")], [[1.0] * 4], step=step)
    found = table(tmp_path / "log.csv")
    assert found["late"] == pytest.approx([math.nan, 5, 7, math.nan], nan_ok=True)
    assert found["later"] == pytest.approx([math.nan] * 2 + [6, math.nan], nan_ok=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log-epochs.csv", "log.csv"]


def interrupted(path: Path) -> None:
    """Log steps 1 to 5, and the first epoch, of a training that dies in step 6."""

    def step(run: Run) -> None:
        if run.total_steps == 6:
            raise KeyError

    with pytest.raises(KeyError):
        play(new_run(3), [CSVLog(path)], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], step=step)
    assert table(path)["total_steps"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("torn", ["", "2,3,6,0.", "2,3", "14,3,4"])  # of step 42
def test_steps_that_are_done_again_are_dropped_first(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "log.csv"
    interrupted(path)
    with path.open("a") as file:
        file.write(torn)
    log = CSVLog(path)
    play(resumed(2, 1, 4, epochs=3), [log], [[0.55, 0.66], [0.7]])
    found = table(path)
    assert found["total_steps"] == [1, 2, 3, 4, 5, 6, 7]
    assert found["loss"] == [0.1, 0.2, 0.3, 0.4, 0.55, 0.66, 0.7]
    assert table(log.epochs_path)["epoch"] == [1, 2, 3]


def test_a_resume_drops_what_is_done_again_before_its_first_step(tmp_path: Path) -> None:
    interrupted(tmp_path / "log.csv")
    play(resumed(2, 1, 4, epochs=3), [CSVLog(tmp_path / "log.csv")], [])
    assert table(tmp_path / "log.csv")["total_steps"] == [1, 2, 3, 4]


def test_epochs_that_were_saved_but_not_logged_are_logged_after_a_resume(tmp_path: Path) -> None:
    log = CSVLog(tmp_path / "log.csv")
    interrupted(log.path)
    play(resumed(3, 3, 9, epochs=4), [log], [[1.0]])
    assert table(log.epochs_path)["epoch"] == [1, 2, 3, 4]


def test_another_training_begins_the_files_anew(tmp_path: Path) -> None:
    log = CSVLog(tmp_path / "log.csv")
    interrupted(log.path)
    play(new_run(), [log], [])
    assert not list(tmp_path.iterdir())  # nothing of the first is taken for the second
    play(new_run(), [log], [[9.0]])
    assert table(log.path)["loss"] == [9.0]
    assert table(log.epochs_path)["epoch"] == [1]


@pytest.mark.parametrize("begun", [0, 4])
@pytest.mark.parametrize("content", [b"x,y\n1,2\n", b"PAR1\xff\x00", b"epoch,step\n1,1\n"])
def test_a_file_of_another_kind_is_left_alone(tmp_path: Path, content: bytes, begun: int) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    run = resumed(2, 1, begun) if begun else new_run()
    with pytest.raises(ValueError, match=r"data\.csv is no log of this kind, so it is left alone"):
        play(run, [CSVLog(path)], [[1.0]])
    assert path.read_bytes() == content


def test_a_damaged_row_is_named_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    interrupted(path)
    content = path.read_bytes().replace(b"2,1,4,", b"2,1,\xe2\x82\xac,")
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match="no number is in the column 'total_steps' of the row '2,1,€"
    ):
        play(resumed(2, 2, 5, epochs=3), [CSVLog(path)], [[1.0]])
    assert path.read_bytes() == content


def test_a_part_with_the_name_of_a_column_is_refused(tmp_path: Path) -> None:
    run = new_run()
    run.parts = {"step": 1.0}
    with pytest.raises(ValueError, match="a part of the loss is called step, as a number of every"):
        play(run, [CSVLog(tmp_path / "log.csv")], [[1.0]])


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from test_callbacks import CSVLog, new_run, play

def step(run):
    # every 50 steps a new part comes, for which the file is written anew
    run.parts = {f"part{index}": 1.0 for index in range(run.total_steps // 50)}
    run.loss = run.total_steps / 8

class Told:
    def __getattr__(self, name):
        return lambda run: None
    def on_step_end(self, run):
        print(run.total_steps, flush=True)

play(new_run(), [CSVLog(sys.argv[1]), Told()], [range(1_000_000)], step=step)
"""


@pytest.mark.parametrize("told", [333, *(range(1, 2000, 97) if EVERYTHING else ())])
def test_a_killed_process_loses_no_row_that_it_had_written(tmp_path: Path, told: int) -> None:
    path = tmp_path / "log.csv"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, path, Path(__file__).parent],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == told:
                process.send_signal(signal.SIGKILL)
                break
        told = max([told, *(int(line) for line in process.stdout)])
    assert process.returncode == -signal.SIGKILL
    text = path.read_text()
    names, *rows = csv.reader(text[: text.rindex("\n") + 1].splitlines())
    assert all(len(row) == len(names) for row in rows)
    assert [int(row[2]) for row in rows] == list(range(1, len(rows) + 1))
    assert [float(row[3]) for row in rows] == [int(row[2]) / 8 for row in rows]
    assert len(rows) >= told
    run = resumed(1, told - 1, told - 1, epochs=1, steps=None)
    play(run, [CSVLog(path)], [[1.0] * 3])
    assert table(path)["total_steps"] == list(range(1, told + 3))


# --- loggers --------------------------------------------------------------------------------------


class Recorder:
    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, float]]] = []
        self.status = ""

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.seen.append((step, dict(metrics)))

    def finalize(self, status: str) -> None:
        self.status = status


def test_a_logger_gets_steps_and_epochs() -> None:
    recorder = Recorder()
    run = new_run(2)
    run.parts = {"box": 0.5}
    play(run, [Log(recorder, every=2)], [[1.0], [2.0]], valid=lambda run: 9.0)
    step = {"epoch": 2, "step": 1, "loss": 2.0, "learning_rate": 0.1, "box": 0.5}
    assert recorder.seen == [
        (1, {"epoch_loss": 1.0, "valid_loss": 9.0}),
        (2, step),
        (2, {"epoch_loss": 2.0, "valid_loss": 9.0}),
    ]
    assert recorder.status == "success"


def test_a_logger_is_told_of_a_failure_and_nothing_in_other_processes() -> None:
    def fail(run: Run) -> None:
        raise KeyError

    recorder = Recorder()
    with pytest.raises(KeyError):
        play(new_run(2), [Log(recorder)], [[1.0]], step=fail)
    assert recorder.status == "failed"
    silent = Recorder()
    play(new_run(rank=1), [Log(silent)], [[1.0]])
    assert (silent.seen, silent.status) == ([], "")


def test_what_is_no_logger_is_refused() -> None:
    with pytest.raises(TypeError, match=r"log_metrics\(metrics, step\), which str has not"):
        Log("runs")  # type: ignore[arg-type]


def test_the_csv_logger_of_fabric(tmp_path: Path) -> None:
    from lightning_fabric.loggers import CSVLogger

    play(new_run(), [Log(CSVLogger(tmp_path, name="", version="a"))], [[1.0, 0.5]])
    found = table(tmp_path / "a" / "metrics.csv")
    assert found["loss"][:2] == [1.0, 0.5]
    assert found["epoch_loss"][2] == 0.75


def events(folder: Path) -> list[tuple[int, str, float]]:
    """Read event files: records of a length, its checksum, the data, and their checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            found += [(event.step, v.tag, v.simple_value) for v in event.summary.value]
            if event.HasField("session_log"):
                found.append((event.step, "start", 0.0))
    return found


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    play(new_run(), [TensorBoardLog(tmp_path)], [[1.0, 0.5]])
    found = events(tmp_path)
    assert [(s, value) for s, name, value in found if name == "loss"] == [(1, 1.0), (2, 0.5)]
    assert (2, "epoch_loss", 0.75) in found
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / "first")
    play(resumed(1, 1, 1), [TensorBoardLog(tmp_path)], [[0.25]])
    (tmp_path / "first").unlink()
    # from step 2 on, what the first training wrote is not shown
    assert [item for item in events(tmp_path) if item[1] in ("start", "loss")] == [
        (2, "start", 0.0),
        (2, "loss", 0.25),
    ]


def test_tensorboard_says_what_to_install(tmp_path: Path) -> None:
    try:
        TensorBoardLog(tmp_path)
    except ModuleNotFoundError as error:
        assert "pip install tensorboardX" in str(error)  # noqa: PT017 - only where it is missing
    else:
        pytest.skip("TensorBoard is installed, so nothing is to be said")


# --- in a real training ---------------------------------------------------------------------------

X = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))


def new_model(dropout: float = 0.5) -> Model:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 4), nn.Dropout(dropout), nn.Linear(4, 1))
    return Model(network, MSELoss(), SGD)


class Dies(Callback):
    def on_step_end(self, run: Run) -> None:
        if run.total_steps == 9:
            raise KeyError


def test_an_interrupted_training_logs_and_averages_as_if_it_had_not_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(name: str, *callbacks: Callback) -> Model:
        model = new_model()
        monitor, average = GradientNormMonitor(parts=True), ExponentialMovingAverage(0.9)
        model.train(
            3,
            (X, X[:, :1]),
            # those that put something into the record of an epoch come before those that write it
            [monitor, average, CSVLog(tmp_path / f"{name}.csv"), *callbacks],
            valid=(X, X[:, :1]),
            batch_size=2,
            progress=False,
        )
        return model

    whole = train("whole")
    printed = capsys.readouterr().out
    saver = functools.partial(ModelCheckpoint, tmp_path / "saved", every_steps=7)
    with pytest.raises(KeyError):
        train("broken", saver(), Dies())
    assert max(table(tmp_path / "broken.csv")["total_steps"]) == 9
    capsys.readouterr()
    broken = train("broken", saver())
    assert (tmp_path / "broken.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert printed.endswith(capsys.readouterr().out)
    epochs = [table(tmp_path / f"{name}-epochs.csv") for name in ("whole", "broken")]
    assert all(of.pop("seconds") for of in epochs)
    assert epochs[0] == epochs[1]
    assert "gradient_norm" in epochs[0]
    for one, other in zip(whole.parameters(), broken.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_real_validation_is_of_the_average(tmp_path: Path) -> None:
    model, average = new_model(), ExponentialMovingAverage(0.5, keep_trained=True)
    data = (X, X[:, :1])
    log = CSVLog(tmp_path / "log.csv")
    history = model.train(2, data, [average, log], valid=data, batch_size=2, progress=False)
    assert model.evaluate(data, batch_size=2)["loss"] != history[-1]["valid_loss"]
    with average.averaged(model):
        assert model.evaluate(data, batch_size=2)["loss"] == history[-1]["valid_loss"]
    plain = new_model()
    plain.train(2, data, batch_size=2, progress=False)
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)  # training went on with its own weights


PROCESSES = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import torch
from test_callbacks import *

folder, sharded = Path(sys.argv[1]), sys.argv[2] == "sharded"
X, model = X.double(), new_model(dropout=0.0)
model.network.double()
average = ExponentialMovingAverage(0.9, keep_trained=True)
callbacks = [LossMonitor(), GradientNormMonitor(), average, CSVLog(folder / "log.csv")]
data = (X, X[:, :1])
options = dict(valid=data, batch_size=10 // int(sys.argv[4]), processes=int(sys.argv[4]))
history = model.train(3, data, callbacks, sharded=sharded, shuffle=False, **options)
state = average.state()
again = ExponentialMovingAverage(0.9)
again.load_state(state)
with again.averaged(model):
    found = model.evaluate(data)["loss"]
assert abs(found - history[-1]["valid_loss"]) < 1e-12, (found, history)
if torch.distributed.is_initialized() and torch.distributed.get_rank():
    sys.exit()
torch.save(state["average"], folder / "average.pt")
"""


@pytest.mark.skipif(not EVERYTHING, reason="LOSSARY_ALL runs the trainings of several processes")
@pytest.mark.parametrize("kind", ["shared", "sharded"])
def test_two_processes_print_log_and_average_like_one(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(PROCESSES)
    said = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        done = subprocess.run(
            [sys.executable, script, folder, kind, Path(__file__).parent, str(processes)],
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr
        said[processes] = [line for line in done.stdout.splitlines() if line.startswith("epoch:")]
    assert len(said[1]) == 6
    assert said[1] == said[2]
    one, two = (table(tmp_path / str(n) / "log.csv") for n in (1, 2))
    assert list(one) == list(two)
    for name, column in one.items():
        assert two[name] == pytest.approx(column, rel=1e-10)
    averages = [torch.load(tmp_path / str(n) / "average.pt") for n in (1, 2)]
    for name, tensor in averages[0].items():
        torch.testing.assert_close(averages[1][name], tensor, rtol=1e-10, atol=1e-12)


def test_a_process_that_cannot_log_tells_the_others(tmp_path: Path) -> None:
    told: list[Exception | None] = []
    run = new_run()
    run.loop = SimpleNamespace(across=SimpleNamespace(agree=told.append))
    (tmp_path / "log.csv").write_text("x,y\n")
    CSVLog(tmp_path / "log.csv").on_train_begin(run)
    run.rank = 1
    CSVLog(tmp_path / "log.csv").on_train_begin(run)
    assert "is no log of this kind" in str(told[0])
    assert told[1:] == [None]
