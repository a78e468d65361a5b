"""What the tests of Lightning train; as a program one process of two, run by test_lightning.py.

``share_of_lightning_training.py FILE`` trains every loss under DDP, where WORLD_SIZE and RANK say
which process it is, and writes what came out, and what has to come out.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import lossary

try:
    import lightning.pytorch as pl
    from lightning.fabric.utilities.warnings import PossibleUserWarning

    from lossary.interop.lightning import ExactLoss
except ModuleNotFoundError:  # then the tests are skipped; this file is still looked at for doctests
    pl = None

LENGTHS = (4, 1, 3, 2, 5)  # samples of each batch; the last step of an epoch may have fewer batches


def make_losses() -> dict[str, Callable[[], nn.Module]]:
    """Return what makes each loss; every sample has labels, of which some are ignored."""
    balance = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)

    def learned() -> nn.Module:
        return lossary.UncertaintyWeightedSum(
            {"ce": lossary.CrossEntropyLoss(), "brier": lossary.BrierLoss()}
        ).double()

    return {
        "ignored": lossary.CrossEntropyLoss,
        "class weights": lambda: lossary.FocalLoss(class_weight=balance),
        "sum": lambda: 0.3 * lossary.CrossEntropyLoss() + 2.0 * lossary.BrierLoss(),
        "learned": learned,
    }


LOSSES = make_losses()


def batches(lengths: Sequence[int] = LENGTHS) -> list[tuple[Tensor, Tensor]]:
    """Return ragged batches."""
    draw = torch.Generator().manual_seed(0)
    count = sum(lengths)
    x = torch.randn(count, 6, generator=draw, dtype=torch.float64)
    y = torch.randint(0, 3, (count,), generator=draw)
    y[torch.arange(count) % 4 == 1] = -100
    return list(zip(x.split(list(lengths)), y.split(list(lengths)), strict=True))


class Loader:
    """Ragged batches as they are; of a list Lightning takes each for a loader."""

    def __init__(self, data: Sequence[tuple[Tensor, Tensor]]) -> None:
        self.data = data

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()


if pl is not None:

    class Module(ExactLoss, pl.LightningModule):
        """A network and a loss, as a user writes them."""

        def __init__(self, loss: nn.Module, lr: float = 0.5) -> None:
            super().__init__()
            self.network, self.loss, self.lr = make_network(), loss, lr

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            x, y = batch
            return self.exact_loss(self.loss, self.network(x), y)

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            x, y = batch
            self.exact_loss(self.loss, self.network(x), y)

        test_step = validation_step

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=self.lr)

    class PairsModule(Module):
        """One whose loss compares samples."""

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return self.exact_loss(self.loss, self.network(batch[0]), batch[0][:, :3])


def make_trainer(epochs: int, **options: Any) -> Any:
    chosen = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return pl.Trainer(max_epochs=epochs, **{**chosen, **options})


def whole_steps(
    loss: nn.Module,
    accumulate: int,
    *,
    epochs: int,
    clip: float | None = None,
    data: Sequence[tuple[Tensor, Tensor]] | None = None,
    pairs: bool = False,
) -> Tensor:
    """Return the network's parameters after steps with one big batch each, in plain torch."""
    network = make_network()
    data = batches() if data is None else data
    optimizer = torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=0.5)
    for _ in range(epochs):
        for first in range(0, len(data), accumulate):
            x, y = (torch.cat(c) for c in zip(*data[first : first + accumulate], strict=True))
            optimizer.zero_grad()
            loss(network(x), x[:, :3] if pairs else y).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_([*network.parameters(), *loss.parameters()], clip)
            optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def worker(file: str) -> None:
    """Train every loss in this process, whose batches are not as long as those of the other."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", PossibleUserWarning)  # advice, such as to validate
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")  # called by Lightning
    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    shares = [batches((3, 2, 4, 1, 2, 3))[r::2] for r in range(2)]
    cases = {(name, k): make for name, make in LOSSES.items() for k in (1, 2)}
    cases["pairs", 1] = lossary.InfoNCELoss
    found = {}
    for (name, k), make in cases.items():
        pairs = name == "pairs"
        module = (PairsModule if pairs else Module)(make())
        options = {"strategy": "ddp", "devices": 2, "use_distributed_sampler": False}
        trainer = make_trainer(2, accumulate_grad_batches=k, **options)
        trainer.fit(module, Loader(shares[rank]))
        # one step is the k batches of each of both processes
        steps = [[b for s in shares for b in s[i : i + k]] for i in range(0, len(shares[0]), k)]
        joined = [tuple(torch.cat(c) for c in zip(*step, strict=True)) for step in steps]
        wanted = whole_steps(make(), 1, epochs=2, data=joined, pairs=pairs)
        trained = nn.utils.parameters_to_vector(module.network.parameters()).detach()
        logged = mean = torch.zeros(())
        if not pairs:
            trainer = make_trainer(1, **options)
            trainer.validate(module, Loader(shares[rank]), verbose=False)
            logged = trainer.callback_metrics["val_loss"]
            x, y = (torch.cat(c) for c in zip(*shares[0], *shares[1], strict=True))
            mean = module.loss(module.network(x), y).detach()
        found[f"{name} {k}"] = (trained, logged, wanted, mean)
    torch.save(found, file)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    worker(sys.argv[1])
