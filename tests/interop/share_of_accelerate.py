"""One process of two, of Accelerate or of the Trainer, whose steps have ragged batches.

Run by test_accelerate.py and test_transformers.py through torchrun, as
``share_of_accelerate.py accelerate|trainer FOLDER``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

import lossary

CLASSES = 4
ACCUMULATE = 2
CASES = ("cross_entropy", "class_weight", "sum", "uncertainty", "clipped")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, CLASSES).double()


def loss_of(case: str) -> Any:
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    weighted = lossary.CrossEntropyLoss(class_weight=weights)
    plain = lossary.CrossEntropyLoss()
    return {
        "cross_entropy": plain,
        "class_weight": weighted,
        "sum": 0.5 * plain + 2.0 * lossary.FocalLoss(),
        "uncertainty": lossary.UncertaintyWeightedSum(
            {"ce": weighted, "focal": lossary.FocalLoss(class_weight=weights)}
        ).double(),
        "clipped": plain,
    }[case]


def samples() -> list[tuple[Tensor, Tensor]]:
    """Make 12 samples of 5 positions; many labels are ignored, in some all."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(12, 5, 3, generator=draw, dtype=torch.float64)
    y = torch.randint(CLASSES, (12, 5), generator=draw)
    for sample, length in enumerate((5, 0, 1, 4, 0, 0, 2, 5, 3, 1, 0, 5)):
        y[sample, length:] = -100
    return list(zip(x, y, strict=True))


def whole(case: str) -> dict[str, Tensor]:
    """Two steps on the big batches, in one process: of 8 samples, and of the last 4."""
    model, loss = network(), loss_of(case)
    wanted = {**dict(model.named_parameters()), **dict(loss.named_parameters())}
    optimizer = torch.optim.SGD(wanted.values(), lr=0.5)
    found = {}
    for step, batch in enumerate((samples()[:8], samples()[8:])):
        x, y = (torch.stack(column) for column in zip(*batch, strict=True))
        value = loss(model(x).flatten(0, 1), y.flatten())
        value.backward()
        if case == "clipped":
            nn.utils.clip_grad_norm_(wanted.values(), 0.1)
        optimizer.step()
        optimizer.zero_grad()
        found[f"loss {step}"] = value.detach()
    return found | {name: p.detach() for name, p in wanted.items()}


class Both(nn.Module):
    """Network and loss, so that the parameters of both are synchronised."""

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self.network, self.loss = network(), loss

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def accelerate_share(case: str) -> dict[str, Tensor]:
    from accelerate import Accelerator
    from torch.utils.data import DataLoader

    from lossary.interop.accelerate import ExactMean

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=ACCUMULATE)
    model = Both(loss_of(case))
    optimizer: Any = torch.optim.SGD(model.parameters(), lr=0.5)
    loader: Any = DataLoader(samples(), batch_size=2)  # type: ignore[arg-type]  # a list is a data set
    loss = model.loss
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    exact = ExactMean(accelerator, loss)
    found, step = {}, 0
    for x, y in loader:
        with accelerator.accumulate(model):
            exact.backward(model(x).flatten(0, 1), y.flatten())
            if accelerator.sync_gradients:
                done = exact.divide(optimizer)
                found[f"loss {step}"] = done.mean().detach()
                step += 1
                if case == "clipped":
                    accelerator.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
    plain = accelerator.unwrap_model(model)
    found |= {name: p.detach() for name, p in plain.network.named_parameters()}
    return found | {name: p.detach() for name, p in plain.loss.named_parameters()}


def refused() -> str:
    """Return what is said of a sum whose parts weigh differently."""
    from accelerate import Accelerator

    from lossary.interop.accelerate import ExactMean

    loss = lossary.WeightedSum({"a": loss_of("cross_entropy"), "b": loss_of("class_weight")})
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=1)
    model, optimizer = accelerator.prepare(network(), torch.optim.SGD(network().parameters()))
    exact = ExactMean(accelerator, loss)
    x, y = samples()[7 * accelerator.process_index]
    with accelerator.accumulate(model):
        exact.backward(model(x), y)
        try:
            exact.divide(optimizer)
        except ValueError as error:
            return str(error)
    return "nothing"


def trainer_share(folder: Path) -> dict[str, Any]:
    import test_transformers as trainers

    from lossary.interop.transformers import callback, check_trainer, compute_loss_func

    loss = lossary.WeightedSum({"ce": lossary.CrossEntropyLoss()})
    func = compute_loss_func(loss, shift=True)
    made = trainers.trainer(
        trainers.llama(), func, trainers.sequences(), 4, folder, callbacks=[callback(func)]
    )
    check_trainer(made)
    made.train()
    found: dict[str, Any] = {n: p.detach() for n, p in made.model.named_parameters()}
    found["loss_ce"] = made.state.log_history[0]["loss_ce"]
    made = trainers.trainer(trainers.gpt2(), func, trainers.sequences(), 4, folder)
    for name, call in (("trained", made.train), ("checked", lambda: check_trainer(made))):
        try:
            call()
        except ValueError as error:
            found[name] = str(error)
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    torch.set_num_threads(1)
    results: dict[str, Any]
    if sys.argv[1] == "trainer":
        results = trainer_share(folder)
    else:
        results = {case: accelerate_share(case) for case in CASES}
        results["refused"] = refused()
    torch.save(results, folder / f"{os.environ['RANK']}.pt")
    dist.destroy_process_group()
