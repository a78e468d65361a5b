"""Lightning: a step is that of the one batch, and what is logged are true means."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import lossary

pytest.importorskip("lightning", reason='needs "lossary[lightning]"')

import lightning.pytorch as pl

from interop.share_of_lightning_training import (
    LENGTHS,
    LOSSES,
    Loader,
    Module,
    batches,
    make_network,
    make_trainer,
    whole_steps,
)

ROOT = Path(__file__).parents[2]

pytestmark = [
    # Lightning's advice, such as to validate; its warnings of faults are of other classes
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.warnings.PossibleUserWarning"),
    # what Lightning 2.6 still calls in torch 2.13
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated:FutureWarning"),
]


def parameters(module: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach()


@pytest.mark.parametrize("accumulate", [1, 2, 3, 5])
@pytest.mark.parametrize("name", LOSSES)
def test_a_step_is_that_of_the_one_batch(name: str, accumulate: int) -> None:
    """Ragged batches, ignored labels, class weights, and a last step with fewer batches."""
    module = Module(LOSSES[name]())
    make_trainer(2, accumulate_grad_batches=accumulate).fit(module, Loader(batches()))
    wanted = whole_steps(LOSSES[name](), accumulate, epochs=2)
    torch.testing.assert_close(parameters(module.network), wanted, rtol=0, atol=1e-10)


def test_lightning_alone_is_not_exact() -> None:
    """Else the tests above would show nothing."""

    class Plain(Module):
        def training_step(self, batch, batch_idx):
            x, y = batch
            return self.loss(self.network(x), y)

    module = Plain(LOSSES["ignored"]())
    make_trainer(2, accumulate_grad_batches=2).fit(module, Loader(batches()))
    wanted = whole_steps(LOSSES["ignored"](), 2, epochs=2)
    assert (parameters(module.network) - wanted).abs().max() > 1e-3


def test_clipping_sees_the_gradient_of_the_one_batch() -> None:
    module = Module(LOSSES["ignored"]())
    trainer = make_trainer(2, accumulate_grad_batches=2, gradient_clip_val=0.05)
    trainer.fit(module, Loader(batches()))
    wanted = whole_steps(LOSSES["ignored"](), 2, epochs=2, clip=0.05)
    torch.testing.assert_close(parameters(module.network), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", LOSSES)
def test_logged_means_are_those_of_all_units(name: str) -> None:
    """Of the epoch; the learning rate is 0, so that the network stays the same in it."""
    loss = LOSSES[name]()
    module = Module(loss, lr=0.0)
    trainer = make_trainer(1, accumulate_grad_batches=2, num_sanity_val_steps=2)
    trainer.fit(module, Loader(batches()), Loader(batches()))
    x, y = (torch.cat(column) for column in zip(*batches(), strict=True))
    with torch.no_grad():
        output = make_network()(x)
        wanted = {"loss": loss(output, y)}
        if isinstance(loss, lossary.WeightedSum):
            wanted |= loss.named(output, y)
    for key, value in wanted.items():
        for stage in ("train", "val"):
            found = trainer.callback_metrics[f"{stage}_{key}"]
            torch.testing.assert_close(found, value, rtol=0, atol=1e-12)
    (tested,) = trainer.test(module, Loader(batches()), verbose=False)
    assert tested["test_loss"] == pytest.approx(wanted["loss"].item(), abs=1e-12)
    assert set(tested) == {f"test_{key}" for key in wanted}


def test_each_epoch_has_its_own_mean() -> None:
    found = []

    class Watch(pl.Callback):
        def on_train_epoch_end(self, trainer, module):
            found.append(trainer.callback_metrics["train_loss"].item())

    module = Module(LOSSES["ignored"](), lr=0.0)
    make_trainer(3, callbacks=[Watch()]).fit(module, Loader(batches()))
    assert found[0] == found[1] == found[2]


def test_the_coefficients_of_a_sum_know_the_step() -> None:
    loss = lossary.WeightedSum({"a": lossary.MSELoss()}, {"a": lossary.ramp(0.0, 1.0, steps=4)})
    seen = []

    class Steps(Module):
        def training_step(self, batch, batch_idx):
            x, _ = batch
            value = self.exact_loss(self.loss, self.network(x), x[:, :3])
            seen.append(loss.step)
            return value

    make_trainer(1, accumulate_grad_batches=2).fit(Steps(loss), Loader(batches()))
    assert seen == [0, 0, 1, 1, 2]


def test_manual_optimization() -> None:
    """Batches of a step are those since the last one."""

    class Manual(Module):
        automatic_optimization = False

        def training_step(self, batch, batch_idx):
            x, y = batch
            self.manual_backward(self.exact_loss(self.loss, self.network(x), y))
            if batch_idx % 2 or batch_idx == len(LENGTHS) - 1:
                self.optimizers().step()
                self.optimizers().zero_grad()

    module = Manual(LOSSES["ignored"]())
    make_trainer(2).fit(module, Loader(batches()))
    wanted = whole_steps(LOSSES["ignored"](), 2, epochs=2)
    torch.testing.assert_close(parameters(module.network), wanted, rtol=0, atol=1e-10)


def test_a_sum_whose_parts_count_differently() -> None:
    """Exact with one batch in a step; refused where it cannot be."""

    class Size(lossary.LossBase):  # of every sample, whatever its label
        def units(self, output, y):
            return output.square().mean(1)

    loss = lossary.CrossEntropyLoss() + Size()
    module = Module(loss)
    make_trainer(2).fit(module, Loader(batches()))
    wanted = whole_steps(loss, 1, epochs=2)
    torch.testing.assert_close(parameters(module.network), wanted, rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match=r"count differently.*Size: 4 and 1 .*lossary\.train"):
        make_trainer(1, accumulate_grad_batches=2).fit(Module(loss), Loader(batches()))


def test_a_batch_of_nothing_counts_for_nothing() -> None:
    """All labels of the first batch are ignored."""
    data = batches()
    data[0] = (data[0][0], torch.full_like(data[0][1], -100))
    module = Module(lossary.CrossEntropyLoss())
    make_trainer(1, accumulate_grad_batches=3).fit(module, Loader(data))
    wanted = whole_steps(lossary.CrossEntropyLoss(), 3, epochs=1, data=data)
    torch.testing.assert_close(parameters(module.network), wanted, rtol=0, atol=1e-10)


def test_a_lost_hook_is_an_error() -> None:
    class Lost(Module):
        def on_before_optimizer_step(self, optimizer):
            pass

    make_trainer(1).fit(Lost(LOSSES["ignored"]()), Loader(batches()))
    with pytest.raises(RuntimeError, match=r"without ExactLoss\.on_before_optimizer_step"):
        make_trainer(1, accumulate_grad_batches=2).fit(Lost(LOSSES["ignored"]()), Loader(batches()))


def test_a_training_after_one_that_was_interrupted() -> None:
    """What the broken step had accumulated is forgotten."""

    class Breaks(Module):
        broken = True

        def training_step(self, batch, batch_idx):
            value = super().training_step(batch, batch_idx)
            if self.broken and batch_idx == 0:
                raise OSError("broken")
            return value

    module, trainer = Breaks(LOSSES["ignored"]()), make_trainer(1, accumulate_grad_batches=5)
    with pytest.raises(OSError, match="broken"):
        trainer.fit(module, Loader(batches()))
    module.broken = False
    make_trainer(1, accumulate_grad_batches=5).fit(module, Loader(batches()))
    wanted = whole_steps(LOSSES["ignored"](), 5, epochs=1)
    torch.testing.assert_close(parameters(module.network), wanted, rtol=0, atol=1e-10)


def test_several_data_loaders_have_means_of_their_own() -> None:
    class Several(Module):
        told = True

        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            x, y = batch
            index = dataloader_idx if self.told else None
            self.exact_loss(self.loss, self.network(x), y, dataloader_idx=index)

    module, loss = Several(LOSSES["ignored"]()), LOSSES["ignored"]()
    trainer = make_trainer(1)
    loaders = [Loader(batches()), Loader(batches()[:2])]
    trainer.validate(module, loaders, verbose=False)
    for index, loader in enumerate(loaders):
        x, y = (torch.cat(column) for column in zip(*loader, strict=True))
        wanted = loss(make_network()(x), y).detach()
        found = trainer.callback_metrics[f"val_loss/dataloader_idx_{index}"]
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    module.told = False
    with pytest.raises(ValueError, match="2 data loaders: give dataloader_idx"):
        trainer.validate(module, loaders, verbose=False)


@pytest.mark.parametrize(
    ("loss", "error", "said"),
    [
        (nn.CrossEntropyLoss(), TypeError, "nobody knows what its mean divides by"),
        (lossary.CrossEntropyLoss(reduction="sum"), ValueError, "must be 'mean'"),
        (lossary.WeightedSum({"loss": lossary.L1Loss()}), ValueError, "name the part otherwise"),
    ],
)
def test_losses_that_are_refused(loss: nn.Module, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make_trainer(1).fit(Module(loss), Loader(batches()))


def test_losses_that_are_not_exact_are_warned_of() -> None:
    class Pairs(Module):
        def training_step(self, batch, batch_idx):
            return self.exact_loss(self.loss, self.network(batch[0]), batch[0][:, :3])

    with pytest.warns(RuntimeWarning, match="compares the samples") as told:
        make_trainer(2, accumulate_grad_batches=2).fit(
            Pairs(lossary.InfoNCELoss()), Loader(batches())
        )
    assert [w.category for w in told].count(RuntimeWarning) == 1
    make_trainer(1).fit(Pairs(lossary.InfoNCELoss()), Loader(batches()))  # without a warning


def test_the_state_of_the_module_is_its_own() -> None:
    """Nothing of the mixin is saved."""
    module = Module(LOSSES["sum"]())
    before = set(module.state_dict())
    make_trainer(1, accumulate_grad_batches=2).fit(module, Loader(batches()))
    assert set(module.state_dict()) == before


def test_two_processes_are_one(tmp_path: Path) -> None:
    """DDP over gloo; ragged shares of other lengths in each process, and accumulated batches."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = Path(__file__).with_name("share_of_lightning_training.py")
    started = []
    for rank in range(2):
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": "0"}
        told |= {"LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "RANK": str(rank)}
        command = [sys.executable, program, tmp_path / f"{rank}.pt"]
        started.append(subprocess.Popen(command, env={**os.environ, **told}))
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert set(first) == {f"{name} {k}" for name in (*LOSSES, "pairs") for k in (1, 2)} - {
        "pairs 2"
    }
    for case, (found, logged, wanted, wanted_mean) in first.items():
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10, msg=case)
        torch.testing.assert_close(logged, wanted_mean, rtol=0, atol=1e-12, msg=case)
        assert torch.equal(found, second[case][0]), case


def test_the_page_runs() -> None:
    page = (ROOT / "docs" / "integrations" / "lightning.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile("\n".join(blocks), "page", "exec"), {"__name__": "__main__"})
